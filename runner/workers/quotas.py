"""Count what each client asks for, rightly across all front-ends, and seldom asking for leave.

The supervisor keeps the counts, here. A front-end takes an allowance of some requests and rows at
once, and spends that on its own (see allowances). What is given out counts as used, so no client
gets more than its limit; what lies unspent in the other front-ends when a limit is reached is at
most `SHARE` of it. Windows begin with a client's first request, as those of the library do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from runner.config import EVERYBODY, QuotaSettings

SHARE = 0.04
"""Of a limit, what all front-ends together may hold unspent."""

_KINDS: dict[str, tuple[str, type[RateLimitItem]]] = {
    "requests": ("requests_per_minute", RateLimitItemPerMinute),
    "rows": ("rows_per_day", RateLimitItemPerDay),
}


class Quotas:
    """All counts of one server, in memory: a restart begins anew."""

    def __init__(self, limits: Mapping[str, QuotaSettings]) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._items = {client: _items(settings) for client, settings in limits.items()}

    def grant(
        self, client: str, rows: int, held: Mapping[str, int], front_ends: int
    ) -> dict[str, Any]:
        """Give an allowance for a request of so many rows and some more, or none of anything.

        ``held`` is what the front-end that asks has left of each kind. For each kind of limit: its
        ``limit``, ``window`` (seconds), what is ``granted`` and what ``remains`` for others, and
        when it is ``reset`` (seconds since the epoch).
        """
        items = self._items.get(client) or self._items.get(EVERYBODY) or {}
        needed = {"requests": 1, "rows": rows}
        told: dict[str, Any] = {}
        for kind, item in items.items():
            reset, remaining = self._limiter.get_window_stats(item, client)
            # Whoever asks for want of the one kind hoards nothing of the other.
            share = int(item.amount * SHARE / max(front_ends, 1)) - held.get(kind, 0)
            wanted = max(needed[kind], share)
            told[kind] = {
                "limit": item.amount,
                "window": item.get_expiry(),
                "reset": reset,
                "granted": min(wanted, remaining),
                "remains": remaining,
            }
        if any(told[kind]["granted"] + held.get(kind, 0) < needed[kind] for kind in told):
            for each in told.values():
                each["granted"] = 0
        for kind, each in told.items():
            if each["granted"]:
                self._limiter.hit(items[kind], client, cost=each["granted"])
                each["remains"] -= each["granted"]
                each["reset"], _ = self._limiter.get_window_stats(items[kind], client)
        return told


def _items(settings: QuotaSettings) -> dict[str, RateLimitItem]:
    given = {kind: (getattr(settings, key), item) for kind, (key, item) in _KINDS.items()}
    return {kind: item(limit) for kind, (limit, item) in given.items() if limit is not None}
