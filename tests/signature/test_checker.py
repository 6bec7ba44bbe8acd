"""Requests become tables, or a list of all that is wrong with them."""

import math
import subprocess
import sys
from datetime import date, datetime

import pytest

from contracts.table import Columns, Field, Matrix, Type
from runner.config.settings import MappedField
from runner.signature import Checker, InvalidInput, Signature, read_params


def checker(*features: Field) -> Checker:
    return Checker(Signature(features))


FLOATS = checker(Field("a", Type.F64), Field("b", Type.F64))
EVERYTHING = checker(
    Field("f64", Type.F64),
    Field("i64", Type.I64),
    Field("bool", Type.BOOL),
    Field("str", Type.STR),
    Field("cat", Type.CAT, ("lo", "hi"), ordered=True),
    Field("date", Type.DATE),
    Field("datetime", Type.DATETIME),
)
VALUES = {
    "f64": 1.5,
    "i64": 2**63 - 1,
    "bool": True,
    "str": "ü",
    "cat": "hi",
    "date": date(2024, 2, 29),
    "datetime": datetime(2024, 2, 29, 12, 30, 0, 250),
}


def cells(table: Columns | Matrix) -> dict[str, list[object]]:
    return {column.name: column.tolist() for column in table.columns}


def test_floats_become_a_matrix() -> None:
    """A row of a query string and rows of JSON become row-major matrices."""
    row = FLOATS.row({"b": "2", "a": "-1.5e3"})
    rows = FLOATS.rows([{"a": 1, "b": 2.5}, {"b": 4, "a": 3}])
    assert isinstance(row, Matrix)
    assert row == Matrix(1, ("a", "b"), row.values)
    assert (cells(row), cells(rows)) == ({"a": [-1500], "b": [2]}, {"a": [1, 3], "b": [2.5, 4]})


def test_one_float_becomes_a_matrix() -> None:
    """A single feature is no special case for the caller."""
    one = checker(Field("a", Type.F64))
    assert cells(one.row({"a": "2.5"})) == cells(one.rows([{"a": 2.5}])) == {"a": [2.5]}


def test_all_types_of_json() -> None:
    """JSON values arrive as the declared types, with the training's levels and their order."""
    given = VALUES | {"date": "2024-02-29", "datetime": "2024-02-29T14:30:00.000250+02:00"}
    table = EVERYTHING.rows([given])
    assert isinstance(table, Columns)
    assert cells(table) == {name: [value] for name, value in VALUES.items()}
    assert table.columns[4].field == Field("cat", Type.CAT, ("lo", "hi"), ordered=True)


def test_all_types_of_text() -> None:
    """Texts of a query string arrive as the same values."""
    given = {name: str(value) for name, value in VALUES.items()}
    assert cells(EVERYTHING.row(given)) == {name: [value] for name, value in VALUES.items()}


def test_lines_of_csv() -> None:
    """Texts beneath a header are matched by name; other columns are ignored."""
    table = FLOATS.lines(["b", "x", "a"], [["1", "?", "2"], ["3", "?", "4"]])
    assert cells(table) == {"a": [2, 4], "b": [1, 3]}


def test_lines_of_csv_lack_a_column() -> None:
    """A header without a feature's name is refused, naming it."""
    with pytest.raises(InvalidInput) as caught:
        FLOATS.lines(["b", "x"], [["1", "?"]])
    assert [(fault.field, fault.absent) for fault in caught.value.faults] == [("a", True)]


def test_other_fields_are_ignored() -> None:
    """What the model does not know does no harm."""
    assert FLOATS.row({"a": "1", "b": "2", "c": "x"}) == FLOATS.rows([{"a": 1, "b": 2, "c": []}])


