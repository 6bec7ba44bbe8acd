"""Whoever is killed, each answered request has one record and is counted once."""

from __future__ import annotations

from pathlib import Path

from benchmarks.faults import records


def test_sigkill_of_record_writers(tmp_path: Path) -> None:
    """Front-ends and supervisors that are killed under load lose and double nothing."""
    assert [] == records.sigkill_of_record_writers(tmp_path, trials=4).breaches
