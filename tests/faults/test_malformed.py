"""Bytes that are no frames, no HTTP, no JSON: refused in order, and nobody else is harmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults.malformed_frames import malformed_frames_at_workers
from benchmarks.faults.malformed_http import malformed_http
from benchmarks.faults.malformed_replies import (
    malformed_frames_at_front_end,
    malformed_frames_at_supervisor,
)
from tests.requirements import need


@pytest.mark.parametrize(
    "language",
    ["python", pytest.param("r", marks=need("r")), pytest.param("julia", marks=need("julia"))],
)
def test_malformed_frames_at_a_worker(tmp_path: Path, language: str) -> None:
    """A worker answers or closes as the contract says, lives on, and does not grow."""
    frames = 3_000 if language == "julia" else 1_500  # Julia compiles what it meets first
    assert [] == malformed_frames_at_workers(tmp_path, frames, (language,)).breaches


def test_malformed_http(tmp_path: Path) -> None:
    """Every answer is a 4xx in the one shape, or the connection is closed; good clients succeed."""
    assert [] == malformed_http(tmp_path, requests=500).breaches


def test_malformed_replies_at_a_front_end(tmp_path: Path) -> None:
    """An adapter's nonsense costs its own callers a 5xx, and nobody else anything."""
    assert [] == malformed_frames_at_front_end(tmp_path, frames=300).breaches


def test_malformed_messages_at_the_supervisor(tmp_path: Path) -> None:
    """Nonsense on the control socket ends its connection only; versions change on."""
    assert [] == malformed_frames_at_supervisor(tmp_path, frames=200).breaches
