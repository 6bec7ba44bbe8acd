"""Build what a config names, and say what cannot be built."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest

from runner.config import build
from runner.config.factory import missing
from runner.errors import ConfigError


def test_innermost_first() -> None:
    """Row "factories": Factories within maps, lists and tuples are built before what takes them."""
    half = {"!": "fractions.Fraction", "numerator": 1, "denominator": 2}

    built = build({"a": [half, (half,)], "b": {"!": "builtins.dict", "x": half}, "c": 3})

    assert {"a": [Fraction(1, 2), (Fraction(1, 2),)], "b": {"x": Fraction(1, 2)}, "c": 3} == built


def test_class_method() -> None:
    """A dotted name may go through a class."""
    assert Counter({"a": 0}) == Counter(
        build({"!": "collections.OrderedDict.fromkeys", "iterable": "a", "value": 0})
    )


FAILING = {
    "nowhere.X": "there is no module 'nowhere'",
    "X": "'X' is no dotted name",
    "a b.X": "'a b.X' is no dotted name",
    "collections.Countr": "collections has no Countr, did you mean 'Counter'?",
    "collections.Counter.frm": "collections.Counter has no frm",
    "math.pi": "math.pi is a float, which cannot be called",
    "fractions.Fraction": "fractions.Fraction: both arguments should be Rational instances",
}


@pytest.mark.parametrize("name", FAILING)
def test_what_cannot_be_built(name: str) -> None:
    """A name that is not there, not callable, or that raises, is told as such."""
    with pytest.raises(ConfigError) as caught:
        build({"!": name, "numerator": "x", "denominator": "y"})

    assert FAILING[name] == caught.value.faults[0].problem


LOOKED_UP = {
    "sklearn.tree.Whatever": None,  # the last part is taken on trust
    "builtins.dict": None,
    "itertools.chain.from_iterable": None,
    "sklearn.treee.X": "sklearn has no treee, did you mean 'tree'?",
    "skleran.tree.X": "there is no module 'skleran', did you mean 'sklearn'?",
    "runner.dataset.CSV": "runner has no dataset, did you mean 'datasets'?",
    "json.tol.main": "json has no tol, did you mean 'tool'?",  # which json does not import
    "os.path.join": None,
    "sys.exit": None,
}


@pytest.mark.parametrize("name", LOOKED_UP)
def test_looking_up(name: str) -> None:
    """Row "missing key": A name is looked up without building anything."""
    assert LOOKED_UP[name] == missing(name)


class Wanting:
    """A component that wants the config when all is made, as Palladium's may."""

    def __init__(self, inner: object = None) -> None:
        self.inner = inner

    def initialize_component(self, config: dict[str, object]) -> None:
        self.name = config["name"]
        config.clear()  # the copy


def test_initialize_component() -> None:
    """Row "factories": what has an initialize_component is given the config, those within, too."""
    name = f"{__name__}.Wanting"
    config = {"name": "iris"}

    built = build({"!": name, "inner": {"!": name}}, config)

    assert ("iris", "iris") == (built.name, built.inner.name)
    assert {"name": "iris"} == config
    assert not hasattr(build({"!": name}), "name")


def test_initialize_component_that_fails() -> None:
    """What it raises is told as the factory's."""
    with pytest.raises(ConfigError, match="Wanting: initialize_component: KeyError: 'name'"):
        build({"!": f"{__name__}.Wanting"}, {})
