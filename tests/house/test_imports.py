"""Hold the import rules of the house: one way up, and one owner for each dependency."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILDINGS = ("contracts", "adapters", "runner")

FLOORS = (
    {"errors", "login"},
    {"handlers"},
    {"config", "logs"},
    {"auth", "datasets", "signature", "store"},
    {"audit"},
    {"workers"},
    {"doctor"},
    {"image", "streaming", "training", "web"},
    {"cli"},
    {"__main__"},
)
"""The runner's rooms from the ground up: a room imports from the floors below it only."""

OWNERS = {
    "aiohttp": ("runner/auth/http.py", "runner/store/places.py"),
    "alembic": ("runner/store/",),
    "click": ("runner/cli/",),
    "cronsim": ("runner/config/schedule.py",),
    "dateutil": ("runner/config/schedule.py", "runner/datasets/"),
    "falcon": ("runner/web/",),
    "fsspec": ("runner/store/places.py",),
    "gunicorn": ("runner/web/",),
    "limits": ("runner/workers/quotas.py",),
    "jwt": ("runner/auth/keys.py", "runner/auth/tokens.py"),
    "joblib": ("runner/training/parallel.py",),
    "julia": ("adapters/julia/bridge.py",),
    "msgpack": ("contracts/wire.py", "runner/web/packed.py"),
    "msgspec": ("runner/signature/records.py",),
    "numpy": (
        "adapters/",
        "runner/datasets/",
        "runner/training/scoring.py",
        "runner/training/estimator.py",
    ),
    "orjson": (
        "runner/logs.py",
        "runner/audit/",
        "runner/signature/text.py",
        "runner/web/",
        "runner/workers/control.py",
    ),
    "pandas": ("adapters/python/", "runner/datasets/"),
    "psutil": ("runner/web/", "runner/workers/"),
    "pyarrow": ("runner/datasets/",),
    "rich": ("runner/cli/",),
    "rpy2": ("adapters/r/",),
    # A loader of OpenML's data sets is a call of scikit-learn's, made only if somebody names it.
    "sklearn": ("adapters/python/", "runner/training/", "runner/datasets/sources.py"),
    "simdjson": ("runner/signature/columns.py",),
    "skops": ("adapters/python/",),
    "sqlalchemy": ("runner/store/",),
    "structlog": ("runner/logs.py",),
    "uvicorn": ("runner/web/",),
    "uvicorn_worker": ("runner/web/",),
    "uvloop": ("runner/web/",),
    "yaml": ("runner/config/yaml_file.py",),
}
"""Who may import a dependency: folders and files. What is not here is nobody's."""


@dataclass(frozen=True)
class Import:
    """One import: the file and line that it stands in, and the module it names, dotted."""

    file: str
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def imports(source: str, file: str) -> Iterator[Import]:
    """Find every import of a file, those within functions too; `from . import x` names x."""
    package = file.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(file, node.lineno, f"{module}.{alias.name}")


def _all() -> list[Import]:
    files = (file for name in BUILDINGS for file in sorted((ROOT / name).rglob("*.py")))
    return [
        found
        for file in files
        for found in imports(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix())
    ]


def wrong_buildings(found: list[Import]) -> list[str]:
    """Adapters know contracts, the runner knows contracts, and contracts know nobody."""
    allowed = {
        "contracts": {"contracts"},
        "adapters": {"contracts", "adapters"},
        "runner": {"contracts", "runner"},
    }
    tops = [(each, each.file.split("/")[0], each.module.split(".")[0]) for each in found]
    return [str(each) for each, at, top in tops if top in BUILDINGS and top not in allowed[at]]


def wrong_floors(found: list[Import]) -> list[str]:
    """Within the runner imports go down; no two rooms of a floor know each other."""
    floor_of = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    wrong = []
    for each in found:
        parts = each.file.removesuffix(".py").split("/")
        target = each.module.split(".")
        if parts[0] != "runner" or target[0] != "runner" or len(target) < 2:
            continue
        here, there = parts[1], target[1]
        inside = there == here or "__init__" in (here, there)
        if not inside and there in floor_of and floor_of[there] >= floor_of[here]:
            wrong.append(str(each))
    return wrong


def wrong_owners(found: list[Import]) -> list[str]:
    """A dependency is imported by its owners only; contracts have msgpack and nothing else."""
    wrong = []
    for each in found:
        top = each.module.split(".")[0]
        if top in sys.stdlib_module_names or top in BUILDINGS:
            continue
        if not each.file.startswith(OWNERS.get(top, ())):
            wrong.append(str(each))
    return wrong


def test_buildings() -> None:
    """Adapters and the runner meet in the contracts and nowhere else."""
    assert [] == wrong_buildings(_all())


def test_floors() -> None:
    """Imports within the runner point one way."""
    assert [] == wrong_floors(_all())


def test_owners() -> None:
    """Every dependency has its owner."""
    assert [] == wrong_owners(_all())


def test_every_room_has_a_floor() -> None:
    """A new room of the runner is given its floor here."""
    rooms = {
        path.stem
        for path in (ROOT / "runner").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }

    assert rooms - {"__init__"} <= set().union(*FLOORS)


BROKEN = {
    "adapters/serve.py": ("from runner.errors import X", wrong_buildings),
    "runner/workers/a.py": ("def f():\n    import adapters.serve", wrong_buildings),
    "contracts/table.py": ("from runner import config", wrong_buildings),
    "runner/store/a.py": ("from runner.workers.client import C", wrong_floors),
    "runner/config/a.py": ("from runner import logs", wrong_floors),
    "runner/errors.py": ("from .config import load", wrong_floors),
    "runner/training/a.py": ("from ..web import app", wrong_floors),
    "runner/web/a.py": ("import sqlalchemy.orm", wrong_owners),
    "contracts/wire.py": ("from numpy import array", wrong_owners),
    "runner/cli/a.py": ("import structlog", wrong_owners),
    "runner/datasets/files.py": ("if True:\n    from sklearn import datasets", wrong_owners),
    "runner/a.py": ("import requests", wrong_owners),
}


@pytest.mark.parametrize("file", BROKEN)
def test_broken_rule(file: str) -> None:
    """Each rule sees its breach, wherever in the file it stands."""
    source, rule = BROKEN[file]

    assert 1 == len(rule(list(imports(source, file))))


HEAVY = (
    "aiohttp",
    "jwt",
    "numpy",
    "pandas",
    "pyarrow",
    "sklearn",
    "sqlalchemy",
    "alembic",
    "rpy2",
    "julia",
)


@pytest.mark.parametrize(
    "module",
    [
        "runner",
        "runner.cli",
        "runner.config",
        "runner.logs",
        "runner.signature",
        "runner.audit.opening",
        "runner.web.app",
    ],
)
def test_light_modules(module: str) -> None:
    """A front-end, and what the command line begins with, load nothing heavy."""
    code = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"

    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert "[]\n" == found.stdout
