"""Fit the tree in a peer's own environment."""

from __future__ import annotations

import subprocess

from benchmarks.iris import DATA
from benchmarks.peers.peer import APPS, Place


def leave_model(place: Place) -> None:
    """Leave model.joblib in the place's folder."""
    argv = [str(place.bin / "python"), str(APPS / "train.py"), str(DATA), "model.joblib"]
    subprocess.run(argv, cwd=place.folder, check=True, capture_output=True)
