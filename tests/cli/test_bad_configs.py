"""A config with faults: every command that takes one tells all of them and begins nothing."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from runner.cli.main import COMMANDS, group
from tests.serving.project import Done, Project, run, write_project

ARGUMENTS = {
    "activate": ["1"],
    "delete": ["1"],
    "export": ["--to", "copy.zip"],
    "import": ["copy.zip"],
    "dockerize": ["--dockerfile-only"],
    "serve": ["--port", "0"],
    "upgrade": ["--from", "old"],
    "audit": ["verify"],
}
"""What a command must be given besides its config."""


TOLD = {
    "service_metadata.service_version",
    "dataset_loader_train.!",
    "model.script",
    "server.request_timeout",
    "predict_servce",
}
"""A mistyped value, a factory and a file that are not there, one more mistyped, a wrong key."""


def _takes_a_config(name: str) -> bool:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    found = [command, *getattr(command, "commands", {}).values()]
    return any(option.name in ("config", "configs") for each in found for option in each.params)


TAKES = [name for name in COMMANDS if _takes_a_config(name)]


@pytest.fixture
def faulty(tmp_path: Path) -> Project:
    return write_project(
        tmp_path,
        """\
        service_metadata: {service_name: bad, service_version: [1]}
        dataset_loader_train: {"!": runnner.datasets.CSV, path: data.csv}
        model: {language: r, script: nowhere.R}
        server: {request_timeout: soon}
        predict_servce: {}
        """,
        copy__zip="",
        old="",
    )


def _told(stderr: str, config: Path) -> set[str]:
    """Give the keys of the faults that are told with the file and a line of it."""
    return set(re.findall(rf"^runner: {config}:\d+: ([^:]+): ", stderr, re.MULTILINE))


@pytest.mark.parametrize("command", [*TAKES, "usage rebuild"])
def test_every_command_tells_all_faults_and_begins_nothing(faulty: Project, command: str) -> None:
    """Wrong key, file, factory and type: each with file and key path, exit code 2, no work."""
    before = sorted(faulty.folder.iterdir())
    done = _run(faulty, command)
    assert done.code == 2, done.stderr
    assert _told(done.stderr, faulty.config) == TOLD
    assert done.stdout == ""
    assert sorted(faulty.folder.iterdir()) == before


@pytest.mark.parametrize("command", ["check", "fit", "grid-search", "test", "upgrade"])
def test_what_loads_data_or_fits_looks_deeper(tmp_path: Path, command: str) -> None:
    """Data that are not there, a class that its module lacks, an argument that it does not take."""
    project = write_project(
        tmp_path,
        """\
        service_metadata: {service_name: bad, service_version: "1"}
        dataset_loader_train: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
        dataset_loader_test: {"!": runner.datasets.CSW, path: data.csv}
        model: {"!": sklearn.tree.DecisionTreeClassifier, leaves: 1}
        grid_search: {param_grid: {max_depth: [1]}}
        """,
        old="",
    )
    done = _run(project, command)
    assert done.code == 2, done.stderr
    assert _told(done.stderr, project.config) == {
        "dataset_loader_train.path",
        "dataset_loader_test.!",
        "dataset_loader_test.path",
        "model.!",
    }
    assert done.stdout == ""
    assert not (tmp_path / "runner.db").exists()


def _run(project: Project, command: str) -> Done:
    named = ["-c", str(project.config)]
    return run(*command.split(), *ARGUMENTS.get(command, []), *named, cwd=project.folder)


def test_the_commands_that_take_a_config() -> None:
    """None is forgotten above, and these take none."""
    assert set(COMMANDS) - set(TAKES) == {"doctor", "version"}
