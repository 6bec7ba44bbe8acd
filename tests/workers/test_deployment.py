"""A service follows its store, also one that does not answer for a moment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from runner.errors import Unavailable
from runner.workers.deployment import Deployment


class Store:
    """No version is active; it is locked at some looks, counted from 1."""

    def __init__(self, *locked: int) -> None:
        self.looks = 0
        self._locked = locked

    def active(self, service: str) -> None:
        self.looks += 1
        if self.looks in self._locked:
            raise Unavailable("the store is locked")


async def test_a_store_that_is_locked_at_a_look_is_asked_again() -> None:
    """What it was to tell is not lost, though nothing in it changes after that."""
    store = Store(2, 3)
    config: Any = SimpleNamespace(service_name="iris", service=SimpleNamespace(timeout=1.0))
    said = asyncio.Event()

    async def drained(sockets: tuple[str, ...], timeout: float | None) -> bool:
        return True

    held: Any = Deployment(
        config, store, Path(), lambda: None, drained, lambda _: None, said.set  # type: ignore[arg-type]
    )  # fmt: skip
    following = asyncio.create_task(held.run())
    try:
        async with asyncio.timeout(30.0):
            while held._revision != 7:
                await said.wait()
                said.clear()
                held.look(7)
    finally:
        following.cancel()
    assert 4 == store.looks
