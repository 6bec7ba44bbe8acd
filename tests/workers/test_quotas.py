"""Limits hold across front-ends that each spend an allowance of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from runner.config import EVERYBODY, QuotaSettings
from runner.workers.allowances import Allowance, Allowances
from runner.workers.errors import QuotaExceeded
from runner.workers.quotas import SHARE, Quotas


class Server:
    """A supervisor's counts and some front-ends' allowances, without processes between them."""

    def __init__(self, front_ends: int, **limits: QuotaSettings) -> None:
        known = {client.replace("everybody", EVERYBODY): limit for client, limit in limits.items()}
        self.quotas = Quotas(known)
        self.asked = 0
        self.front_ends = [Allowances(known, self._grant) for _ in range(front_ends)]

    async def _grant(self, **arguments: Any) -> Mapping[str, Any]:
        self.asked += 1
        await asyncio.sleep(0)
        return self.quotas.grant(front_ends=len(self.front_ends), **arguments)

    async def spend(self, client: str, requests: int, rows: int = 1) -> int:
        """Ask so many times, of one front-end after the other; give how often that was granted."""
        granted = 0
        for number in range(requests):
            allowance = self.front_ends[number % len(self.front_ends)].of(client)
            assert allowance is not None
            try:
                await allowance.spend(rows)
            except QuotaExceeded:
                continue
            granted += 1
        return granted


@pytest.mark.parametrize("front_ends", [1, 2, 7])
@pytest.mark.parametrize("limit", [1, 10, 100, 5000])
async def test_requests_of_all_front_ends_count(front_ends: int, limit: int) -> None:
    """Never more than the limit, and no less than 95 % of it, however callers are spread."""
    server = Server(front_ends, a=QuotaSettings(requests_per_minute=limit))
    granted = await server.spend("a", 2 * limit + front_ends)
    assert 0.95 * limit <= granted <= limit


@pytest.mark.parametrize("front_ends", [1, 4])
async def test_rows_count(front_ends: int) -> None:
    """Rows are counted as they come, in requests of any size."""
    server = Server(front_ends, a=QuotaSettings(rows_per_day=10_000))
    rows = 70 * await server.spend("a", 300, rows=70)
    assert 9_500 <= rows <= 10_000


async def test_the_supervisor_is_seldom_asked() -> None:
    """Leave is taken for many requests at once, and a client that does not stop asks nobody."""
    server = Server(2, a=QuotaSettings(requests_per_minute=10_000))
    await server.spend("a", 10_000)
    assert server.asked <= 3 / SHARE
    await server.spend("a", 10_000)
    assert server.asked <= 3 / SHARE + 4


async def test_rows_that_are_used_up_are_asked_for_once() -> None:
    """A client without rows that does not stop asks nobody either; fewer rows may still be left."""
    server = Server(2, a=QuotaSettings(rows_per_day=1000))
    assert [1, 0, 1] == [await server.spend("a", 1, rows) for rows in (700, 301, 200)]
    asked = server.asked
    assert 0 == await server.spend("a", 1000, rows=301)
    assert server.asked <= asked + 2
    assert 1 == await server.spend("a", 1, rows=100)


async def test_a_refused_request_spends_nothing() -> None:
    """A request of too many rows leaves the client's requests and rows as they were."""
    server = Server(1, a=QuotaSettings(requests_per_minute=3, rows_per_day=10))
    assert 0 == await server.spend("a", 5, rows=11)
    assert 3 == await server.spend("a", 5, rows=3)


async def test_clients_do_not_count_for_one_another() -> None:
    """Each client has its own limit; those that are not named have one each, too."""
    server = Server(
        2,
        a=QuotaSettings(requests_per_minute=5),
        everybody=QuotaSettings(requests_per_minute=2),
    )
    assert [5, 2, 2] == [await server.spend(client, 10) for client in ("a", "b", "c")]


async def test_clients_without_limits() -> None:
    """Who is neither named nor meant by the star may ask for as much as it likes."""
    server = Server(1, a=QuotaSettings(requests_per_minute=5))
    assert server.front_ends[0].of("b") is None


async def test_a_new_window_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the minute is over the client may ask again, and what it had left is gone."""
    server = Server(2, a=QuotaSettings(requests_per_minute=50))
    assert 50 >= await server.spend("a", 100) >= 48
    later = time.time() + 61
    monkeypatch.setattr("time.time", lambda: later)
    assert 50 >= await server.spend("a", 100) >= 48


async def test_what_a_client_is_told() -> None:
    """Headers tell limit, window, what is left and until when; a refusal tells how long to wait."""
    server = Server(1, a=QuotaSettings(requests_per_minute=2, rows_per_day=100))
    allowance = server.front_ends[0].of("a")
    assert isinstance(allowance, Allowance)
    assert {} == allowance.headers
    await allowance.spend(30)
    told = allowance.headers
    assert '"requests";q=2;w=60, "rows";q=100;w=86400' == told["RateLimit-Policy"]
    requests, rows = told["RateLimit"].split(", ")
    assert requests.startswith('"requests";r=1;t=')
    assert rows.startswith('"rows";r=70;t=')
    with pytest.raises(QuotaExceeded, match="100 rows a day; this request has 71, and 70 are left"):
        await allowance.spend(71)
    await allowance.spend(1)
    with pytest.raises(QuotaExceeded, match="2 requests a minute") as caught:
        await allowance.spend(1)
    assert 1 <= caught.value.retry_after <= 60


async def test_one_limit_takes_nothing_of_the_other() -> None:
    """A front-end that asks for requests again and again hoards no rows that others lack."""
    limits = QuotaSettings(requests_per_minute=200, rows_per_day=1000)
    server = Server(2, a=limits)
    first, second = server.front_ends[0].of("a"), server.front_ends[1].of("a")
    assert first is not None
    assert second is not None
    for _ in range(100):
        await first.spend(1)
    await second.spend(850)
    assert server.asked <= 3 / SHARE


async def test_what_is_left_here_and_there_is_enough_together() -> None:
    """A request that takes all that is left is answered, though a part of it was taken before."""
    server = Server(1, a=QuotaSettings(rows_per_day=1000))
    assert [1, 1, 0] == [await server.spend("a", 1, rows) for rows in (1, 999, 1)]
