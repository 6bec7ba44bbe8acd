"""A database that is away, locked, foreign or forbidden: one clear line, and no restart after."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from runner.errors import ConfigError, Unavailable
from runner.store import Store
from runner.store.sqlite import journal_mode, open_sqlite
from tests.postgres import PASSWORD, URL_PASSWORD, Cluster
from tests.store.samples import add, behind, numbers


def refusal(url: str) -> str:
    """Open a store in vain; return the error's line after checking that it is fit to print."""
    with pytest.raises(Unavailable) as caught:
        Store.open(url, timeout=2)
    text = str(caught.value)
    assert "\n" not in text
    assert "sqlalche" not in text
    assert PASSWORD not in text
    assert URL_PASSWORD not in text
    assert caught.value.exit_code == 5
    return text


# URLs


@pytest.mark.parametrize(
    "url",
    [
        "",
        "store.sqlite",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///store.sqlite?mode=ro",
        "sqlite://secret@host/store.sqlite",
        "mysql://user:secret@host/db",
        "postgresql+psycopg2://user:secret@host/db",
        "postgresql://user:secret@host:port/db",
        "nonsense://user:secret@",
    ],
)
def test_a_url_that_names_no_store_is_a_fault_of_the_config(url: str) -> None:
    """The message says what a URL looks like, and does not repeat a possible password."""
    with pytest.raises(ConfigError) as caught:
        Store.open(url)
    assert caught.value.exit_code == 2
    assert "sqlite:////absolute/path or postgresql://" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_has_three_names(postgres_url: str, scheme: str) -> None:
    """The usual spellings of the URL mean the same store."""
    with Store.open(postgres_url.replace("postgresql", scheme)) as store:
        assert add(store).number == 1


# SQLite


def test_the_file_is_its_owners_alone(sqlite_url: str, tmp_path: Path) -> None:
    """A new store has mode 0600 whatever the umask, its journal included."""
    mask = os.umask(0)
    try:
        with Store.open(sqlite_url) as store, behind(sqlite_url) as connection:
            connection.exec_driver_sql("UPDATE runner_state SET revision = 7")
            files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
            assert store.revision() == 0
    finally:
        os.umask(mask)
    assert files == {"store.sqlite": 0o600, "store.sqlite-journal": 0o600}


def test_an_existing_file_keeps_its_mode(sqlite_url: str, tmp_path: Path) -> None:
    """An administrator who opened the file to a group is not overruled."""
    Store.open(sqlite_url).close()
    (tmp_path / "store.sqlite").chmod(0o640)
    Store.open(sqlite_url).close()
    assert stat.S_IMODE((tmp_path / "store.sqlite").stat().st_mode) == 0o640


def test_odd_paths_are_paths(tmp_path: Path) -> None:
    """Characters that mean something in a URI are part of the name."""
    folder = tmp_path / "50% #1? ü&mode=ro"
    folder.mkdir()
    path = str(folder / "store.sqlite").replace("%", "%25").replace("?", "%3F")
    with Store.open(f"sqlite:///{path}") as store:
        assert add(store).number == 1
    assert (folder / "store.sqlite").stat().st_size > 0


