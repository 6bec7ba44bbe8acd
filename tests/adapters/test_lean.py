"""The Python adapter imports what its model needs; what it trusts is what skops would."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.utils import all_estimators

from adapters.python import lean
from tests.adapters.driver import AdapterProcess
from tests.adapters.test_python import TREE, iris

_ROOT = Path(__file__).parents[2]


def imported(code: str) -> set[str]:
    """Run code in a Python of its own; give the modules that it has then."""
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, check=True, capture_output=True, text=True
    )
    return set(json.loads(done.stdout))


def test_what_a_tree_does_not_need_is_not_imported() -> None:
    """Neither pandas nor test tools, with scikit-learn, a tree and skops at hand."""
    needless = {"pandas", "pyarrow", "pytest", "sklearn.utils._testing", "sklearn.gaussian_process"}
    lean_modules = imported(
        "import adapters.python.adapter, sklearn.tree\n"
        "from adapters.python import lean; lean.skops_io()"
    )
    assert "skops.io" in lean_modules
    assert needless & lean_modules == set()
    # All of them are imported by these two packages alone, so there is something to be spared.
    assert needless <= imported("import sklearn.tree, skops.io")


def test_pandas_is_there_afterwards() -> None:
    """Hidden while scikit-learn is imported, pandas can be imported by whoever wants it."""
    code = "import adapters.python.adapter, pandas\nassert pandas.DataFrame({'a': [1]}).shape"
    assert "pandas" in imported(code)


def test_a_served_tree_maps_no_pandas(tmp_path: Path) -> None:
    """Nor does the real process after load and predict: no library of theirs is in its memory."""
    folders = tmp_path / "fit", tmp_path / "serve"
    for folder in folders:
        folder.mkdir()
    table, target = iris()
    with (
        AdapterProcess.python_module("adapters.python", folders[0]) as process,
        process.connect() as client,
    ):
        client.fit(TREE, table, target)
        persisted = client.persist()
    assert persisted.artifact is not None
    assert persisted.format == "skops"
    digest = hashlib.sha256(persisted.artifact).hexdigest()
    with AdapterProcess.python_module("adapters.python", folders[1]) as process:
        with process.connect() as client:
            client.load(persisted.artifact, persisted.format, digest, TREE)
            client.predict(table)
        maps = Path(f"/proc/{process.process.pid}/maps").read_text()
    assert "/sklearn/" in maps
    assert "/pandas/" not in maps
    assert "/pyarrow/" not in maps


_TELLS_OF_GARBAGE = """
import gc
from dataclasses import replace
from adapters.serve import main
from tests.adapters.adder import Adder

class Teller(Adder):
    def __init__(self):
        super().__init__()
        self.while_built = gc.isenabled()

    def hello(self):
        told = {"while built": self.while_built, "now": gc.isenabled()}
        told = {name: str(value) for name, value in told.items()}
        return replace(super().hello(), packages={**told, "frozen": str(gc.get_freeze_count())})

main(Teller)
"""


def test_no_garbage_is_looked_for_among_imports(tmp_path: Path) -> None:
    """Not while they are imported, and never in them afterwards; in all else as ever."""
    with (
        AdapterProcess([sys.executable, "-c", _TELLS_OF_GARBAGE], tmp_path) as process,
        process.connect() as client,
    ):
        told = client.hello.packages
    assert (told["while built"], told["now"]) == ("False", "True")
    assert int(told["frozen"]) > 5000


def test_trusted_estimators_are_those_that_skops_trusts() -> None:
    """All of scikit-learn's own list, by the same rule."""
    names = [f"{kind.__module__}.{kind.__qualname__}" for _, kind in all_estimators()]
    assert len(names) > 150
    assert lean.public_estimators(names) == names


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "numpy.ndarray",
        "sklearn",
        "",
        ".",
        "sklearn.base.BaseEstimator",
        "sklearn.base.clone",
        "sklearn.tree._tree.Tree",
        "sklearn.tree.DecisionTreeClassifier",  # not the name that skops writes
        "sklearn.utils._mocking.CheckingClassifier",
        "sklearn.utils._testing.MinimalClassifier",
        "sklearn.tests.test_base.MyEstimator",
        "sklearn.externals.joblib.Memory",
        "sklearn.no_such_module.Thing",
        "sklearn.tree._classes.NoSuchThing",
        "sklearn.pipeline.os.system",
        "sklearn.conftest.pytest",
    ],
)
def test_nothing_else_is_trusted(name: str) -> None:
    """Neither functions, nor what scikit-learn keeps for itself, nor what is not there."""
    assert lean.public_estimators([name]) == []
