"""Load a URL with wrk and read what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True)
class Load:
    """One run: requests a second, latency percentiles in milliseconds, answers other than 2xx."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    requests: int
    failed: int


def load(url: str, connections: int, seconds: float) -> Load:
    """Run wrk with one thread for ``seconds``. Raises SystemExit if wrk is not installed."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    printed = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    failed = sum(
        int(number)
        for pattern in (
            r"Non-2xx or 3xx responses: (\d+)",
            r"connect (\d+)",
            r"read (\d+)",
            r"write (\d+)",
            r"timeout (\d+)",
        )
        for number in re.findall(pattern, printed)
    )
    return Load(
        requests_per_second=float(_find(r"Requests/sec:\s+([\d.]+)", printed)),
        p50_ms=_milliseconds(_find(r"\n\s+50%\s+(\S+)", printed)),
        p99_ms=_milliseconds(_find(r"\n\s+99%\s+(\S+)", printed)),
        requests=int(_find(r"(\d+) requests in", printed)),
        failed=failed,
    )


def _find(pattern: str, printed: str) -> str:
    found = re.search(pattern, printed)
    if found is None:
        raise SystemExit(f"wrk printed no {pattern!r}:\n{printed}")
    return found[1]


def _milliseconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    assert found is not None, text
    return float(found[1]) * _UNITS[found[2]]