def test_a_relative_path_starts_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is fixed when the store is opened: a later chdir does not move the store."""
    monkeypatch.chdir(tmp_path)
    with Store.open("sqlite:///store.sqlite") as store:
        monkeypatch.chdir("/")
        assert add(store).number == 1
    assert (tmp_path / "store.sqlite").exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """Folders are not created in passing: a typo would make a second, empty store."""
    folder = tmp_path / "missing"
    assert refusal(f"sqlite:///{folder}/a.sqlite").endswith(f"its folder {folder} does not exist")
    assert not folder.exists()


def test_a_folder_is_not_a_store(tmp_path: Path) -> None:
    """A URL that ends too early is told so."""
    assert refusal(f"sqlite:///{tmp_path}") == f"the store {tmp_path} is a folder, not a file"


def test_another_kind_of_file_is_left_alone(tmp_path: Path) -> None:
    """A file that is no database is refused and not overwritten."""
    path = tmp_path / "model.pickle"
    path.write_bytes(b"not a database, but dear to its owner" * 100)
    assert refusal(f"sqlite:///{path}").endswith("file is not a database")
    assert path.read_bytes() == b"not a database, but dear to its owner" * 100


@contextmanager
def as_nobody() -> Iterator[None]:
    """Drop root's power to ignore permissions; other users never had it."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_no_permission_is_one_clear_line() -> None:
    """Neither creating nor reading nor writing without permission raises anything else."""
    # pytest's own folders are closed to everyone but their owner.
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name, "store.sqlite")
        folder.chmod(0o555)
        with as_nobody():
            assert refusal(f"sqlite:///{path}").endswith("cannot be created: Permission denied")
        folder.chmod(0o755)
        with Store.open(f"sqlite:///{path}") as store:
            add(store)
        path.chmod(0o000)
        with as_nobody():
            assert refusal(f"sqlite:///{path}").endswith("unable to open database file")
        path.chmod(0o444)
        with as_nobody(), Store.open(f"sqlite:///{path}") as store:
            assert numbers(store) == [1]
            with pytest.raises(Unavailable, match=r"attempt to write a readonly database$"):
                add(store)


def test_a_locked_database_is_waited_for_and_no_longer(sqlite_url: str, tmp_path: Path) -> None:
    """A writer that never ends costs others their timeout; then all is well again."""
    with Store.open(sqlite_url, timeout=0.2) as store:
        other = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match=r"store.sqlite is unavailable: database is locked$"):
            add(store)
        assert numbers(store) == []
        other.execute("ROLLBACK")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="database is locked"):
            store.revision()
        with pytest.raises(Unavailable, match="database is locked"):
            Store.open(sqlite_url, timeout=0.1)
        other.close()
        assert add(store).number == 1


def test_a_writer_waits_for_its_turn(sqlite_url: str, tmp_path: Path) -> None:
    """A lock shorter than the timeout is not noticed but for the wait."""
    with Store.open(sqlite_url, timeout=10) as store:
        other = sqlite3.connect(
            tmp_path / "store.sqlite", isolation_level=None, check_same_thread=False
        )
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, other.close)
        release.start()
        assert add(store).number == 1
        release.join()


def test_a_file_that_vanished_is_not_replaced(sqlite_url: str, tmp_path: Path) -> None:
    """A store whose file is gone says so, instead of going on with an empty one."""
    with Store.open(sqlite_url) as store:
        add(store)
        (tmp_path / "store.sqlite").rename(tmp_path / "moved")
        with pytest.raises(Unavailable, match="unable to open database file"):
            store.versions("iris")
        assert not (tmp_path / "store.sqlite").exists()
        (tmp_path / "moved").rename(tmp_path / "store.sqlite")
        assert numbers(store) == [1]


@pytest.mark.parametrize(
    ("version", "mode"),
    [((3, 40, 1), "DELETE"), ((3, 51, 2), "DELETE"), ((3, 51, 3), "WAL"), ((4, 0, 0), "WAL")],
)
def test_wal_only_where_it_is_safe(
    version: tuple[int, int, int], mode: str, tmp_path: Path
) -> None:
    """The journal follows SQLite's version, and a file of the other kind is converted."""
    path = tmp_path / "store.sqlite"
    assert journal_mode(version) == mode
    for earlier in ((4, 0, 0), (3, 40, 1)):
        open_sqlite(path, 1, earlier).close()
        database = open_sqlite(path, 1, version)
        with database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == mode.lower()
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        database.close()


# PostgreSQL


