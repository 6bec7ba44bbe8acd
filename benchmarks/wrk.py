"""Load a server with wrk, each request another of a list, and read what it says."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True)
class Load:
    """One run: requests a second, latency percentiles in milliseconds, answers other than 2xx."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    requests: int
    failed: int


@dataclass(frozen=True)
class Request:
    """One request: ``target`` is path and query."""

    method: str
    target: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def write_script(requests: Sequence[Request], path: Path) -> Path:
    """Write a script that sends the requests one after the other, again and again.

    Their bytes are made before the load begins, so that all servers' loads cost wrk the same.
    """
    lines = ["local parts = {"]
    for request in requests:
        headers = ", ".join(f"[{_lua(k)}] = {_lua(v)}" for k, v in request.headers.items())
        body = _lua(request.body) if request.body else "nil"
        lines.append(
            f"  {{{_lua(request.method)}, {_lua(request.target)}, {{{headers}}}, body = {body}}},"
        )
    path.write_text("\n".join([*lines, _CYCLE]), encoding="ascii")
    return path


_CYCLE = """\
}
local requests, last = {}, 0
function init()
  for number, part in ipairs(parts) do
    part[3]["Host"] = wrk.headers["Host"]
    requests[number] = wrk.format(part[1], part[2], part[3], part.body)
  end
end
function request()
  last = last % #requests + 1
  return requests[last]
end
"""

_ESCAPES = {n: f"\\{n:03d}" for n in (*range(32), *range(127, 256), ord('"'), ord("\\"))}


def _lua(text: str | bytes) -> str:
    """Quote as a Lua string."""
    if isinstance(text, str):
        text = text.encode()
    return '"' + text.decode("latin-1").translate(_ESCAPES) + '"'


def load(url: str, connections: int, seconds: float, script: Path | None = None) -> Load:
    """Run wrk with one thread for ``seconds``; without a script, GET ``url`` again and again.

    Raises SystemExit if wrk is missing or fails.
    """
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    done = subprocess.run(
        # Whole seconds: wrk knows no others.
        ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency"]
        + (["-s", str(script)] if script else [])
        + [url],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or "Requests/sec" not in done.stdout:
        raise SystemExit(f"wrk fails on {url}:\n{done.stdout}{done.stderr}")
    return read(done.stdout)


def median(runs: Sequence[Load]) -> Load:
    """Give the medians of the runs, and all their requests and failures."""
    return Load(
        statistics.median(run.requests_per_second for run in runs),
        statistics.median(run.p50_ms for run in runs),
        statistics.median(run.p99_ms for run in runs),
        sum(run.requests for run in runs),
        sum(run.failed for run in runs),
    )


def read(printed: str) -> Load:
    """Read what wrk printed. Raises SystemExit if that is something else."""
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
