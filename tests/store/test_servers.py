"""What running servers say of themselves: replaced, forgotten, and stale after a while."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from runner.store import Served, Store
from runner.store.servers import STALE
from tests.store.samples import behind

ONE = Served("iris", 1, 1, "ready", "", 7)
TWO = Served("iris", 1, 2, "failed", "version 2 cannot start: it does not", 8)
OTHER = Served("other", None, None, "no_model", "no version is active", 8)


def test_a_server_says_what_it_serves(store: Store) -> None:
    """What it says last counts, of the service that is asked for."""
    store.servers.report("a" * 32, "red", 11, [ONE, OTHER])
    store.servers.report("a" * 32, "red", 11, [TWO, OTHER])
    store.servers.report("b" * 32, "blue", 12, [ONE])
    found = store.servers.live("iris")
    assert [(each.host, each.pid, each.served) for each in found] == [
        ("blue", 12, ONE),
        ("red", 11, TWO),
    ]
    assert [each.served for each in store.servers.live("other")] == [OTHER]


def test_a_server_that_ends_is_forgotten(store: Store) -> None:
    """Its own rows go, and no others."""
    store.servers.report("a" * 32, "red", 11, [ONE])
    store.servers.report("b" * 32, "blue", 12, [ONE])
    store.servers.forget("a" * 32)
    assert [each.host for each in store.servers.live("iris")] == ["blue"]


def test_what_is_said_is_no_change_of_versions(store: Store) -> None:
    """Servers that say something do not make servers look for new versions."""
    before = store.revision()
    store.servers.report("a" * 32, "red", 11, [ONE])
    store.servers.forget("a" * 32)
    assert store.revision() == before


def test_a_server_that_says_nothing_is_ignored_and_then_removed(store: Store, url: str) -> None:
    """Its rows do not count after a while, and go when another server says something."""
    store.servers.report("a" * 32, "red", 11, [ONE])
    _age(url, STALE + 1)
    assert store.servers.live("iris") == []
    assert _count(url) == 1
    _age(url, 120)
    store.servers.report("b" * 32, "blue", 12, [ONE])
    assert _count(url) == 1


def test_a_server_that_is_only_slow_counts(store: Store, url: str) -> None:
    """A process of this machine that is still there may serve on, however long it said nothing."""
    here = socket.gethostname()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    store.servers.report("a" * 32, here, os.getpid(), [ONE])
    store.servers.report("b" * 32, here, ended.pid, [ONE])
    _age(url, STALE + 1)
    assert [each.pid for each in store.servers.live("iris")] == [os.getpid()]


def _age(url: str, seconds: float) -> None:
    seen = (datetime.now(UTC) - timedelta(seconds=seconds)).replace(tzinfo=None)
    with behind(url) as connection:
        connection.execute(text("UPDATE runner_servers SET seen = :seen"), {"seen": str(seen)})


def _count(url: str) -> int:
    with behind(url) as connection:
        return int(connection.scalar(text("SELECT count(*) FROM runner_servers")))
