"""Let the Python multiplier write down every row that it is asked for."""

from __future__ import annotations

from benchmarks.serving.project import Project

_LEDGER = r'''
"""A model that writes down every row that it is asked for."""
from pathlib import Path
import tricks

class Ledger(tricks.Tricky):
    def predict(self, X):
        with Path(__file__).with_name("asked").open("a") as file:
            file.writelines(f"{x}\n" for x in X[:, 0])
        return super().predict(X)
'''


def with_ledger(project: Project) -> Project:
    """Put the ledger in the model's place; nothing is fitted yet."""
    (project.folder / "ledger.py").write_text(_LEDGER, encoding="utf-8")
    text = project.config.read_text(encoding="utf-8")
    project.config.write_text(text.replace("tricks.Tricky", "ledger.Ledger"), encoding="utf-8")
    return project


def asked(project: Project) -> list[float]:
    """Give the rows that the model saw, in order."""
    text = (project.folder / "asked").read_text(encoding="utf-8")
    return [float(line) for line in text.splitlines()]