def test_a_server_that_is_not_there_is_one_clear_line() -> None:
    """The line names host and database, not the password."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        text = refusal(f"postgresql://runner:{URL_PASSWORD}@127.0.0.1:{port}/models")
    assert f"the store postgresql://runner@127.0.0.1:{port}/models is unavailable: " in text
    assert "refused" in text


def test_a_wrong_password_is_one_clear_line(postgres_url: str) -> None:
    """The server's reason is passed on; what was tried is not."""
    text = refusal(postgres_url.replace(URL_PASSWORD, "wrong-word"))
    assert "password authentication failed" in text
    assert "wrong-word" not in text


def test_a_password_in_the_options_is_kept_secret(postgres_url: str) -> None:
    """libpq takes it there, too."""
    text = refusal(
        postgres_url.replace(f":{URL_PASSWORD}", "") + "?password=hush-hush&options=hush-hush"
    )
    assert "hush" not in text


def test_an_unknown_database_is_named(postgres_url: str) -> None:
    """The server's own words say which one does not exist."""
    assert 'database "nowhere" does not exist' in refusal(
        f"{postgres_url.rpartition('/')[0]}/nowhere"
    )


def test_a_missing_right_is_one_clear_line(postgres_cluster: Cluster, postgres_url: str) -> None:
    """A role that may not create tables is refused by the server's reason."""
    database = postgres_url.rpartition("/")[2]
    postgres_cluster.execute(f"CREATE ROLE guest_{database} LOGIN PASSWORD 'guest-word'")
    text = refusal(postgres_url.replace(f"runner:{URL_PASSWORD}", f"guest_{database}:guest-word"))
    assert text.endswith("permission denied for schema public")


def test_postgresql_without_its_driver_says_what_to_install(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert refusal(postgres_url).endswith("pip install 'polyglot-runner[postgresql]'")


def test_a_row_locked_for_too_long_is_unavailable(postgres_url: str) -> None:
    """Whoever holds a service's row does not hold up others for ever."""
    with Store.open(postgres_url, timeout=0.3) as store:
        add(store, activate=True)
        with behind(postgres_url) as connection:
            connection.exec_driver_sql("SELECT * FROM runner_models FOR UPDATE")
            with pytest.raises(Unavailable, match="lock timeout"):
                store.activate("iris", 1, by="ben")
            with pytest.raises(Unavailable, match="lock timeout"):
                add(store)
            assert numbers(store) == [1]
        assert add(store).number == 2


def test_a_restarted_server_is_found_again(postgres_cluster: Cluster, postgres_url: str) -> None:
    """While it is away every call is Unavailable; afterwards the same store works on."""
    with Store.open(postgres_url, timeout=2) as store:
        add(store, activate=True)
        postgres_cluster.stop()
        try:
            for act in (store.revision, lambda: add(store), lambda: store.read_artifact("iris", 1)):
                with pytest.raises(Unavailable) as caught:
                    act()
                assert "\n" not in str(caught.value)
        finally:
            postgres_cluster.start()
        assert store.revision() == 1
        assert add(store).number == 2
        assert store.read_artifact("iris", 1) == b"a model"


def test_a_server_that_ends_in_the_middle_of_a_change(
    postgres_cluster: Cluster, postgres_url: str
) -> None:
    """The change is undone as a whole, the error is Unavailable, and the next attempt succeeds."""
    with Store.open(postgres_url, timeout=2) as store:
        add(store)
        restarts = 0

        def restart(*_: object) -> None:
            nonlocal restarts
            if restarts == 0:
                restarts = 1
                postgres_cluster.stop()
                postgres_cluster.start()

        # In the middle: the artifact, the number and the version are written, the commit is not.
        event.listen(Engine, "commit", restart)
        try:
            with pytest.raises(Unavailable):
                add(store, activate=True)
        finally:
            event.remove(Engine, "commit", restart)
        assert restarts == 1
        assert store.revision() == 1
        assert store.active("iris") is None
        assert add(store).number == 2
