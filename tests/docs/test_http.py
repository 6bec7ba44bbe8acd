"""What the page on HTTP shows can be typed, and gives what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import pages
from tests.requirements import need
from tests.serving.project import Project
from tests.serving.server import Server, serving

pytestmark = need("r")

SHOWN = "http://127.0.0.1:5000"
_RESULT = re.compile(r'"result":(.*)}')
_BLOCKS = [
    block
    for title in ("Asking", "Many rows")
    for block in pages.section("http.md", title).blocks
    if "@rows.csv" not in block.text
]
_SAID = [
    said.strip().rpartition("\n")
    for block in _BLOCKS
    if block.language == "console"
    for said in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
]
_COMMANDS = [
    (command, result[1]) for command, _, answer in _SAID if (result := _RESULT.search(answer))
]
_PROGRAMS = [block.text for block in _BLOCKS if block.language == "python"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the example in R, as the page does."""
    folder = tmp_path_factory.mktemp("page") / "iris-r"
    example = pages.ROOT / "examples" / "iris-r"
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns("*.db*"))
    project = Project(folder)
    project.config = folder / "runner.yaml"
    project.fit()
    with serving(project) as running:
        yield running


def _there(text: str, server: Server) -> str:
    assert SHOWN in text
    return text.replace(SHOWN, f"http://127.0.0.1:{server.port}")


def test_there_is_something_to_try() -> None:
    """One row, records, columns, rows beneath names; and a program."""
    assert (len(_COMMANDS), len(_PROGRAMS)) == (4, 1)


@pytest.mark.parametrize(("command", "result"), _COMMANDS)
def test_commands(server: Server, command: str, result: str) -> None:
    """A command's answer has the result that stands beneath it."""
    done = subprocess.run(
        ["bash", "-c", _there(command, server)], capture_output=True, text=True, check=True
    )
    found = _RESULT.search(done.stdout)
    assert found is not None
    assert found[1] == result


@pytest.mark.parametrize("program", _PROGRAMS)
def test_programs(server: Server, program: str, tmp_path: Path) -> None:
    """A program prints the labels that the commands above it get."""
    done = subprocess.run(
        [sys.executable, "-c", _there(program, server)],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "['Iris-setosa' 'Iris-virginica']\n"