@pytest.mark.parametrize(
    ("type_", "value", "read"),
    [
        (Type.F64, "5.2", 5.2),
        (Type.F64, " 7 ", 7.0),
        (Type.F64, 2**60, 2.0**60),
        (Type.F64, 1.7e308, 1.7e308),
        (Type.I64, 5.0, 5),
        (Type.I64, "5.0", 5),
        (Type.I64, "-9223372036854775808", -(2**63)),
        (Type.BOOL, 1, True),
        (Type.BOOL, "False", False),
        (Type.BOOL, "0", False),
        (Type.STR, "", ""),
        (Type.DATETIME, "2024-01-02", datetime(2024, 1, 2)),
        (Type.DATETIME, "2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5)),
    ],
)
def test_types_bend_a_little(type_: Type, value: object, read: object) -> None:
    """Numbers may come as text, integers with .0, truth as 0 or 1."""
    assert cells(checker(Field("x", type_)).rows([{"x": value}])) == {"x": [read]}


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (Type.F64, "abc"),
        (Type.F64, True),
        (Type.F64, None),
        (Type.F64, []),
        (Type.F64, {}),
        (Type.F64, "NaN"),
        (Type.F64, "-Infinity"),
        (Type.F64, "1e999"),
        (Type.F64, math.nan),
        (Type.F64, math.inf),
        (Type.F64, 10**400),
        (Type.F64, "1_000"),
        (Type.F64, "٣"),
        (Type.F64, ""),
        (Type.I64, 5.5),
        (Type.I64, "5.5"),
        (Type.I64, 2**63),
        (Type.I64, "9" * 5000),
        (Type.I64, 1e18),
        (Type.I64, True),
        (Type.I64, math.nan),
        (Type.I64, "inf"),
        (Type.BOOL, 2),
        (Type.BOOL, "yes"),
        (Type.BOOL, 1.0),
        (Type.STR, 5),
        (Type.STR, None),
        (Type.CAT, "medium"),
        (Type.CAT, 0),
        (Type.CAT, ""),
        (Type.DATE, "2024-02-30"),
        (Type.DATE, "29.2.2024"),
        (Type.DATE, 20240229),
        (Type.DATETIME, "now"),
        (Type.DATETIME, 0),
        (Type.DATETIME, "0001-01-01T00:00:00+14:00"),
    ],
)
def test_types_never_guess(type_: Type, value: object) -> None:
    """What is no value of the declared type is refused in JSON, with field, row and value."""
    levels = ("lo", "hi") if type_ is Type.CAT else ()
    good = {
        Type.F64: 1.0,
        Type.I64: 1,
        Type.BOOL: True,
        Type.STR: "x",
        Type.CAT: "lo",
        Type.DATE: "2024-02-29",
        Type.DATETIME: "2024-02-29T00:00:00",
    }[type_]
    with pytest.raises(InvalidInput) as caught:
        checker(Field("x", type_, levels)).rows([{"x": good}, {"x": value}])
    (fault,) = caught.value.faults
    assert (fault.field, fault.row, fault.absent) == ("x", 1, False)
    assert fault.value is value


@pytest.mark.parametrize(
    "text", ["", "abc", "nan", "inf", "-inf", "1e999", "1_0", "٣", "0x10", ["1", "2"]]
)
def test_query_strings_never_guess(text: object) -> None:
    """What is no number is refused in a query string, and so is a number given twice."""
    with pytest.raises(InvalidInput) as caught:
        FLOATS.row({"a": "1", "b": text})
    assert [(fault.field, fault.row) for fault in caught.value.faults] == [("b", None)]


def test_all_faults_are_listed() -> None:
    """One answer names every wrong value, absent fields among them."""
    with pytest.raises(InvalidInput) as caught:
        FLOATS.rows([{"a": "x", "b": 1}, {"b": None}, {"a": 1, "b": 2}])
    assert [(fault.field, fault.row, fault.absent) for fault in caught.value.faults] == [
        ("a", 0, False),
        ("a", 1, True),
        ("b", 1, False),
    ]
    assert caught.value.incomplete


def test_faults_end_at_ten() -> None:
    """A thousand wrong rows do not make a thousand faults."""
    with pytest.raises(InvalidInput) as caught:
        FLOATS.rows([{"a": "x", "b": "y"}] * 1000)
    assert len(caught.value.faults) == 10


@pytest.mark.parametrize("row", [1, "a", None, [1, 2], True])
def test_rows_are_objects(row: object) -> None:
    """A row of another shape is refused and numbered."""
    with pytest.raises(InvalidInput) as caught:
        FLOATS.rows([{"a": 1, "b": 2}, row])
    assert [(fault.field, fault.row, fault.value) for fault in caught.value.faults] == [
        (None, 1, row)
    ]


def test_fault_in_words() -> None:
    """A fault's sentence has row, field, value, what was expected, and the levels."""
    levels = checker(Field("size", Type.CAT, ("lo", "hi")))
    with pytest.raises(InvalidInput) as caught:
        levels.rows([{"size": "mid"}])
    assert str(caught.value) == (
        "row 0: size: 'mid' is not accepted, expected one of the levels: 'lo', 'hi'"
    )
    assert caught.value.faults[0].to_json() == {
        "field": "size",
        "row": 0,
        "value": "mid",
        "expected": "one of the levels",
        "allowed": ["lo", "hi"],
    }


def test_faults_stay_small() -> None:
    """Long values are cut to 100 characters and long lists of levels to 20."""
    levels = checker(Field("x", Type.CAT, tuple(map(str, range(100)))))
    with pytest.raises(InvalidInput) as caught:
        levels.rows([{"x": "y" * 10_000}, {"x": [["z" * 1000] * 1000]}])
    told = [fault.to_json() for fault in caught.value.faults]
    assert [len(fault["value"]) <= 100 for fault in told] == [True, True]
    assert [len(fault["allowed"]) for fault in told] == [20, 20]


def test_missing_where_it_was_seen() -> None:
    """null, or an empty text, is missing where the fit had missing values."""
    nullable = checker(
        Field("a", Type.F64, missing=True), Field("c", Type.CAT, ("x",), False, True)
    )
    expected = {"a": [None], "c": [None]}
    assert cells(nullable.rows([{"a": None, "c": None}])) == expected
    assert cells(nullable.row({"a": "", "c": ""})) == expected
    assert cells(nullable.lines(["a", "c"], [["", ""]])) == expected


