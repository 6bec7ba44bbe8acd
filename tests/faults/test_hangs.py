"""Workers that are stopped, loop or eat memory: replaced, and nobody else notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults import hangs
from tests.requirements import need

LANGUAGES = [
    "python",
    pytest.param("r", marks=need("r")),
    pytest.param("julia", marks=need("julia")),
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_worker_that_hangs(tmp_path: Path, language: str) -> None:
    """It is a 504, the worker is replaced, and no answer goes astray."""
    found = hangs.hangs(tmp_path, trials=1, languages=[language], timed=False)
    assert [] == found.breaches


def test_a_worker_over_its_memory_limit(tmp_path: Path) -> None:
    """It alone is killed, and the log says why."""
    assert [] == hangs.memory_limit(tmp_path, trials=1).breaches
