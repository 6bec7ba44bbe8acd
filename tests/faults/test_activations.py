"""Versions that are switched under load, and versions that cannot start."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.faults import activations
from benchmarks.serving.multiplier import fit_factors, multiplier
from benchmarks.serving.server import serving, until
from runner.errors import RunnerError
from runner.store import Store
from runner.workers.acknowledged import wait


def test_activations_back_and_forth(tmp_path: Path) -> None:
    """None fails; after the acknowledgement no answer is of the former version."""
    assert [] == activations.activations(tmp_path, trials=6).breaches


def test_no_acknowledgement_while_a_front_end_stands_still(tmp_path: Path) -> None:
    """A front-end that has not heard of an activation holds it up: it would answer as before."""
    project = multiplier(tmp_path / "python", service="timeout: 0.5")
    fit_factors(project, [2.0, 3.0])
    with (
        serving(project, options=("--workers", "2")) as server,
        Store.open(f"sqlite:///{project.folder / 'runner.db'}") as store,
    ):
        until(lambda: len(server.front_ends()) == 2)
        wait(store, "python", 2, timeout=60.0)
        still = server.front_ends()[0]
        still.suspend()
        try:
            store.activate("python", 1, by="faults")
            with pytest.raises(RunnerError, match="does not serve yet"):
                wait(store, "python", 1, timeout=8.0)
        finally:
            still.resume()
        wait(store, "python", 1, timeout=60.0)


def test_a_version_that_cannot_start(tmp_path: Path) -> None:
    """It is tried seldom, said to be failed and why, and disturbs neither version nor service."""
    assert [] == activations.crash_loop(tmp_path, seconds=15.0).breaches