def test_nothing_missing_is_a_matrix() -> None:
    """A nullable request without missing values takes the fast way."""
    nullable = checker(Field("a", Type.F64, missing=True))
    assert isinstance(nullable.rows([{"a": 1}]), Matrix)
    assert isinstance(nullable.rows([{"a": None}]), Columns)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (Field("x", Type.F64, missing=True), "NA", None),
        (Field("x", Type.I64, missing=True), "NA", None),
        (Field("x", Type.DATE, missing=True), "NA", None),
        (Field("x", Type.CAT, ("lo",), missing=True), "NA", None),
        (Field("x", Type.CAT, ("lo", "NA"), missing=True), "NA", "NA"),
        (Field("x", Type.CAT, ("lo", ""), missing=True), "", ""),
        (Field("x", Type.STR, missing=True), "NA", "NA"),
        (Field("x", Type.STR, missing=True), "", None),
    ],
)
def test_missing_as_text(field: Field, text: str, value: object) -> None:
    """What R's write.csv writes is missing, unless it is a value itself."""
    nullable = checker(field)
    assert cells(nullable.row({"x": text})) == {"x": [value]}
    assert cells(nullable.lines(["x"], [[text]])) == {"x": [value]}


def test_missing_where_it_was_never_seen() -> None:
    """NA is no value where nothing may be missing."""
    with pytest.raises(InvalidInput) as caught:
        FLOATS.row({"a": "1", "b": "NA"})
    assert str(caught.value) == "b: 'NA' is not accepted, expected a finite number"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            Field("x", Type.F64, missing=True),
            "a finite number, or null (in a query or CSV: an empty value or NA)",
        ),
        (Field("x", Type.STR, missing=True), "a text, or null (in a query or CSV: an empty value)"),
        (Field("x", Type.CAT, ("", "NA"), missing=True), "one of the levels, or null"),
    ],
)
def test_how_missing_is_said(field: Field, expected: str) -> None:
    """A fault of a field that may be missing tells how to say so."""
    with pytest.raises(InvalidInput) as caught:
        checker(field).rows([{"x": []}])
    assert caught.value.faults[0].expected == expected


def test_missing_must_be_said() -> None:
    """A nullable field that is not there is a fault: it may be a misspelt name."""
    with pytest.raises(InvalidInput) as caught:
        checker(Field("a", Type.F64, missing=True)).rows([{"b": 1}])
    assert str(caught.value).startswith("row 0: a: not given, expected a finite number, or null")


def test_names_that_were_meant() -> None:
    """A field that is not given is told with the unknown name that is like it."""
    flowers = checker(Field("sepal length", Type.F64), Field("sepal width", Type.F64))
    given: dict[str, object] = {"Sepal.Length": "1", "sepal width": "2", "x" * 10_000: "3"}
    for check in (
        lambda: flowers.row(given),
        lambda: flowers.rows([given], numbered=False),
        lambda: flowers.lines(list(given), [["1", "2", "3"]]),
    ):
        with pytest.raises(InvalidInput) as caught:
            check()
        assert str(caught.value) == "sepal length: not given; did you mean it by 'Sepal.Length'?"
        assert caught.value.faults[0].to_json()["meant"] == "Sepal.Length"


def test_names_that_were_meant_in_each_row() -> None:
    """Each row is looked at for itself; a name that is a field already is not meant for another."""
    with pytest.raises(InvalidInput) as caught:
        checker(Field("size", Type.F64), Field("sizes", Type.F64)).rows(
            [{"size": 1, "Sizes": 2}, {"size": 1}]
        )
    assert [fault.meant for fault in caught.value.faults] == ["Sizes", None]


@pytest.mark.parametrize(
    ("value", "accepted"), [(4, True), (5, False), (4.0, False), (True, False)]
)
def test_levels_that_look_like_numbers(value: object, accepted: bool) -> None:
    """A level may come as the integer that it looks like, and as no other number."""
    cylinders = checker(Field("cyl", Type.CAT, ("4", "6", "8", "True")))
    if accepted:
        assert cells(cylinders.rows([{"cyl": value}, {"cyl": "8"}])) == {"cyl": ["4", "8"]}
        return
    with pytest.raises(InvalidInput) as caught:
        cylinders.rows([{"cyl": value}])
    assert caught.value.faults[0].value is value


def test_params_of_the_model() -> None:
    """Params are read by their declared types, and left out when absent."""
    declared = [
        MappedField("k", Type.I64),
        MappedField("deep", Type.BOOL),
        MappedField("other", Type.STR),
    ]
    assert read_params(declared, {"k": "3", "deep": "true", "a": "1"}) == {"k": 3, "deep": True}


def test_params_are_checked() -> None:
    """A param of another type is the caller's fault, named."""
    with pytest.raises(InvalidInput) as caught:
        read_params([MappedField("k", Type.I64)], {"k": "many"})
    assert caught.value.faults[0].field == "k"


def test_no_numpy() -> None:
    """Checking needs neither numpy nor pandas."""
    code = "import sys, runner.signature; print({'numpy', 'pandas'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
