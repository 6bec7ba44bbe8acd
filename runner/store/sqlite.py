"""SQLite as the store's database: a file of its owner alone, durable, readable while written.

Transactions follow SQLAlchemy's recipe for non-legacy transaction control, which works on every
Python: sqlite3 is told to begin nothing by itself (isolation_level=None), and a listener begins
explicitly: BEGIN IMMEDIATE to write, so that a writer waits for its turn at the start instead of
failing in the middle, and a plain BEGIN to read, which locks nobody out.

PERF: without WAL, readers wait while a large artifact goes from SQLite's cache to the disk: about
two seconds a GB on an SSD. Routing tables are in memory, so no prediction waits for that.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, NullPool, create_engine, event

from runner.errors import Unavailable
from runner.store.database import WRITES, Database

_creating = threading.Lock()


def journal_mode(version: tuple[int, ...]) -> str:
    """Return WAL only for versions without the WAL-reset bug, which corrupts: 3.51.3 mends it."""
    return "WAL" if version >= (3, 51, 3) else "DELETE"


def open_sqlite(path: Path, timeout: float, version: tuple[int, ...] | None = None) -> Database:
    """Create the file if need be and return its database; `timeout` seconds is the wait for locks.

    `version` is the version of SQLite itself, the linked one unless told otherwise.
    """
    path = path.absolute()
    _create(path)
    _set_journal_mode(path, timeout, journal_mode(version or sqlite3.sqlite_version_info))
    # A connection to a file costs less than a millisecond. Without a pool no connection outlives
    # its transaction: nothing is carried into a fork, and a replaced file is seen at once.
    engine = create_engine(
        "sqlite://",
        creator=lambda: _connect(path, timeout),
        poolclass=NullPool,
        hide_parameters=True,
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return Database(engine, str(path), stamp=lambda: _stamp(path))


def _stamp(path: Path) -> object:
    """Give what tells one state of the file, and of its write-ahead log, from the next."""
    return _state(path), _state(path.with_name(f"{path.name}-wal"))


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _create(path: Path) -> None:
    """Create an empty file that only its owner may read; leave an existing one alone.

    NOTE: never open an existing database here. Closing any descriptor of a file drops all POSIX
    locks that this process holds on it, SQLite's among them; hence also the lock among threads.
    """
    if path.is_dir():
        raise Unavailable(f"the store {path} is a folder, not a file")
    if not path.parent.is_dir():
        raise Unavailable(f"the store {path}: its folder {path.parent} does not exist")
    with _creating:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return
        except OSError as ex:
            raise Unavailable(f"the store {path} cannot be created: {ex.strerror}") from ex


def _connect(path: Path, timeout: float) -> sqlite3.Connection:
    # mode=rw: a file that vanished is an error, never silently a new and empty store.
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _set_journal_mode(path: Path, timeout: float, mode: str) -> None:
    """Switch the file to `mode`, which SQLite remembers in the file."""
    try:
        connection = _connect(path, timeout)
        try:
            (present,) = connection.execute("PRAGMA journal_mode").fetchone()
            if str(present).upper() != mode:
                connection.execute(f"PRAGMA journal_mode={mode}")
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError) as ex:  # see `Database._explained`
        reason = str(ex).partition("\n")[0]  # a rotten file may have it tell much
        raise Unavailable(f"the store {path} is unavailable: {reason}") from ex
