"""Wait for clients: awake for a moment while their requests follow one another closely."""

from __future__ import annotations

import os
import selectors
import time

from contracts.waiting import MOMENT, may_wait_awake


class Awake:
    """Select; poll before sleeping, for at most a `MOMENT`, if the last wait was no longer."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._allowed = may_wait_awake()
        self._brisk = False

    def select(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Give what is ready, as a selector's select; nothing after ``timeout`` seconds."""
        if timeout == 0:
            return self._selector.select(0)
        since = time.monotonic()
        if self._brisk:
            while time.monotonic() - since < MOMENT:
                if ready := self._selector.select(0):
                    return ready
                os.sched_yield()  # whoever has something to do comes first
        ready = self._selector.select(timeout)
        self._brisk = self._allowed and time.monotonic() - since < MOMENT
        return ready
