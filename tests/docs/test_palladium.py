"""Every row of what Palladium does has its state on the page, and tests that name it."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs import pages

TESTS = pages.ROOT / "tests"
_ROWS = [
    cells for cells in pages.section("palladium.md", "State").rows() if cells[0] not in ("row", "")
]
_NAMES = re.compile(r"`([\w/]+\.py)?::(\w+)`")

PARITY = (
    *("config file", "factories", "copies", "missing key", "decorator lists", "logging"),
    *("fit", "test", "grid-search", "versions", "serve", "stream", "dockerize"),
    *("check and doctor", "GET predict", "POST predict", "success", "failure", "alive", "list"),
    *("actions", "loaders", "persisters", "attachments", "metadata", "cache rules", "R", "Julia"),
    *("Partial", "diskcache", "parallel backend", "not kept"),
)
"""What there is in Palladium that somebody may rely on."""


@cache
def _docstrings(file: str) -> dict[str, str]:
    """Give the functions of a file of tests with their docstrings."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {
        node.name: ast.get_docstring(node) or ""
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def test_every_row_is_there() -> None:
    """The page has each row once, and no other."""
    assert sorted(PARITY) == sorted(cells[0] for cells in _ROWS)


@pytest.mark.parametrize("cells", [pytest.param(cells, id=cells[0]) for cells in _ROWS])
def test_a_row_has_its_tests(cells: list[str]) -> None:
    """A row that is said to be there names tests, which exist and name the row."""
    name, _, _, state, shown_by = cells
    assert state == "yes"
    found = _NAMES.findall(shown_by)
    assert found
    file = ""
    for named, test in found:
        file = named or file  # one without a file is of the same as the one before
        assert (TESTS / file).is_file(), file
        assert test.startswith("test_")
        assert f'Row "{name}"' in _docstrings(file).get(test, ""), f"{file}::{test}"


def test_every_example_has_its_test() -> None:
    """Each of Palladium's own examples is tried by a test that exists."""
    rows = list(pages.section("palladium.md", "Palladium's examples").rows())
    tried = [(cells[0], _NAMES.findall(cells[2])) for cells in rows[1:]]
    assert {name.split("/")[0].strip("`") for name, _ in tried} == {
        *("iris", "R", "xgboost", "julia", "keras")
    }
    known = _docstrings("serving/test_palladium_examples.py")
    assert [name for name, found in tried if not found or found[0][1] not in known] == []


def test_every_test_of_a_row_is_on_the_page() -> None:
    """A test that names a row names one that there is."""
    text = "\n".join(
        doc
        for file in TESTS.rglob("test_*.py")
        for doc in _docstrings(file.relative_to(TESTS).as_posix()).values()
    )
    assert set(re.findall(r'Row "([^"<]+)"', text)) == set(PARITY)
