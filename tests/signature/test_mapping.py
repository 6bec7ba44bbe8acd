"""A config's mapping renames and retypes what the model calls its features."""

import pytest

from contracts.table import Columns, Field, Matrix, Type
from runner.config.settings import MappedField
from runner.signature import Checker, IncompatibleMapping, InvalidInput, Signature

AB = Signature((Field("a", Type.F64), Field("b", Type.F64)))


def cells(table: Columns | Matrix) -> dict[str, list[object]]:
    return {column.name: column.tolist() for column in table.columns}


def test_names_of_the_model_match_by_name() -> None:
    """The order of a mapping that uses the model's own names does not matter."""
    table = Checker(AB, [MappedField("b", Type.F64), MappedField("a", Type.F64)]).row(
        {"a": "1", "b": "2"}
    )
    assert cells(table) == {"a": [1], "b": [2]}


def test_other_names_match_by_position() -> None:
    """A mapping with names of its own renames the features in order."""
    table = Checker(AB, [MappedField("x", Type.F64), MappedField("y", Type.F64)]).row(
        {"x": "1", "y": "2"}
    )
    assert cells(table) == {"a": [1], "b": [2]}


def test_some_names_of_the_model_in_their_place() -> None:
    """One feature may be renamed and another keep its name."""
    table = Checker(AB, [MappedField("x", Type.F64), MappedField("b", Type.F64)]).row(
        {"x": "1", "b": "2"}
    )
    assert cells(table) == {"a": [1], "b": [2]}


def test_a_name_in_the_place_of_another() -> None:
    """A mapping that is neither by name nor by position is refused, since either would be wrong."""
    with pytest.raises(IncompatibleMapping) as caught:
        Checker(AB, [MappedField("b", Type.F64), MappedField("x", Type.F64)])
    assert caught.value.problems == (
        "field 'x' is not one of the model's features, so that all fields are matched by position",
        "field 'b' is in the place of the model's feature 'a'",
    )


DATED = Signature((Field("Date", Type.DATE), Field("Season", Type.CAT, ("dry", "wet"))))


def test_misspelt_name() -> None:
    """A name that is no feature is told before what follows from it, with the nearest one."""
    with pytest.raises(IncompatibleMapping) as caught:
        Checker(DATED, [MappedField("Season", Type.CAT), MappedField("Dat", Type.DATE)])
    assert caught.value.problems[0] == (
        "field 'Dat' (did you mean 'Date'?) is not one of the model's features, "
        "so that all fields are matched by position"
    )


def test_misspelt_name_too_many() -> None:
    """Where the lengths differ, names that are no features are told first as well."""
    with pytest.raises(IncompatibleMapping) as caught:
        Checker(DATED, [MappedField(name, Type.STR) for name in ("seasons", "Date", "x")])
    assert caught.value.problems[0] == (
        "fields 'seasons' (did you mean 'Season'?), 'x' are not among the model's features"
    )


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], []])
def test_another_length(names: list[str]) -> None:
    """A mapping of another length is refused, and both lengths are told."""
    with pytest.raises(IncompatibleMapping) as caught:
        Checker(AB, [MappedField(name, Type.F64) for name in names])
    assert f"it has {len(names)} fields" in str(caught.value)
    assert "the model 2 features (a, b)" in str(caught.value)


def test_all_problems_are_told() -> None:
    """Every field that does not fit is named at once."""
    with pytest.raises(IncompatibleMapping) as caught:
        Checker(AB, [MappedField("a", Type.STR), MappedField("b", Type.DATE)])
    assert caught.value.problems == (
        "field 'a' is str, and the model's feature 'a' is f64",
        "field 'b' is date, and the model's feature 'b' is f64",
    )


def test_a_name_twice() -> None:
    """A repeated name cannot be told apart in a request."""
    with pytest.raises(IncompatibleMapping) as caught:
        Checker(AB, [MappedField("x", Type.F64), MappedField("x", Type.F64)])
    assert "field 'x' is there twice" in caught.value.problems


