"""A full disk is told in one sentence, and harms nothing that needs no room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.faults.disk_full import disk_full_runtime, disk_full_store
from benchmarks.serving.multiplier import multiplier

mounting = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


@mounting
def test_a_full_disk_under_the_runtime_folder(tmp_path: Path) -> None:
    """Large tables get 503 no_room, a fit exit code 5; small requests and all else go on."""
    assert [] == disk_full_runtime(tmp_path, trials=1).breaches


@mounting
def test_a_full_disk_under_the_store(tmp_path: Path) -> None:
    """Fit and activate end with exit code 5 and change nothing; predictions go on."""
    assert [] == disk_full_store(tmp_path, trials=1).breaches


def test_a_runtime_folder_that_is_not_there(tmp_path: Path) -> None:
    """A fit without a folder for its worker says which, and ends with exit code 5."""
    done = multiplier(tmp_path / "good").run("fit", RUNNER_RUNTIME=str(tmp_path / "nowhere"))
    assert 5 == done.code
    assert str(tmp_path / "nowhere") in done.stderr
    assert "Traceback" not in done.stderr
