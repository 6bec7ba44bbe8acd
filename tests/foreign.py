"""Make a virtual environment that lacks what the runner has."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

BRIDGES = {"python": "scikit-learn", "r": "rpy2", "julia": "julia"}
"""What an adapter needs besides msgpack and numpy; `_with_requirements` adds what these need."""


def foreign_environment(folder: Path, language: str = "python") -> Path:
    """Make a virtual environment that holds what one adapter needs; gives its interpreter."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(folder)], check=True
    )
    (site,) = folder.glob("lib/python*/site-packages")
    for distribution in _with_requirements(("msgpack", "numpy", BRIDGES[language])):
        tops = {file.parts[0] for file in distribution.files or ()}
        for top in tops - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder / "bin" / "python"


def _with_requirements(names: Iterable[str]) -> Iterator[metadata.Distribution]:
    """Give what an installer would have brought along for these names."""
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # for another platform
            continue
        yield distribution
        for requirement in distribution.requires or ():
            if "extra ==" not in requirement:
                waiting.append(re.match(r"[\w.-]+", requirement).group())  # type: ignore[union-attr]
