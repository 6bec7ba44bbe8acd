"""Keep the event loop awake for a moment while one quick answer is waited for."""

from __future__ import annotations

import asyncio
import os
import time

from contracts.waiting import MOMENT, may_wait_awake


class Awake:
    """Let the event loop poll, not sleep, until the answer to a lone request comes.

    Only if the answer before came within a `MOMENT`, and for no longer than one; nobody is waited
    for like this while others are: then the loop has enough to do.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._allowed = may_wait_awake()
        self._brisk = False
        self._waiting = False
        self._polling = False
        self._since = 0.0

    def asked(self, alone: bool) -> None:
        """Note that a request was sent; ``alone`` if no other waits for an answer."""
        self._since = time.monotonic()
        self._waiting = alone and self._brisk
        if self._waiting and not self._polling:
            self._polling = True
            self._loop.call_soon(self._poll)

    def answered(self) -> None:
        """Note that an answer came."""
        self._waiting = False
        self._brisk = self._allowed and time.monotonic() - self._since < MOMENT

    def _poll(self) -> None:
        self._polling = self._waiting and time.monotonic() - self._since < MOMENT
        if self._polling:
            os.sched_yield()  # whoever has something to do comes first
            self._loop.call_soon(self._poll)
