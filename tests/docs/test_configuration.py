"""The page on configuration is whole: nothing that a config may say is missing from it."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner import config as configs
from runner import datasets
from runner.config import directives, model, sections, settings
from runner.datasets import files
from tests.docs import pages

PAGE = pages.ROOT / "docs" / "configuration.md"
LOADERS = "dataset_loader_train and dataset_loader_test"


@pytest.mark.parametrize("name", sections.SECTIONS)
def test_every_key_of_a_section(name: str) -> None:
    """A section's tables name the keys that the section has, and no others."""
    known = set(sections.SECTIONS[name]) - {directives.FACTORY}
    found = set(pages.section("configuration.md", name).keys())
    if name == "predict_service":  # the table of a field's keys stands there too
        known |= set(sections._FIELD)
    assert found == known


def test_every_key_of_a_model() -> None:
    """The model's tables name the keys of scripts and those of the long form of Python."""
    found = set(pages.section("configuration.md", "model").keys())
    assert found == {*model._SCRIPTED, "factory", "frame", "path"}


def test_every_key_of_a_script_that_loads() -> None:
    """The table of a loader in R or Julia names the keys of a source."""
    assert set(pages.section("configuration.md", LOADERS).keys()) == set(model._SOURCE)


def test_every_top_level_key() -> None:
    """All top-level keys are named, those too that are known and refused."""
    text = pages.read(PAGE)
    known = [*sections.TOP, "model", "dataset_loader_train", "dataset_loader_test"]
    assert [name for name in known if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("predict_service", settings.ServiceSettings),
        ("adapter", settings.AdapterSettings),
        ("auth", settings.AuthSettings),
        ("server", settings.ServerSettings),
        ("audit", settings.AuditSettings),
    ],
)
def test_every_setting(name: str, kind: type) -> None:
    """What comes out of a section is documented under the name that goes in."""
    documented = {*pages.section("configuration.md", name).keys()}
    if "from" in documented:  # which no field can be called
        documented.add("trusted_from")
    assert [each.name for each in fields(kind) if each.name not in documented] == []


def test_every_type_of_a_field() -> None:
    """The types of a mapping are all named."""
    row = pages.section("configuration.md", "predict_service").keys()["type"]
    assert [name for name in sections.TYPES if f"`{name}`" not in row] == []


def test_every_directive() -> None:
    """The table of directives has all of them."""
    text = pages.section("configuration.md", "Directives").text
    known = [*directives._DIRECTIVES, f'"{directives.FACTORY}"']
    assert [name for name in known if f"`{name}`" not in text] == []


def test_every_loader_and_its_keywords() -> None:
    """Each loader is named, with every keyword that is ours and not pandas' or scikit-learn's."""
    text = pages.section("configuration.md", "Loaders").text
    loaders = [getattr(datasets, name) for name in datasets.__all__]
    classes = [each for each in loaders if inspect.isclass(each) and each is not datasets.Dataset]
    missing = []
    for loader in [*classes, files._File]:
        if loader in classes and f"**`{loader.__name__}`**" not in text:
            missing.append(loader.__name__)
        for parameter in inspect.signature(loader).parameters.values():
            named = parameter.kind is not inspect.Parameter.VAR_KEYWORD
            if named and f"| `{parameter.name}` |" not in text:
                missing.append(f"{loader.__name__}: {parameter.name}")
    assert missing == []


def _documented_defaults(name: str) -> dict[str, Any]:
    """Read the column of defaults of a section's first table, but for what has none."""
    found = {}
    for cells in pages.section("configuration.md", name).rows():
        key = cells[0].strip("`")
        if key in sections.SECTIONS[name] and cells[2].startswith("`"):
            found[key] = yaml.safe_load(cells[2].strip("`"))
    return found


def test_documented_defaults_are_the_defaults(tmp_path: Path) -> None:
    """A config that says every documented default is the same as one that says nothing."""
    plain = {
        "service_metadata": {"service_name": "iris"},
        "model": {"!": "sklearn.tree.DecisionTreeClassifier"},
    }
    told: dict[str, Any] = dict(plain)
    for name in ("predict_service", "server", "adapter", "audit"):
        told[name] = _documented_defaults(name)
    told["adapter"].pop("command")  # a list of nothing is no command
    told["predict_service"].pop("params")
    told["service_metadata"] = plain["service_metadata"] | _documented_defaults("service_metadata")
    loaded = []
    for file, values in (("plain.json", plain), ("told.json", told)):
        (tmp_path / file).write_text(yaml.safe_dump(values))
        loaded.append(configs.load(str(tmp_path / file)))
    silent, explicit = loaded
    names = {field.name for field in fields(settings.ServerSettings)}
    assert set(told["server"]) == names - {"actions"}  # whose default depends on `auth`
    for name in ("service_version", "service", "server", "adapter", "audit"):
        assert getattr(explicit, name) == getattr(silent, name)
