"""Carry out directives, as Palladium does and where it does not."""

from __future__ import annotations

from typing import Any

import pytest

from runner.config import load
from tests.config.project import MINIMAL, Project


def raw(project: Project, *texts: str, **environ: str) -> Any:
    """Load files of these texts, the first below a sound config; give the merged values."""
    names = [project.write(f"{at}.yaml", text) for at, text in enumerate((MINIMAL, *texts))]
    return load(",".join(names), environ=environ).raw


def test_copy_with_overrides(project: Project) -> None:
    """Row "copies": A copy is deep; keys beside the directive override those of the copy."""
    found = raw(
        project,
        """\
        x-a: {path: train.csv, options: {sep: ","}}
        x-b: {__copy__: x-a, path: test.csv}
        """,
    )

    assert {"path": "test.csv", "options": {"sep": ","}} == found["x-b"]
    assert found["x-a"]["options"] is not found["x-b"]["options"]


@pytest.mark.parametrize("target", ["x-a.list[1].name", "x-a.list.1.name"])
def test_copy_from_a_list(project: Project, target: str) -> None:
    """Row "copies": A path leads through lists by position, in either writing."""
    found = raw(project, f"x-a: {{list: [0, {{name: n}}]}}\nx-b: {{__copy__: '{target}'}}")

    assert "n" == found["x-b"]


def test_default_of_a_copy(project: Project) -> None:
    """Row "copies": Without a target the default holds, and keys beside it survive."""
    found = raw(project, "x-b: {__copy__: nowhere, __default__: {a: 1, b: 1}, b: 2}")

    assert {"a": 1, "b": 2} == found["x-b"]


def test_copy_of_the_earlier_file(project: Project) -> None:
    """A copy that names itself means what the earlier file had there."""
    found = raw(project, "x-a: {b: 1, c: 1}", "x-a: {__copy__: x-a, c: 2}")

    assert {"b": 1, "c": 2} == found["x-a"]


def test_copy_within_what_is_replaced(project: Project) -> None:
    """A copy of what it stands in means the earlier file's, not itself."""
    found = raw(project, "x-a: {b: 1}", "x-a: {old: {__copy__: x-a}}")

    assert {"old": {"b": 1}} == found["x-a"]


def test_copy_of_a_copy(project: Project) -> None:
    """What a copy copies is resolved before it, in whatever order they stand."""
    found = raw(
        project,
        """\
        x-a: {__copy__: x-b, mine: 1}
        x-b: {inner: {__copy__: x-c.deep}}
        x-c: {__copy__: x-d}
        x-d: {deep: {d: 4}}
        """,
    )

    assert {"inner": {"d": 4}, "mine": 1} == found["x-a"]


def test_key_that_is_copied_from(project: Project) -> None:
    """A top-level key of any name is welcome if something copies from it."""
    found = raw(project, "my_grid: {cp: [1]}\nx-a: {__copy__: my_grid.cp}")

    assert [1] == found["x-a"]


def test_copy_keeps_the_lines(project: Project) -> None:
    """A fault in a copied value is told where it was written."""
    text = (
        "my_service:\n"
        "  replicas: 0\n"
        "  timeout: 0\n"
        "predict_service:\n"
        "  __copy__: my_service\n"
        "  timeout: -1\n"
    )
    project.write("a.yaml", MINIMAL + text)

    assert [
        ("a.yaml:4", "predict_service.replicas"),
        ("a.yaml:8", "predict_service.timeout"),
    ] == [tuple(line.split(": ")[:2]) for line in project.faults("a.yaml")]


FAULTY_COPIES = {
    "x-a: {__copy__: x-b}\nx-b: {__copy__: x-a}": "'x-b' copies itself, by way of others",
    "x-a: {__copy__: 5}": "5 is no path; expected keys joined by dots",
    "x-a: {__copy__: a..b}": "'a..b' is no path; expected keys joined by dots",
    "x-a: 1\nx-b: {__copy__: x-a, c: 2}": "'x-a' is no map, so c cannot override it",
    "x-a: [1]\nx-b: {__copy__: 'x-a[7]'}": (
        "nothing is at 'x-a[7]' to copy; expected an earlier value, or __default__"
    ),
}


@pytest.mark.parametrize("text", FAULTY_COPIES)
def test_faulty_copy(project: Project, text: str) -> None:
    """A copy that cannot be made is a fault, once."""
    project.write("a.yaml", MINIMAL + text)

    (line,) = project.faults("a.yaml")

    assert FAULTY_COPIES[text] == line.split("__copy__: ", 1)[1]


def test_environment(project: Project) -> None:
    """A variable fills a whole value or a place in a text; a default stands in for it."""
    found = raw(
        project,
        """\
        x-a: {__env__: URL}
        x-b: {__env__: "postgresql://me:${PASSWORD}@host/db?price=$$5"}
        x-c: [{__env__: NOWHERE, __default__: [1]}]
        """,
        URL="sqlite:///a.db",
        PASSWORD="p$w",
    )

    assert "sqlite:///a.db" == found["x-a"]
    assert "postgresql://me:p$w@host/db?price=$5" == found["x-b"]
    assert [[1]] == found["x-c"]


FAULTY_VARIABLES = {
    "x-a: {__env__: 5}": "x-a: __env__ stands alone or with __default__; "
    "expected the name of a variable",
    "x-a: {__env__: A, b: 1}": "x-a: __env__ stands alone or with __default__; "
    "expected the name of a variable",
    "x-a: {__env__: 'a $ b'}": "x-a: a $ that begins no ${NAME}; expected $$ for the sign itself",
    "x-a: {__env__: '${A}${B}'}": "x-a: the environment variable B is not set; "
    "expected it, or __default__",
}


@pytest.mark.parametrize("text", FAULTY_VARIABLES)
def test_faulty_variable(project: Project, text: str) -> None:
    """A variable that cannot be filled in is a fault; no value of another is told."""
    project.write("a.yaml", MINIMAL + text)

    assert [f"a.yaml:3: {FAULTY_VARIABLES[text]}"] == project.faults("a.yaml", A="hunter2")


def test_statements(project: Project) -> None:
    """Statements run when all files are merged, and see the config by Palladium's three names.

    Row "copies".
    """
    found = raw(
        project,
        """\
        x-a: {n: 1}
        __python__: |
          C['x-a']['n'] += 1
          cfg['x-b'] = [config['x-a']['n'], environ['ONE'], here]
        """,
        ONE="1",
    )

    assert {"n": 2} == found["x-a"]
    assert [2, "1", str(project.folder)] == found["x-b"]
    assert "__python__" not in found


def test_factory_alias(project: Project) -> None:
    """Row "factories": `__factory__` is `!`, at any depth."""
    found = raw(project, "x-a: [{__factory__: a.B, c: {__factory__: d.E}}]")

    assert [{"!": "a.B", "c": {"!": "d.E"}}] == found["x-a"]
