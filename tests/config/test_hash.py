"""Hold what changes a config's hash, and what does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.config import load
from tests.config.project import MINIMAL, Project

A_PYTHON_CONFIG = """\
{{
    'service_metadata': {{'service_name': 'a'}},
    'model': {{'!': 'collections.Counter', 'names': {{'a', 'b', 'c'}}}},
    'dataset_loader_train': {{
        '!': 'runner.datasets.CSV', 'path': 'a.csv', 'skiprows': lambda row: row < {0}
    }},
}}
"""


def test_order_and_layout_do_not_count(project: Project) -> None:
    """The same keys in another order, in other files, in the other language: the same hash."""
    project.write("a.yaml", MINIMAL)
    project.write("b.yaml", "model:\n  script: model.R\n  language: r\n")
    project.write("c.py", "{'service_metadata': {'service_name': 'iris'}}")

    assert load("a.yaml").config_hash == load("b.yaml,c.py").config_hash


@pytest.mark.parametrize("line", ["scoring: r2", "x-a: 1", "x-a: true", "x-a: '1'"])
def test_every_value_counts(project: Project, line: str) -> None:
    """A value more, and a value of another type, are another config."""
    project.write("a.yaml", MINIMAL)
    project.write("b.yaml", MINIMAL + line)
    project.write("c.yaml", MINIMAL + "x-a: 1.0")

    assert 3 == len({load(name).config_hash for name in ("a.yaml", "b.yaml", "c.yaml")})


def test_script_counts(project: Project) -> None:
    """A change of the script's text is another config."""
    project.write("a.yaml", MINIMAL)
    before = load("a.yaml").config_hash
    project.write("model.R", "fit <- function(x, y) 1\n")

    assert before != load("a.yaml").config_hash


def test_password_does_not_count(project: Project) -> None:
    """The environment counts by the names of its variables: a new password changes nothing."""
    project.write("a.yaml", MINIMAL + "store: {url: {__env__: DB}}\n")

    assert (
        load("a.yaml", environ={"DB": "postgresql://a:old@h/d"}).config_hash
        == load("a.yaml", environ={"DB": "postgresql://a:new@h/d"}).config_hash
    )


def test_functions_count_by_what_they_do(project: Project) -> None:
    """A lambda counts by its code, sets by their members: the same in every process."""
    project.write("a.py", A_PYTHON_CONFIG.format(5))
    project.write("b.py", A_PYTHON_CONFIG.format(6))
    code = "from runner.config import load; print(load('a.py').config_hash)"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONHASHSEED": "7"},
        cwd=project.folder,
    ).stdout.strip()  # fmt: skip

    assert told == load("a.py").config_hash
    assert told != load("b.py").config_hash
