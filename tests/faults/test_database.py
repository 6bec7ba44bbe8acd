"""The database goes away: predictions do not notice, and commands say so."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults.database import sqlite_locked


def test_sqlite_locked(tmp_path: Path) -> None:
    """No prediction fails, commands are refused in a line, and all is well afterwards."""
    outcome = sqlite_locked(tmp_path, seconds=2.0, connections=4, limit=60)
    assert [] == outcome.breaches, outcome.notes
