"""The event loop polls for a lone, quick answer, and for nothing else: turns counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

import pytest

from contracts.waiting import MOMENT
from runner.workers import awake
from runner.workers.awake import Awake

SOON, LATE = MOMENT / 4, MOMENT * 2


class Loop:
    """A loop whose turns the test makes, and a clock that moves by as much as the test says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.called: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.called.append(callback)

    def turn(self) -> int:
        """Run what was called for; give how much that was."""
        called, self.called = self.called, []
        for callback in called:
            callback()
        return len(called)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    loop = Loop()
    monkeypatch.setattr(time, "monotonic", lambda: loop.now)
    monkeypatch.setattr(awake, "may_wait_awake", lambda: True)
    return loop


def waiting(loop: Loop, after: float) -> Awake:
    """One that has had an answer ``after`` seconds."""
    one = Awake(cast(asyncio.AbstractEventLoop, loop))
    one.asked(alone=True)
    assert not loop.called, "nothing is known of the first"
    loop.now += after
    one.answered()
    assert not loop.called
    return one


def test_polls_until_the_answer(loop: Loop) -> None:
    one = waiting(loop, SOON)
    one.asked(alone=True)
    assert [1, 1, 1] == [loop.turn() for _ in range(3)]
    one.answered()
    assert [1, 0] == [loop.turn() for _ in range(2)]


def test_polls_once_at_a_time(loop: Loop) -> None:
    one = waiting(loop, SOON)
    for _ in range(3):
        one.asked(alone=True)
        one.answered()
    one.asked(alone=True)
    assert [1, 1] == [loop.turn() for _ in range(2)]


def test_sleeps_after_a_moment(loop: Loop) -> None:
    one = waiting(loop, SOON)
    one.asked(alone=True)
    assert loop.turn() == 1
    loop.now += LATE
    assert [1, 0] == [loop.turn() for _ in range(2)]


def test_sleeps_where_the_last_answer_was_slow(loop: Loop) -> None:
    one = waiting(loop, LATE)
    one.asked(alone=True)
    assert not loop.called


def test_sleeps_where_others_wait_as_well(loop: Loop) -> None:
    one = waiting(loop, SOON)
    one.asked(alone=True)
    one.asked(alone=False)
    assert [1, 0] == [loop.turn() for _ in range(2)]


def test_sleeps_where_it_may_not_poll(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awake, "may_wait_awake", lambda: False)
    one = waiting(loop, SOON)
    one.asked(alone=True)
    assert not loop.called
