"""Tests of the rule that a skip is a failure where RUNNER_REQUIRE forbids it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE = """
import pytest
from tests.requirements import need

@need("julia")
def test_skips():
    pytest.skip("not today")
"""


@pytest.mark.parametrize(("require", "outcome"), [("python,r", "1 skipped"), ("julia", "1 failed")])
def test_a_skip_of_what_is_required_fails(tmp_path: Path, require: str, outcome: str) -> None:
    """A skipped test that needs julia fails if RUNNER_REQUIRE names julia, and only then."""
    (tmp_path / "test_sample.py").write_text(MODULE)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", os.devnull, str(tmp_path)],
        env={**os.environ, "RUNNER_REQUIRE": require, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in run.stdout
