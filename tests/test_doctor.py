"""What `runner doctor` says of a version that works."""

from __future__ import annotations

import pytest

from runner import doctor


@pytest.mark.parametrize(
    ("language", "version", "old"),
    [
        ("julia", "1.5.3", True),
        ("julia", "1.6.0", False),
        ("julia", "1.10.4", False),
        ("julia", "1.12.0-rc1", False),
        ("julia", "2.0.0", False),
        ("r", "4.2.2", False),
        ("python", "3.11.7", False),
    ],
)
def test_note(language: str, version: str, old: bool) -> None:
    """Only a Julia before 1.6 is told to be old."""
    assert (doctor.note(language, version) is not None) == old
