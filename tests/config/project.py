"""Write small projects to load: a config, and the files that it names."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from runner.config import load
from runner.errors import ConfigError

MINIMAL = """\
service_metadata: {service_name: iris}
model: {language: r, script: model.R}
"""
"""The least that is a config: two lines, so that a test's own text begins at line 3."""


class Project:
    """A folder to load configs from; faults are told with file names instead of paths."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "path", list(sys.path))  # loading puts folders in front
        self.write("model.R", "fit <- function(x, y) NULL\n")

    def write(self, name: str, text: str) -> str:
        """Write a file, its common indentation removed; give its name."""
        (self.folder / name).write_text(textwrap.dedent(text))
        return name

    def faults(self, spec: str, *, deep: bool = False, **environ: str) -> list[str]:
        """Load a config that must fail; give its faults as lines."""
        with pytest.raises(ConfigError) as caught:
            load(spec, deep=deep, environ=environ)
        return str(caught.value).replace(f"{self.folder}/", "/…/").splitlines()
