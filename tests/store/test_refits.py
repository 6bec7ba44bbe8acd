"""A moment of a schedule is one server's, however many come for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from runner.store import Store

HOUR = timedelta(hours=1)
TEN = datetime(2026, 11, 25, 10, tzinfo=UTC)


def test_one_of_many(url: str) -> None:
    """Of servers that come at the same time one takes each moment, the first one included."""
    with Store.open(url):
        pass

    def come(number: int) -> list[bool]:
        with Store.open(url) as store:
            at = [TEN + HOUR * turn for turn in range(5)]
            return [store.refits.take("iris", each, each - HOUR) for each in at]

    with ThreadPoolExecutor(8) as pool:
        came = list(pool.map(come, range(8)))
    # One that comes late, when the next moment is taken, gets nothing any more.
    assert [1] * 5 == [sum(turn) for turn in zip(*came, strict=True)]


def test_schedules_without_a_start(store: Store) -> None:
    """Servers whose hours begin at other minutes keep one schedule, also when one is gone."""
    half = TEN + HOUR / 2
    assert store.refits.take("iris", TEN, TEN - HOUR)
    assert not store.refits.take("iris", half, half - HOUR)
    assert store.refits.take("iris", TEN + HOUR, TEN)
    assert not store.refits.take("iris", half + HOUR, half)
    assert store.refits.take("iris", half + 2 * HOUR, half + HOUR)


def test_services_apart(store: Store) -> None:
    """Each service has its own schedule."""
    assert store.refits.take("iris", TEN, TEN - HOUR)
    assert store.refits.take("boston", TEN, TEN - HOUR)
