"""What models see: the types of SPEC 6 in Julia, and the settings of SPEC 9."""

from __future__ import annotations

import math
from datetime import date, datetime

import pytest

from contracts.errors import Code
from contracts.table import Column, Columns, Type
from tests.adapters.driver import Client
from tests.adapters.julia.conftest import (
    failure,
    matrix,
    model,
    numbers,
    told,
    y,
)
from tests.requirements import need

pytestmark = need("julia")


EVERY_TYPE = Columns(
    3,
    (
        Column.of("sepal length", Type.F64, [1.5, math.inf, None]),
        Column.of("größe α", Type.I64, [2**62, None, -3]),
        Column.of("flag", Type.BOOL, [True, False, None]),
        Column.of("text", Type.STR, ["a\n$x \\", "", "süß 🌷"]),
        Column.of("kind", Type.CAT, ["b", None, "a"], ["b", "unused", "a"]),
        Column.of("day", Type.DATE, [date(1969, 12, 31), date(2024, 2, 29), date(9999, 1, 1)]),
        Column.of(
            "time",
            Type.DATETIME,
            [datetime(1969, 12, 31, 23, 59, 59, 999000), None, datetime(2024, 1, 1)],
        ),
    ),
)


def test_numbers_are_a_matrix_of_features_by_samples(client: Client) -> None:
    """f64, i64 and bool without missing values make one Matrix{Float64}."""
    table = Columns(
        2,
        (
            Column.of("f", Type.F64, [0.5, 1.5]),
            Column.of("i", Type.I64, [10, -20]),
            Column.of("b", Type.BOOL, [True, False]),
        ),
    )
    client.fit(model("mirror.jl"), table, y(1, 2))
    assert client.predict(table).table.columns[0].tolist() == [11.5, -18.5]
    assert told(client, table, "fitted") == "2 × Float64"


def test_a_matrix_and_columns_give_the_same(client: Client) -> None:
    """Requests may come in either shape."""
    client.fit(model("mirror.jl"), numbers([1, 2], [3, 4]), y(1, 2))
    by_row = client.predict(matrix([1.5, 3], [2, 4.25])).table
    by_column = client.predict(numbers([1.5, 2], [3, 4.25])).table
    assert by_row == by_column
    assert by_row.columns[0].tolist() == [4.5, 6.25]


def test_every_type_goes_there_and_back(client: Client) -> None:
    """Names, values, missing ones and infinities of all types survive."""
    for column in EVERY_TYPE.columns:
        client.fit(model("mirror.jl", predict_params={"tell": column.name}), EVERY_TYPE, column)
        (found,) = client.predict(EVERY_TYPE).table.columns
        assert (column.name, column.type) == (found.name, found.type)
        assert column.tolist() == found.tolist()


def test_missing_is_not_nan(client: Client) -> None:
    """A NaN reaches Julia as NaN, a missing value as missing, and both come back (SPEC 6.6)."""
    table = numbers([math.nan, None, 1.0])
    client.fit(model("mirror.jl"), table, y(1, 2, 3))
    nan, missing, one = client.predict(table).table.columns[0].tolist()
    assert (math.isnan(nan), missing, one) == (True, None, 1.0)


def test_columns_keep_the_type_of_the_fit(client: Client) -> None:
    """A column with missing values at the fit is a Union, whether a request has some or not."""
    client.fit(model("mirror.jl"), numbers([1, 3], [1, None]), y(1, 2))
    fitted = told(client, matrix([1, 2]), "fitted")
    assert fitted == told(client, matrix([1, 2]), "type")
    assert fitted == "a: Float64; b: Union{Missing, Float64}"