@pytest.mark.parametrize(
    ("feature", "mapped", "text", "type_", "value"),
    [
        (Type.F64, Type.I64, "3", Type.F64, 3.0),
        (Type.F64, Type.BOOL, "true", Type.F64, 1.0),
        (Type.I64, Type.F64, "2.5", Type.F64, 2.5),
        (Type.I64, Type.BOOL, "true", Type.I64, 1),
        (Type.CAT, Type.STR, "lo", Type.CAT, "lo"),
        (Type.CAT, Type.CAT, "lo", Type.CAT, "lo"),
    ],
)
def test_types_widen(feature: Type, mapped: Type, text: str, type_: Type, value: object) -> None:
    """The mapping's type decides what is accepted; the model gets what it can take."""
    signature = Signature((Field("x", feature, ("lo",) if feature is Type.CAT else ()),))
    (column,) = Checker(signature, [MappedField("x", mapped)]).row({"x": text}).columns
    assert (column.type, column.tolist()) == (type_, [value])


def test_an_int_of_the_mapping_is_checked() -> None:
    """A field that the mapping calls int takes no fraction, even if the model would."""
    ints = Checker(AB, [MappedField("a", Type.I64), MappedField("b", Type.I64)])
    with pytest.raises(InvalidInput) as caught:
        ints.row({"a": "1", "b": "2.5"})
    assert [fault.field for fault in caught.value.faults] == ["b"]
    assert isinstance(ints.rows([{"a": 1, "b": 2}]), Matrix)


def test_nullable_by_mapping() -> None:
    """A mapping may allow missing values that the fit did not see."""
    table = Checker(
        AB, [MappedField("a", Type.F64, nullable=True), MappedField("b", Type.F64)]
    ).rows([{"a": None, "b": 1}])
    assert cells(table) == {"a": [None], "b": [1]}


def test_faults_have_outside_names() -> None:
    """A caller is told of its own names, not of the model's."""
    with pytest.raises(InvalidInput) as caught:
        Checker(AB, [MappedField("x", Type.F64), MappedField("y", Type.F64)]).row({"x": "1"})
    assert [fault.field for fault in caught.value.faults] == ["y"]


def test_signature_survives_json() -> None:
    """What is stored with a version comes back equal."""
    signature = Signature(
        (Field("a", Type.F64, missing=True), Field("c", Type.CAT, ("x", "y"), ordered=True)),
        Field("target", Type.CAT, ("no", "yes")),
        "classification",
    )
    assert Signature.from_json(signature.to_json()) == signature
    assert signature.classes == ("no", "yes")


def test_signature_without_target() -> None:
    """A model need not have a target."""
    assert Signature.from_json(AB.to_json()) == AB
    assert AB.classes == ()


def test_levels_of_the_mapping() -> None:
    """A mapping may accept fewer levels than the model knows; codes stay the model's."""
    signature = Signature((Field("c", Type.CAT, ("lo", "mid", "hi")),))
    narrow = Checker(signature, [MappedField("c", Type.CAT, levels=("hi",))])
    (column,) = narrow.rows([{"c": "hi"}]).columns
    assert (column.levels, column.tolist()) == (("lo", "mid", "hi"), ["hi"])
    with pytest.raises(InvalidInput) as caught:
        narrow.rows([{"c": "lo"}])
    assert caught.value.faults[0].allowed == ("hi",)


def test_levels_that_the_model_never_saw() -> None:
    """A level that the data did not have cannot be promised to callers."""
    signature = Signature((Field("c", Type.CAT, ("lo", "hi")),))
    with pytest.raises(IncompatibleMapping) as caught:
        Checker(signature, [MappedField("c", Type.CAT, levels=("hi", "max"))])
    assert str(caught.value) == "field 'c' has levels that the model never saw: max"
