"""Spend what a client may ask for, within one front-end and mostly without asking (see quotas)."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runner.config import EVERYBODY, QuotaSettings
from runner.workers.errors import QuotaExceeded

_MOST_CLIENTS = 10_000


@dataclass
class _Purse:
    """What is left of one kind of limit: here, and for all front-ends to take."""

    limit: int
    window: int
    reset: float
    left: int
    elsewhere: int


class Allowances:
    """Those of all clients that have limits. ``ask`` gets a grant (`quotas.Quotas.grant`)."""

    def __init__(
        self,
        limited: Mapping[str, QuotaSettings],
        ask: Callable[..., Awaitable[Mapping[str, Any]]],
    ) -> None:
        self._limited = frozenset(limited)
        self._ask = ask
        self._clients: dict[str, Allowance] = {}

    def of(self, client: str) -> Allowance | None:
        """Give a client's allowance; None for one that may ask for as much as it likes."""
        found = self._clients.get(client)
        if found is None and (client in self._limited or EVERYBODY in self._limited):
            if len(self._clients) >= _MOST_CLIENTS:
                self._clients.clear()  # each has taken a little; the counts are the supervisor's
            found = self._clients[client] = Allowance(client, self._ask)
        return found


class Allowance:
    """What one client may still ask this front-end for."""

    def __init__(self, client: str, ask: Callable[..., Awaitable[Mapping[str, Any]]]) -> None:
        self._client = client
        self._ask = ask
        self._purses: dict[str, _Purse] = {}
        self._asking = asyncio.Lock()

    async def spend(self, rows: int) -> None:
        """Take a request of so many rows. Raises QuotaExceeded, Unavailable."""
        if self._take(rows):
            return
        async with self._asking:
            if self._take(rows):
                return
            self._refuse_without_asking(rows)
            told = await self._ask(client=self._client, rows=rows, held=self._held())
            held = self._held()
            for kind, each in told.items():
                self._purses[kind] = _Purse(
                    each["limit"], each["window"], each["reset"],
                    held.get(kind, 0) + each["granted"], each["remains"],
                )  # fmt: skip
            if not self._take(rows):
                raise self._exceeded(rows)

    def _held(self) -> dict[str, int]:
        """Give what is left here of each kind, in its window."""
        now = time.time()
        return {kind: purse.left for kind, purse in self._purses.items() if now < purse.reset}

    def _take(self, rows: int) -> bool:
        purses, now = self._purses, time.time()
        if not purses:
            return False
        needed = {"requests": 1, "rows": rows}
        for kind, purse in purses.items():
            if purse.left < needed[kind] or now >= purse.reset:
                return False
        for kind, purse in purses.items():
            purse.left -= needed[kind]
        return True

    def _refuse_without_asking(self, rows: int) -> None:
        """Spare the supervisor a client that does not stop: nothing comes back before the reset."""
        needed, now = {"requests": 1, "rows": rows}, time.time()
        for kind, purse in self._purses.items():
            if purse.left + purse.elsewhere < needed[kind] and now < purse.reset:
                raise self._exceeded(rows)

    def _exceeded(self, rows: int) -> QuotaExceeded:
        requests, of_rows = self._purses.get("requests"), self._purses.get("rows")
        if requests is not None and requests.left + requests.elsewhere < 1:
            what = f"{requests.limit} requests a minute"
            wait = requests.reset
        else:
            assert of_rows is not None
            left = of_rows.left + of_rows.elsewhere
            what = f"{of_rows.limit} rows a day; this request has {rows}, and {left} are left"
            wait = of_rows.reset
        message = f"client {self._client} has used up its limit of {what}"
        return QuotaExceeded(message, max(1, math.ceil(wait - time.time())))

    @property
    def headers(self) -> dict[str, str]:
        """Tell limits and what is left (draft-ietf-httpapi-ratelimit-headers-09).

        What is left is what this front-end knows of; others may have spent some since.
        """
        now = time.time()
        policies = [f'"{kind}";q={p.limit};w={p.window}' for kind, p in self._purses.items()]
        states = [
            f'"{kind}";r={p.left + p.elsewhere};t={max(0, math.ceil(p.reset - now))}'
            for kind, p in self._purses.items()
        ]
        if not policies:
            return {}
        return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)}
