"""kill -9 at any moment leaves the state from before a change or from after it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select, text

from runner.store import Store
from runner.store.schema import artifacts, chunks
from tests.store.doomed import CHANGES
from tests.store.samples import add, behind

ROOT = Path(__file__).parents[2]


class Doomed:
    """The process of `doomed.py`: it lives, its children die."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, change: str, moment: float) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{change} {moment}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@pytest.fixture
def doomed(url: str) -> Iterator[Doomed]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.doomed", url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Doomed(process)
    assert process.returncode == 0


def everything(store: Store) -> dict[str, Any]:
    """All that can be seen of the service, artifacts verified."""
    seen = store.versions("iris")
    active = store.active("iris")
    return {
        "versions": [version.number for version in seen],
        "artifacts": [len(store.read_artifact("iris", version.number)) for version in seen],
        "active": active and active.number,
        "history": [(a.from_version, a.to_version) for a in store.history("iris")],
        "revision": store.revision(),
    }


@pytest.mark.parametrize("change", CHANGES)
def test_killed_at_every_statement_it_is_before_or_after(
    store: Store, url: str, doomed: Doomed, change: str
) -> None:
    """Wherever a change dies, everything is as before; once it is done, everything is as after."""
    add(store, artifact=b"old", activate=True)
    add(store, artifact=b"older")
    before = everything(store)
    for moment in range(40):
        outcome = doomed(change, moment)
        if outcome == "done":
            break
        assert outcome == "killed"
        assert everything(store) == before
    else:
        pytest.fail("the change never ended")
    assert moment >= 5  # begin, lock, change, count, commit at the least
    after = everything(store)
    expected = {
        "add": {"versions": [1, 2, 3], "active": 1, "history": [(None, 1)]},
        "add-and-activate": {"versions": [1, 2, 3], "active": 3, "history": [(None, 1), (1, 3)]},
        "activate": {"versions": [1, 2], "active": 2, "history": [(None, 1), (1, 2)]},
        "delete": {"versions": [1], "active": 1, "history": [(None, 1)]},
    }[change]
    assert {key: after[key] for key in expected} == expected
    assert after["revision"] == before["revision"] + 1
    with behind(url) as connection:  # and the dead left no bytes that nobody owns
        assert len(set(connection.scalars(select(chunks.c.artifact_id)))) == len(after["versions"])
        ever = after["versions"][-1] if change != "delete" else 2
        assert len(connection.scalars(select(artifacts.c.id)).all()) == ever


def test_killed_at_every_statement_of_a_migration_it_starts_over(url: str, doomed: Doomed) -> None:
    """A half migrated database does not exist: whoever opens it next migrates it whole."""
    for moment in range(60):
        outcome = doomed("migrate", moment)
        if outcome == "done":
            break
        assert outcome == "killed"
        assert tables_in(url) == set()
    else:
        pytest.fail("the migration never ended")
    assert moment > 10
    with Store.open(url) as store:
        assert add(store).number == 1


def tables_in(url: str) -> set[str]:
    with behind(url) as connection:
        return set(inspect(connection).get_table_names())


def await_server(url: str) -> None:
    """Wait until PostgreSQL has done what a dead client asked last: a commit may be under way."""
    if not url.startswith("postgresql"):
        return
    busy = text(
        "select count(*) from pg_stat_activity where datname = current_database() "
        "and pid <> pg_backend_pid() and state <> 'idle'"
    )
    while True:
        with behind(url) as connection:
            if connection.scalar(busy) == 0:
                return
        time.sleep(0.01)


def test_killed_at_any_time_it_is_before_or_after(store: Store, url: str, doomed: Doomed) -> None:
    """The moment comes from a clock instead, so it falls into the database's own work, too."""
    add(store, artifact=b"old", activate=True)
    dice = random.Random(3)
    killed, after = 0, everything(store)
    while killed < 12 or len(after["versions"]) < 5:  # a busy machine adds less before it is killed
        before = everything(store)
        assert doomed("forever", dice.uniform(0, 0.1)) == "killed"
        killed += 1
        await_server(url)
        after = everything(store)
        assert after["versions"] == list(range(1, len(after["versions"]) + 1))
        assert after["active"] == after["versions"][-1]
        assert [to for _, to in after["history"]] == after["versions"]
        assert set(after["artifacts"][1:]) <= {1_500_000}
        added = after["versions"][-1] - before["versions"][-1]
        assert after["revision"] == before["revision"] + added
    assert add(store).number == after["versions"][-1] + 1
