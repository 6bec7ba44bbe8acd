"""The tutorial and the how-to page can be walked through, and print what they show."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs import pages
from tests.docs.walk import Step, steps, walk
from tests.requirements import need

TUTORIAL = pages.ROOT / "docs" / "tutorial.md"
_STEPS = steps([block for section in pages.sections(TUTORIAL) for block in section.blocks])
_LANGUAGES = [pytest.param(name, marks=need(name.lower())) for name in ("R", "Julia", "Python")]


def _compare(found: list[Step], printed: list[str]) -> None:
    assert len(printed) == len(found)
    for step, text in zip(found, printed, strict=True):
        assert step.agrees(text), f"$ {step.command}\nshown:\n{step.shown}\nprinted:\n{text}"


@pytest.mark.parametrize("language", _LANGUAGES)
def test_the_tutorial(language: str, tmp_path: Path) -> None:
    """Palladium's walk: loaders, model, fit, grid search, test, list, serve, predict, alive."""
    shutil.copytree(pages.ROOT / "examples" / "iris-sklearn", tmp_path / "examples/iris-sklearn")
    (tmp_path / "iris").mkdir()
    for name, text in pages.section("tutorial.md", f"In {language}").files.items():
        (tmp_path / "iris" / name).write_text(text)
    _compare(_STEPS, walk(_STEPS, tmp_path))


@need("r")
def test_how_to(tmp_path: Path) -> None:
    """The commands of the how-to page print what they show, in the folder of the example in R."""
    folder = tmp_path / "iris-r"
    example = pages.ROOT / "examples" / "iris-r"
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns("*.db*"))
    page = pages.sections(pages.ROOT / "docs" / "how-to.md")
    found = steps([block for section in page for block in section.blocks])
    _compare(found, walk(found, folder))


def test_the_tutorial_goes_all_the_way() -> None:
    """No command of the walk has been lost from the page."""
    told = "\n".join(step.command for step in _STEPS)
    commands = [
        "check",
        "fit --evaluate",
        "test",
        "grid-search",
        "list",
        "activate",
        "delete",
        "serve",
        "usage",
    ]
    assert [name for name in commands if f"runner {name}" not in told] == []
    assert [path for path in ("/predict?", "/alive", "/health/ready") if path not in told] == []


def test_what_differs_is_told() -> None:
    """A step agrees with what it shows only, whatever stands for `…`."""
    step = Step("runner test", "…\nScore of version 1: 0.9…")
    assert step.agrees("Loading…\nScore of version 1: 0.96\n")
    assert not step.agrees("Loading…\nScore of version 1: 0.86\n")
    assert not step.agrees("runner: service iris has no active version")
