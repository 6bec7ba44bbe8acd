"""Give each test a project folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.project import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A folder with a model.R, and the working directory."""
    return Project(tmp_path, monkeypatch)
