"""Workers that are killed, and models that die: every good request is answered, rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults import crashes
from tests.requirements import need

LANGUAGES = [
    "python",
    pytest.param("r", marks=need("r")),
    pytest.param("julia", marks=need("julia")),
]


def test_sigkill_of_the_only_worker(tmp_path: Path) -> None:
    """No request fails, no answer is crossed, nothing is left behind."""
    assert [] == crashes.sigkill_worker(tmp_path, trials=4, requests=0).breaches


def test_sigkill_of_both_replicas(tmp_path: Path) -> None:
    """The same with two replicas that are killed at once, and two front-ends."""
    assert [] == crashes.sigkill_both_replicas(tmp_path, trials=3, requests=0).breaches


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_model_that_dies(tmp_path: Path, language: str) -> None:
    """exit(0) and a segfault cost the request that caused them, after one retry, and no other."""
    outcome = crashes.dying_model(tmp_path, trials=2, requests=0, languages=[language])
    assert [] == outcome.breaches


def test_poison(tmp_path: Path) -> None:
    """Deadly rows of three kinds at once cost no good request anything, and kill twice at most."""
    assert [] == crashes.poison(tmp_path, trials=6, requests=0).breaches