def test_numbers_take_the_type_of_the_fit(client: Client) -> None:
    """Integers may come as floats, if they are integers."""
    text = Column.of("t", Type.STR, ["x"])
    settings = model("mirror.jl", predict_params={"tell": "i"})
    client.fit(settings, Columns(1, (Column.of("i", Type.I64, [7]), text)), y(1))
    whole = client.predict(Columns(1, (Column.of("i", Type.F64, [8.0]), text))).table
    assert (whole.columns[0].type, whole.columns[0].tolist()) == (Type.I64, [8])
    half = Columns(1, (Column.of("i", Type.F64, [8.5]), text))
    caught = failure(Code.UNREPRESENTABLE, client.predict, half)
    assert caught.message == ("column 'i': 8.5 in row 0 is no i64, which the model was fitted with")


def test_a_missing_value_for_a_matrix_is_refused(client: Client) -> None:
    """A model of a matrix cannot be given missing values: the column is named."""
    client.fit(model("mirror.jl"), numbers([1, 2], [3, 4]), y(1, 2))
    caught = failure(Code.BAD_TABLE, client.predict, numbers([1, 2], [3, None]))
    assert caught.message.startswith("column 'b': row 1 is missing")


def test_an_integer_beyond_a_matrix_is_refused(client: Client) -> None:
    """2^53 + 1 is not rounded into a Float64 (SPEC 6.9)."""
    table = Columns(2, (Column.of("i", Type.I64, [2**53, 2**53 + 1]),))
    caught = failure(Code.UNREPRESENTABLE, client.fit, model("mirror.jl"), table, y(1, 2))
    assert "'i'" in caught.message.replace('"', "'")
    assert "9007199254740993 in row 1" in caught.message


def test_microseconds_are_refused(client: Client) -> None:
    """Julia's DateTime has milliseconds: finer ones are not rounded (SPEC 6.9)."""
    times = [datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1)]
    table = Columns(2, (Column.of("t", Type.DATETIME, times),))
    caught = failure(Code.UNREPRESENTABLE, client.fit, model("mirror.jl"), table, y(1, 2))
    assert "in row 1" in caught.message


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (y(1.5, 2), "1 × Float64"),
        (Column.of("y", Type.I64, [1, 2]), "1 × Int64"),
        (y(1.5, None), "1 × Union{Missing, Float64}"),
    ],
    ids=["f64", "i64", "missing"],
)
def test_targets(client: Client, target: Column, expected: str) -> None:
    """y is a vector of the target's type."""
    client.fit(model("mirror.jl"), numbers([1, 2]), target)
    assert told(client, matrix([1]), "y") == expected


def test_params_reach_fit_as_they_are(client: Client) -> None:
    """Numbers, texts, lists, maps and nothing become Julia's, without interpolation."""
    params = {
        "a": 1, "b": -2.5, "c": 'x $(exit(1)) "\\', "d": True, "e": None, "f": [1, 2.5],
        "g": ["u", "ü"], "h": {"k": [1]}, "i": 2**40, "j": [], "l": -(2**40), "m": "t" * 300,
        "n": 2**64 - 1,
    }  # fmt: skip
    client.fit(model("mirror.jl", params=params), numbers([1, 2]), y(1, 2))
    assert told(client, matrix([1]), "params").split("; ") == [
        "a=1", "b=-2.5", r'c="x \$(exit(1)) \"\\"', "d=true", "e=nothing", "f=[1.0, 2.5]",
        'g=["u", "ü"]', 'h=Dict{String,Any}("k" => [1])', "i=1099511627776", "j=Any[]",
        "l=-1099511627776", f'm="{"t" * 300}"', "n=0xffffffffffffffff",
    ]  # fmt: skip


def test_params_of_predictions(client: Client) -> None:
    """predict_params go with each prediction, and a request's own come before them."""
    client.fit(model("mirror.jl", predict_params={"tell": "size"}), numbers([1, 2]), y(1, 2))
    assert client.predict(matrix([5])).table.columns[0].tolist() == [1]
    assert client.predict(matrix([1]), tell="X").table.columns[0].tolist() == [1.0]
