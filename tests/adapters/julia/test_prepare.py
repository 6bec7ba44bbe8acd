"""A Julia adapter prepares itself while nobody asks, and no trace of that is left."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.requirements import need

pytestmark = need("julia")

SCRIPT = """
import json
from adapters.julia.__main__ import build
from contracts.errors import Failure
from contracts.table import pack_floats

adapter = build()
adapter.prepare()
try:
    adapter.predict("predict", pack_floats(1, ("a",), [1.0]), {})
except Failure as ex:
    code = ex.code.value
text = adapter._julia._text
print(json.dumps([code, text("string(RunnerGlue.MODEL[])"), text("join(LOAD_PATH, ' ')")]))
"""


@pytest.fixture(scope="module")
def left() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_no_model_is_held(left: list[str]) -> None:
    """After the rehearsal a predict is refused as before it."""
    assert left[:2] == ["no_model", "nothing"]


def test_no_path_is_left(left: list[str]) -> None:
    """The rehearsal's script has no folder: nothing is added to what `using` searches."""
    assert left[2] == "@ @v#.# @stdlib"
