"""Migrations: complete, once, only when needed, and never backwards."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import runner.store
from runner.errors import Unavailable
from runner.store import Store
from runner.store.migrate import HEAD, VERSION_TABLE
from runner.store.schema import tables
from tests.store.samples import add, behind

ROOT = Path(__file__).parents[2]


def test_head_is_the_newest_script() -> None:
    """The revision that the code asks for is the last one there is a script for."""
    scripts = ScriptDirectory(str(Path(runner.store.__file__).with_name("migrations")))
    assert scripts.get_heads() == [HEAD]


def test_migrations_build_what_the_code_expects(store: Store, url: str) -> None:
    """The tables that migrations made and the tables of schema.py do not differ."""
    assert store.services() == []
    with behind(url) as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, tables) == []


def test_an_up_to_date_store_opens_without_alembic(store: Store, url: str) -> None:
    """Alembic, and the third of a second that it takes to import, are for migrations only."""
    add(store)
    code = (
        "import sys\n"
        "from runner.store import Store\n"
        f"print([v.number for v in Store.open({url!r}).versions('iris')])\n"
        "print([name for name in sys.modules if name.startswith(('alembic', 'mako', 'numpy'))])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert output == "[1]\n[]\n"


def test_a_newer_store_is_refused(store: Store, url: str) -> None:
    """An older runner leaves a newer database alone and says what to upgrade."""
    add(store, activate=True)
    with behind(url) as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0999'")
    with pytest.raises(Unavailable, match=r"has schema 0999, newer than 0\d{3}.*: upgrade"):
        Store.open(url)
    with behind(url) as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '{HEAD}'")
    with Store.open(url) as again:
        assert again.active("iris") == store.active("iris")


def test_other_programs_in_the_database_are_left_alone(url: str) -> None:
    """Tables called as Palladium's or as Alembic's own neither disturb nor change."""
    with behind(url) as connection:
        for table in ("models", "alembic_version"):
            connection.exec_driver_sql(f"CREATE TABLE {table} (version_num VARCHAR(32))")
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ('theirs')")
    with Store.open(url) as store:
        assert add(store, activate=True).number == 1
    with behind(url) as connection:
        for table in ("models", "alembic_version"):
            rows = connection.exec_driver_sql(f"SELECT version_num FROM {table}").scalars().all()
            assert rows == ["theirs"]


def test_migrating_is_silent(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Opening a new store prints no warning and changes no logging set-up."""
    before = list(logging.getLogger().handlers)
    Store.open(url).close()
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
    assert logging.getLogger().handlers == before
