"""Read the memory of processes from /proc: what they hold, and the most that they held."""

from __future__ import annotations

import re
from pathlib import Path


def forget_peak(pid: int) -> int:
    """Give the resident bytes, and let `peak` count from here (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    return resident(pid)


def peak(pid: int) -> int:
    """Give the most resident bytes since `forget_peak`."""
    return _status(pid, "VmHWM")


def resident(pid: int) -> int:
    """Give the resident bytes, shared ones in full: they depend on no other process."""
    return _status(pid, "VmRSS")


def _status(pid: int, key: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(rf"^{key}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
