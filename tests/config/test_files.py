"""Hold what is told of files that are no config at all."""

from __future__ import annotations

import pytest

from runner.config import load
from tests.config.project import MINIMAL, Project

YAML = {
    "a: [1": "a.yaml:1: no YAML: expected ',' or ']', but got '<stream end>'",
    "a: {!: b.C}": (
        "a.yaml:1: a: the tag '!:' is not known; expected the key of a factory in quotes: "
        '{"!": package.Name}'
    ),
    "a:\n  !: b.C\n  d: 1": (
        "a.yaml:3: no YAML: mapping values are not allowed here; expected the key of a factory in "
        'quotes: {"!": package.Name}'
    ),
    "a: !b.C {d: 1}": (
        "a.yaml:1: a: the tag '!b.C' is not known; expected the key of a factory in quotes: "
        '{"!": package.Name}'
    ),
    "a: !!python/object/apply:os.getcwd []": (
        "a.yaml:1: a: the tag 'tag:yaml.org,2002:python/object/apply:os.getcwd' is not known; "
        'expected the key of a factory in quotes: {"!": package.Name}'
    ),
    "m: [[a, float?]]": (
        "a.yaml:1: no YAML: expected ',' or ']', but got '?'; expected the type of a field that "
        'may be missing in quotes: "float?"'
    ),
    "a:\n\tb: 1": (
        "a.yaml:2: no YAML: found character '\\t' that cannot start any token; "
        "expected spaces, no tabs"
    ),
    "a: 1\nb: 2\na: 3": "a.yaml:3: a: the key stands in line 1 too",
    "b: {c: 1, c: 2}": "a.yaml:1: b.c: the key stands in line 1 too",
    "- a": "a.yaml:1: the file holds no map; expected keys with values",
    "just text": "a.yaml:1: the file holds no map; expected keys with values",
    "a: &a [*a]": "a.yaml:1: a[0]: an alias that contains itself",
    "a: 2020-13-45": (
        "a.yaml:1: a: '2020-13-45': month must be in 1..12; expected quotes, if it is a string"
    ),
    "? [a, b]\n: 1": "a.yaml:1: a key that is itself a map or list; expected a string",
    "a: *b": "a.yaml:1: no YAML: found undefined alias 'b'",
    "a: \x07": "a.yaml: no YAML: unacceptable character #x0007: special characters are not allowed",
    "a: 1\n---\nb: 2": "a.yaml:2: no YAML: but found another document",
}  # fmt: skip


@pytest.mark.parametrize("text", YAML)
def test_faulty_yaml(project: Project, text: str) -> None:
    """What is no YAML, or more than data, is told with its line."""
    (project.folder / "a.yaml").write_text(text)

    assert YAML[text] == project.faults("a.yaml")[0]


def test_aliases_within_aliases(project: Project) -> None:
    """A file that grows beyond all bounds is refused, not expanded."""
    bomb = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    project.write("a.yaml", f"a0: &a0 x\n{bomb}")

    assert "more than 100000 values, aliases counted" in project.faults("a.yaml")[0]


PYTHON = {
    "{": "a.py:1: no Python: '{' was never closed; expected one dict expression",
    "{}\n{}": "a.py:2: no Python: invalid syntax; expected one dict expression",
    "import os": "a.py:1: no Python: invalid syntax; expected one dict expression",
    "[1]": "a.py:1: the file holds a list; expected one dict expression",
    "{'a': 1,\n 'b': 1 / 0}": "a.py:2: ZeroDivisionError: division by zero",
    "{'a':\n environ['DB']}": "a.py:2: the environment variable DB is not set",
    "{'a': nothing}": "a.py:1: NameError: name 'nothing' is not defined",
    "{\n'service_metadata': {},\n'model': {\n'language': 'jula'}}": (
        "a.py:2: service_metadata.service_name: is missing"
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", PYTHON)
def test_faulty_python(project: Project, text: str) -> None:
    """A Python config that cannot be evaluated is told with the line that failed."""
    project.write("a.py", text)

    assert PYTHON[text] == project.faults("a.py")[0]


def test_lines_of_a_python_file(project: Project) -> None:
    """Values of a Python config have lines too, computed ones that of their key."""
    project.write(
        "a.py",
        """\
        {
            'service_metadata': {'service_name': 'a'},
            'model': {'language': 'r', 'script': 'model.R'},
            'predict_service': dict(
                replicas=0,
            ),
            'server': {
                'body_timeout': -1,
            },
        }
        """,
    )

    places = [line.split(": ")[:2] for line in project.faults("a.py")]

    assert [
        ["a.py:4", "predict_service.replicas"],
        ["a.py:8", "server.body_timeout"],
    ] == places


def test_no_such_file(project: Project) -> None:
    """A file that is not there is told with the ways to name one."""
    assert [
        "nowhere.yaml: there is no such file; expected -c FILE, $RUNNER_CONFIG, "
        "or a file named runner.yaml"
    ] == project.faults("nowhere.yaml")


def test_folder(project: Project) -> None:
    """A folder is no config."""
    (project.folder / "a.yaml").mkdir()

    assert ["a.yaml: cannot be read: Is a directory"] == project.faults("a.yaml")


def test_other_suffix(project: Project) -> None:
    """A file whose name tells no format is not guessed at."""
    project.write("a.toml", "")

    assert ["a.toml: its name tells no format; expected .yaml, .yml, .json or .py"] == (
        project.faults("a.toml")
    )


def test_no_utf8(project: Project) -> None:
    """A file in another encoding is told as such."""
    (project.folder / "a.yaml").write_bytes(b"a: \xff")

    assert ["a.yaml: no UTF-8: invalid start byte"] == project.faults("a.yaml")


def test_empty_spec(project: Project) -> None:
    """A list of files without files names none."""
    assert "',' names no config file" in project.faults(",")[0]


def test_scientific_numbers(project: Project) -> None:
    """`1e-3` is a number, as everywhere but in YAML 1.1."""
    project.write(
        "a.yaml",
        """\
        service_metadata: {service_name: a}
        model: {language: r, script: model.R, params: {a: 1e-3, b: -2E5, c: 1.5e3, d: "1e3", e: e3}}
        """,
    )

    assert {"a": 0.001, "b": -2e5, "c": 1500.0, "d": "1e3", "e": "e3"} == (
        load("a.yaml").model.wire["params"]
    )


def test_merge_keys(project: Project) -> None:
    """YAML's own anchors and merge keys work; keys beside them override."""
    project.write(
        "a.yaml",
        MINIMAL
        + """\
x-loader: &loader {"!": runner.datasets.CSV, path: iris.csv, nrows: 100}
dataset_loader_train: {<<: *loader, nrows: 50}
""",
    )

    train = load("a.yaml").train

    assert train is not None
    assert {
        "!": "runner.datasets.CSV",
        "path": str(project.folder / "iris.csv"),
        "nrows": 50,
    } == train.factory
