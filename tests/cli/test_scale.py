"""Commands cost the same with ten thousand versions as with ten: statements, and SQLite's steps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from benchmarks.scale import fill
from runner.cli.main import group
from tests.serving.project import tricky
from tests.store.test_scale import MANY, counted

COMMANDS = {
    "list": ["list", "--limit", "5"],
    "page": ["list", "--limit", "5", "--before", "9"],
    "activate": ["activate", "2"],
    "test": ["test"],
    "activate another": ["activate", "1"],
    "delete": ["delete", "{deletable}"],
    "fit": ["fit"],
}


def costs(config: Path, deletable: int) -> dict[str, Counter[str]]:
    """Run every command once in this process and return what each cost the database."""
    found = {}
    for name, arguments in COMMANDS.items():
        filled = [argument.format(deletable=deletable) for argument in arguments]
        with counted() as found[name]:
            group.main([*filled, "-c", str(config)], prog_name="runner", standalone_mode=False)
    return found


def test_commands_cost_the_same_with_many_versions(tmp_path: Path) -> None:
    """Real commands on a real store; a list without end would show by its steps."""
    project = tricky(tmp_path / "tricks")
    project.fit()
    url = f"sqlite:///{project.folder / 'runner.db'}"
    fill(url, "tricks", 2, 10)
    few = costs(project.config, deletable=3)
    fill(url, "tricks", 12, MANY)
    many = costs(project.config, deletable=4)
    for name, cost in many.items():
        assert cost["statements"] == few[name]["statements"] > 0, name
        assert cost["steps"] <= few[name]["steps"] * 1.1 + 20, name
    with counted() as everything:
        group.main(["list", "--all", "-c", str(project.config)], standalone_mode=False)
    assert everything["steps"] > 100 * many["list"]["steps"]
