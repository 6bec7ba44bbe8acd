"""Tell usage from its tables: sums by client, service, version, outcome, day or hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

from runner.audit.question import Question
from runner.store import Store
from runner.store.schema import LATENCIES
from runner.store.usage import COUNTS

_BUCKETS = [name for name in COUNTS if name.startswith("latency_")]
_SHARES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
_HIDDEN = ("nanoseconds", *_BUCKETS)

TOLD = (*(name for name in COUNTS if name not in _HIDDEN), "mean_ms", *_SHARES)
"""What each row tells, behind what it is told by."""


def statistics(store: Store, question: Question, client: str | None = None) -> list[dict[str, Any]]:
    """Give a row for each combination that there is; of one client only, if told.

    Times are in milliseconds: the mean, and for each share the end of the bucket of the histogram
    that it falls into, None beyond the last.
    """
    keys = ["hour" if name == "day" else name for name in question.by]
    sums: dict[tuple[Any, ...], list[int]] = {}
    since = question.since and question.since.replace(minute=0, second=0, microsecond=0)
    for row in store.usage.counts(keys, since=since, client=client):
        group = tuple(_shown(name, row) for name in question.by)
        before = sums.setdefault(group, [0] * len(COUNTS))
        for at, name in enumerate(COUNTS):
            before[at] += row[name]
    return [
        {**dict(zip(question.by, group, strict=True)), **_told(counts)}
        for group, counts in sorted(sums.items())
    ]


def _shown(name: str, row: dict[str, Any]) -> Any:
    if name not in ("day", "hour"):
        return row[name]
    hour: datetime = row["hour"]
    return hour.date().isoformat() if name == "day" else hour.strftime("%Y-%m-%dT%H:00Z")


def _told(counts: Sequence[int]) -> dict[str, Any]:
    found = dict(zip(COUNTS, counts, strict=True))
    buckets = list(accumulate(found.pop(name) for name in _BUCKETS))
    requests = found["requests"]
    mean = found.pop("nanoseconds") / requests / 1e6
    shares = {name: _share(buckets, share * requests) for name, share in _SHARES.items()}
    return {**found, "mean_ms": round(mean, 3), **shares}


def _share(buckets: Sequence[int], at_least: float) -> int | None:
    for limit, number in zip(LATENCIES, buckets, strict=False):
        if number >= at_least:
            return limit
    return None
