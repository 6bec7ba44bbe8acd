"""What the pages show works: configs load, examples can be fitted."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner import config as configs
from tests.docs import pages
from tests.requirements import need

IRIS_R = pages.ROOT / "examples" / "iris-r"
_SECTIONS = [section for page in pages.PAGES for section in pages.sections(page)]
_BLOCKS = [
    (section, block)
    for section in _SECTIONS
    for block in section.blocks
    if block.language == "yaml"
]
_WHOLE = [
    (section, block)
    for section, block in _BLOCKS
    if {"service_metadata", "model"} <= set(yaml.safe_load(block.text) or ())
]
_EXAMPLES = [section for section in _SECTIONS if "runner.yaml" in section.files]


def _ids(found: list[Any]) -> list[str]:
    return [str(each[0]) if isinstance(each, tuple) else str(each) for each in found]


@pytest.mark.parametrize(("section", "block"), _BLOCKS, ids=_ids(_BLOCKS))
def test_yaml_is_yaml(section: pages.Section, block: pages.Block) -> None:
    """Every block of YAML is a map."""
    assert isinstance(yaml.safe_load(block.text), dict)


def _lay_out(section: pages.Section, folder: Path) -> None:
    """Write the files that a section shows, and what the README takes from examples/."""
    shutil.copytree(IRIS_R, folder, ignore=shutil.ignore_patterns("*.db*"), dirs_exist_ok=True)
    for name, text in section.files.items():
        (folder / name).write_text(text)


@pytest.mark.parametrize(("section", "block"), _WHOLE, ids=_ids(_WHOLE))
def test_whole_configs_have_no_faults(
    section: pages.Section, block: pages.Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A config that is shown as a whole is what `runner check` accepts, its files beside it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    _lay_out(section, tmp_path)
    (tmp_path / "runner.yaml").write_text(block.text)
    assert configs.load(str(tmp_path / "runner.yaml"), deep=True, environ={}).service_name


def _marked(sections: list[pages.Section]) -> list[Any]:
    marked = []
    for section in sections:
        language = yaml.safe_load(section.files["runner.yaml"])["model"].get("language", "python")
        marked.append(pytest.param(section, marks=need(language), id=str(section)))
    return marked


@pytest.mark.parametrize("section", _marked(_EXAMPLES))
def test_examples_can_be_fitted(section: pages.Section, tmp_path: Path) -> None:
    """An example with a config and its files is fitted, stored and active as it stands there."""
    _lay_out(section, tmp_path)
    done = _runner(tmp_path, "fit")
    told = f"Wrote model with version 1, now active.\n{done.stderr if done.returncode else ''}"
    assert (done.returncode, done.stdout) == (0, told)


@pytest.mark.parametrize("section", [s for s in _marked(_EXAMPLES) if "README" in str(s.id)])
def test_the_models_of_the_readme_are_good(section: pages.Section, tmp_path: Path) -> None:
    """What the README has to be copied, in R and in Julia, tells nine flowers of ten."""
    _lay_out(section, tmp_path)
    fitted = _runner(tmp_path, "fit", "--evaluate", "--json")
    assert json.loads(fitted.stdout)["metadata"]["score_test"] >= 0.9, fitted.stderr


def _runner(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_readme_shows_the_example() -> None:
    """The R model in the README is the code of examples/iris-r, comments aside."""
    section = next(
        found for found in pages.sections(pages.ROOT / "README.md") if "model.R" in found.files
    )
    code = [
        line for line in (IRIS_R / "model.R").read_text().splitlines() if not line.startswith("#")
    ]
    assert section.files["model.R"].strip() == "\n".join(code).strip()
    shown = yaml.safe_load(section.files["runner.yaml"])
    example = yaml.safe_load((IRIS_R / "runner.yaml").read_text())
    assert shown == {key: example[key] for key in shown}
