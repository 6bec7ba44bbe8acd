"""Ten thousand versions cost what ten cost, counted in statements, rows and steps, not seconds."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from benchmarks.scale import fill
from runner.store import Store, listing
from tests.store.samples import add, behind

MANY = 10_000

ACTS: dict[str, Callable[[Store, int], object]] = {
    "list the newest": lambda store, _: store.versions("iris", limit=5),
    "list a page": lambda store, _: store.versions("iris", limit=5, before=8),
    "list as told": lambda store, _: listing(store, "iris", limit=5),
    "one": lambda store, _: store.version("iris", 7),
    "active": lambda store, _: store.active("iris"),
    "activate": lambda store, _: store.activate("iris", 7, by="ben"),
    "add and activate": lambda store, _: add(store, activate=True),
    "delete": lambda store, number: store.delete("iris", number, by="ben"),
    "artifact": lambda store, _: store.read_artifact("iris", 7),
    "properties": lambda store, _: store.properties("iris"),
    "history": lambda store, _: store.history("iris", limit=5),
    "revision": lambda store, _: store.revision(),
    "services": lambda store, _: store.services(),
}
STATEMENTS = {
    "list the newest": 1,
    "list a page": 1,
    "list as told": 4,
    "one": 2,
    "active": 1,
    "activate": 5,
    "add and activate": 10,
    "delete": 7,
    "artifact": 4,
    "properties": 3,
    "history": 1,
    "revision": 1,
    "services": 1,
    "open": 2,
}


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count statements, rows (PostgreSQL) and steps of SQLite's virtual machine."""
    counts: Counter[str] = Counter()

    def step() -> int:
        counts["steps"] += 1
        return 0

    def connected(connection: Any, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.set_progress_handler(step, 1)

    def executed(_: object, cursor: Any, statement: str, *__: object) -> None:
        if not statement.startswith(("BEGIN", "SET LOCAL")):
            counts["statements"] += 1
            counts["rows"] += max(cursor.rowcount, 0)

    event.listen(Engine, "connect", connected)
    event.listen(Engine, "after_cursor_execute", executed)
    try:
        yield counts
    finally:
        event.remove(Engine, "connect", connected)
        event.remove(Engine, "after_cursor_execute", executed)


def costs(url: str, deletable: int) -> dict[str, Counter[str]]:
    """Perform every act once and return what each cost; `deletable` is a version not active."""
    found = {}
    with Store.open(url) as store:
        for name, act in ACTS.items():
            with counted() as found[name]:
                act(store, deletable)
    with counted() as found["open"]:
        Store.open(url).close()
    return found


def test_cost_does_not_grow_with_versions(url: str) -> None:
    """The same statements, the same rows and the same work, with 10 versions and with 10,000."""
    with Store.open(url) as store:
        add(store, activate=True)
    fill(url, "iris", 2, 10)
    few = costs(url, deletable=3)
    fill(url, "iris", 12, MANY)
    many = costs(url, deletable=4)
    with Store.open(url) as store:
        assert len(store.versions("iris")) == MANY - 1  # 10,001 with the one added, 2 deleted
    # What is compared has been counted: rows by PostgreSQL's driver, steps by SQLite.
    assert few["list the newest"]["rows" if url.startswith("postgresql") else "steps"] >= 5
    assert {name: cost["statements"] for name, cost in few.items()} == STATEMENTS
    for name, cost in many.items():
        assert cost["statements"] == few[name]["statements"], name
        assert cost["rows"] <= few[name]["rows"], name
        assert cost["steps"] <= few[name]["steps"] * 1.1 + 20, name


@pytest.mark.parametrize("count", [10, 100, 1000, MANY])
def test_sqlite_finds_an_index_for_each_act(sqlite_url: str, count: int) -> None:
    """Its planner scans no table from end to end, and sorts nothing, whatever it knows of them."""
    with Store.open(sqlite_url) as store:
        add(store, activate=True)
    fill(sqlite_url, "iris", 2, count)
    asked: list[tuple[str, Any]] = []

    def keep(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        costs(sqlite_url, deletable=3)
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
    assert len(asked) > 20
    with behind(sqlite_url) as connection:
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [row.detail for row in plan]
            # `page` is what was asked for; `services` reads all of them; the others are tiny.
            few = ("page", "runner_models", "runner_state", "runner_schema", "sqlite_master")
            scans = [
                step for step in steps if step.startswith("SCAN") and step.split()[1] not in few
            ]
            assert scans == [], statement
            assert not any("TEMP B-TREE" in step for step in steps), statement


def test_postgresql_reads_no_table_from_end_to_end(postgres_url: str) -> None:
    """With 10,000 versions and fresh statistics, its planner finds an index for every act."""
    with Store.open(postgres_url) as store:
        add(store, activate=True)
    fill(postgres_url, "iris", 2, MANY)
    query = "SELECT relname, seq_tup_read FROM pg_stat_user_tables"
    with behind(postgres_url) as connection:
        connection.exec_driver_sql("SELECT pg_stat_reset()")
    costs(postgres_url, deletable=3)
    for _ in range(100):  # statistics arrive when the server gets round to it
        with behind(postgres_url) as connection:
            read = {row.relname: row.seq_tup_read for row in connection.exec_driver_sql(query)}
        if read["runner_state"] or sum(read.values()):
            break
        time.sleep(0.05)
    assert max(read.values()) < 100, read
