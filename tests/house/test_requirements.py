"""Tests of the rule that a skip is a failure where RUNNER_REQUIRE forbids it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTEST = [
    *(sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", os.devnull),
    "--continue-on-collection-errors",
]
MODULE = """
import pytest
from tests.requirements import need

@need("julia")
def test_skips():
    pytest.skip("not today")

@pytest.mark.skipif(True, reason="no need has this name")
def test_skips_too():
    pass
"""
WHOLE = """
import pytest
pytest.skip("nor tomorrow", allow_module_level=True)
"""


@pytest.mark.parametrize(
    ("require", "outcome"),
    [
        ("python,r", "3 skipped"),
        ("julia", "1 failed, 2 skipped"),
        ("everything", "1 failed, 2 errors"),
    ],
)
def test_a_skip_of_what_is_required_fails(tmp_path: Path, require: str, outcome: str) -> None:
    """What RUNNER_REQUIRE names may not be skipped, and nothing may where it names everything."""
    (tmp_path / "test_sample.py").write_text(MODULE)
    (tmp_path / "test_whole.py").write_text(WHOLE)
    run = subprocess.run(
        [*PYTEST, str(tmp_path)],
        env={**os.environ, "RUNNER_REQUIRE": require, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in run.stdout
