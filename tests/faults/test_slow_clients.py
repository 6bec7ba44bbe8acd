"""Clients that send too little hurt themselves only."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults.slow_clients import slow_clients


def test_slow_clients(tmp_path: Path) -> None:
    """Silent and stalled connections are cut off, unexecuted; good clients notice nothing."""
    assert [] == slow_clients(tmp_path, connections=42, good=4, limit=60).breaches
