"""Transactions on either database, and the one place where its errors become ours.

What differs between SQLite and PostgreSQL is in `sqlite.py` and `postgresql.py`; both hand over an
engine that understands the execution option `writes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from runner.errors import Unavailable

WRITES = "runner_writes"
"""Execution option that tells the engine's `begin` listener what kind of transaction it opens."""


@dataclass(frozen=True)
class Database:
    """An engine with reading and writing transactions that raise nothing but Unavailable."""

    engine: Engine
    label: str
    """What messages call it: a path, or a URL without password and options."""
    secret: str | None = field(default=None, repr=False)
    """The password, to be struck out of messages that quote it."""
    reader_options: Mapping[str, Any] = field(default_factory=dict)
    writer_options: Mapping[str, Any] = field(default_factory=dict)
    stamp: Callable[[], object | None] = lambda: None
    """Tell without a query whether anybody may have committed; None: only a query tells."""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the database and takes no write lock."""
        with self._explained(), self._begin({WRITES: False, **self.reader_options}) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that commits at the end, or leaves nothing behind after an error."""
        with self._explained(), self._begin({WRITES: True, **self.writer_options}) as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _begin(self, options: Mapping[str, Any]) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            connection.execution_options(**options)
            with connection.begin():
                yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, UnicodeDecodeError) as ex:
            # The latter: sqlite3 quotes names of a rotten schema, which need be no UTF-8 any more.
            raise self.unavailable(ex) from ex

    def unavailable(self, error: SQLAlchemyError | UnicodeDecodeError) -> Unavailable:
        """Say in one line, and without the password, what the database answered."""
        reason = error.orig if isinstance(error, DBAPIError) and error.orig else error
        text = " ".join(str(reason).partition("\n")[0].split()) or type(reason).__name__
        if self.secret:
            text = text.replace(self.secret, "***")
        return Unavailable(f"the store {self.label} is unavailable: {text}")
