"""An adapter polls while requests follow one another closely, else it sleeps: calls counted."""

from __future__ import annotations

import selectors
import time
from typing import Any, cast

import pytest

from adapters import awake
from adapters.awake import Awake
from contracts.waiting import MOMENT

SOON, LATE = MOMENT / 4, MOMENT * 2
LOOK = MOMENT / 10


class Selector:
    """One whose next event comes a given time after the wait began; time moves as one looks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.event = 0.0
        self.asked: list[float | None] = []

    def select(self, timeout: float | None) -> list[Any]:
        self.asked.append(timeout)
        if timeout == 0:
            self.now += LOOK
            return ["event"] if self.now >= self.event else []
        until = self.event if timeout is None else min(self.event, self.now + timeout)
        self.now = max(self.now, until)
        return ["event"] if self.now >= self.event else []


@pytest.fixture
def selector(monkeypatch: pytest.MonkeyPatch) -> Selector:
    selector = Selector()
    monkeypatch.setattr(time, "monotonic", lambda: selector.now)
    monkeypatch.setattr(awake, "may_wait_awake", lambda: True)
    return selector


def wait(one: Awake, selector: Selector, event: float, timeout: float | None = None) -> list[Any]:
    """Wait for an event that comes so many seconds from now; give the timeouts asked for."""
    selector.asked.clear()
    selector.event = selector.now + event
    found = one.select(timeout)
    assert found == (["event"] if selector.now >= selector.event else [])
    return list(selector.asked)


@pytest.fixture
def one(selector: Selector) -> Awake:
    return Awake(cast(selectors.BaseSelector, selector))


def test_sleeps_for_the_first_and_polls_for_the_next(one: Awake, selector: Selector) -> None:
    assert wait(one, selector, SOON) == [None]
    for _ in range(3):
        assert set(wait(one, selector, SOON)) == {0}


def test_sleeps_after_a_moment_and_polls_no_more(one: Awake, selector: Selector) -> None:
    wait(one, selector, SOON)
    asked = wait(one, selector, LATE)
    assert asked[-1] is None
    assert 0 < len(asked) - 1 <= MOMENT / LOOK + 1
    assert wait(one, selector, LATE) == [None]
    assert wait(one, selector, SOON) == [None]
    assert set(wait(one, selector, SOON)) == {0}


def test_a_timeout_ends_the_sleep(one: Awake, selector: Selector) -> None:
    assert wait(one, selector, LATE, timeout=SOON) == [SOON]


def test_what_need_not_wait_is_asked_once(one: Awake, selector: Selector) -> None:
    wait(one, selector, SOON)
    assert wait(one, selector, LATE, timeout=0) == [0]


def test_sleeps_where_it_may_not_poll(selector: Selector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awake, "may_wait_awake", lambda: False)
    one = Awake(cast(selectors.BaseSelector, selector))
    for _ in range(3):
        assert wait(one, selector, SOON) == [None]
