"""Every type of the contract reaches R as R's own, and comes back (SPEC 6)."""

from __future__ import annotations

import math
import struct
from datetime import date, datetime
from typing import Any

import pytest

from contracts.errors import Code, Failure
from contracts.messages import Source
from contracts.table import Column, Columns, Matrix, Type
from tests.adapters.driver import Client
from tests.adapters.r.conftest import SCRIPTS, columns, floats, heard, model
from tests.requirements import need

pytestmark = need("r")

NUMBERS = floats("y", 1.0, 2.0, 3.0)
D = date(2026, 3, 1)
TIMES = (Type.DATE, Type.DATETIME)


def seen(r: Client, expression: str, *features: Column, target: Column = NUMBERS) -> str:
    """Give what an R expression over x and y makes of a fit to these columns."""
    settings = model("probe.R", params={"expression": f"stop({expression})"})
    return heard(r.fit, settings, columns(*features), target)


def answer(r: Client, table: Any, method: str = "predict", **params: Any) -> list[Any]:
    """Give the values of the one column that a predict answers."""
    (column,) = r.predict(table, method, **params).table.columns
    return column.tolist()


@pytest.mark.parametrize(
    ("column", "expression", "expected"),
    [
        (floats("a", 1.5, None, math.nan), "deparse(x$a)", "c(1.5, NA, NaN)"),
        (Column.of("a", Type.I64, [1, None, -3]), "deparse(x$a)", "c(1L, NA, -3L)"),
        (Column.of("a", Type.I64, [2**31, None, 2**53]), "typeof(x$a)", "double"),
        (
            Column.of("a", Type.I64, [2**31, None, -(2**53)]),
            "format(sum(x$a[-2]), digits = 22)",
            "-9007197107257344",
        ),
        (Column.of("a", Type.I64, [-(2**31), 0, 0]), "deparse(x$a)", "c(-2147483648, 0, 0)"),
        (Column.of("a", Type.BOOL, [True, None, False]), "deparse(x$a)", "c(TRUE, NA, FALSE)"),
        (Column.of("a", Type.STR, ["grün", None, ""]), "deparse(x$a)", 'c("grün", NA, "")'),
        (
            Column.of("a", Type.CAT, ["b", None, "ä"], ["b", "ä", "c"]),
            "paste(class(x$a), toString(as.integer(x$a)), toString(levels(x$a)))",
            "factor 1, NA, 2 b, ä, c",
        ),
        (
            Column.of("a", Type.CAT, ["b", "a", "b"], ["b", "a"], ordered=True),
            "as.character(max(x$a))",
            "a",
        ),
        (
            Column.of("a", Type.DATE, [date(2026, 3, 1), None, date(1969, 12, 31)]),
            "paste(class(x$a), toString(x$a))",
            "Date 2026-03-01, NA, 1969-12-31",
        ),
        (
            Column.of("a", Type.DATETIME, [datetime(2026, 3, 1, 12, 0, 0, 250_000), None, None]),
            "paste(attr(x$a, 'tzone'), format(x$a, '%F %H:%M:%OS2')[1], is.na(x$a)[2])",
            "UTC 2026-03-01 12:00:00.25 TRUE",
        ),
    ],
)
def test_a_column_is_of_its_own_kind_in_r(
    r: Client, column: Column, expression: str, expected: Any
) -> None:
    """Each type arrives as the vector that an R user expects, NA and NaN told apart."""
    assert expected == seen(r, expression, column)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Column.of("y", Type.CAT, ["u", "v", "u"], ["u", "v"]), "factor u, v, u"),
        (Column.of("y", Type.BOOL, [True, False, True]), "logical TRUE, FALSE, TRUE"),
        (Column.of("y", Type.STR, ["TRUE", "b", "c"]), "character TRUE, b, c"),
        (Column.of("y", Type.I64, [1, 2, 3]), "integer 1, 2, 3"),
        (floats("y", 1.0, None, 2.5), "numeric 1, NA, 2.5"),
    ],
)
def test_the_target_is_a_vector_or_a_factor(r: Client, target: Column, expected: str) -> None:
    """`y` comes without a data.frame around it, in the kind of the target."""
    assert expected == seen(r, "class(y), ' ', toString(y)", NUMBERS, target=target)


def test_names_stay_as_they_are(r: Client) -> None:
    """Neither spaces nor unicode nor R's own words in names are mangled."""
    names = ["sepal length", "größe", "if", "1st", "`", ""]
    features = [floats(name, 1.0, 2.0, 3.0) for name in names]
    expected = "sepal length|größe|if|1st|`|"
    assert expected == seen(r, "paste(names(x), collapse = '|')", *features)


def test_levels_may_be_unicode_and_missing_from_a_request(r: Client) -> None:
    """A request with some of the levels is seen with those of the fit."""
    sizes = Column.of("size", Type.CAT, ["größer", "小", "größer"], ["小", "größer"])
    r.fit(model("probe.R"), columns(sizes), NUMBERS)
    asked = columns(Column.of("size", Type.CAT, ["größer"], ["größer"]))
    look = "stop(as.integer(newdata$size), ' of ', toString(levels(newdata$size)))"
    assert "2 of 小, größer" == heard(r.predict, asked, expression=look)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (Column.of("n", Type.I64, [0, 2**53 + 1, 0]), "9007199254740993 in row 1 is beyond ±2^53"),
        (Column.of("n", Type.I64, [-(2**63), 0, 0]), "-9223372036854775808 in row 0 is beyond"),
        (Column.of("n", Type.STR, ["", "a", "b\0c"]), "the string in row 2 has a NUL"),
        (Column("n", Type.DATETIME, struct.pack("<3q", 0, 2**61 + 1, 0)), "2305843009213693953 in"),
        (Column.of("n", Type.CAT, ["a\0"] * 3, ["a\0"]), "has a NUL"),
    ],
)
def test_what_r_cannot_hold_is_refused(r: Client, column: Column, message: str) -> None:
    """A value is never rounded or cut: it is named with its column and row (SPEC 6.9)."""
    with pytest.raises(Failure, match=r"^column ") as caught:
        r.fit(model("probe.R"), columns(column), NUMBERS)
    assert caught.value.code == Code.UNREPRESENTABLE
    assert message in caught.value.message


def test_missing_values_may_be_anything(r: Client) -> None:
    """What stands in the buffer of a missing value is not looked at (SPEC 6.4)."""
    gone = bytes(3)
    beyond = Column("n", Type.I64, struct.pack("<3q", 2**62, 2**62, 2**62), present=gone)
    times = Column("t", Type.DATETIME, struct.pack("<3q", 2**62, 1, 1), present=gone)
    text = Column.of("s", Type.STR, [None, None, None])
    look = "paste(sapply(x, function(column) sum(is.na(column))), collapse = ' ')"
    assert seen(r, look, beyond, times, text) == "3 3 3"


def test_a_matrix_is_a_data_frame(r: Client) -> None:
    """The rows of the hot path's matrix arrive as rows, its NaN as NaN whatever its payload."""
    names = ("a", "b")
    r.fit(
        model("probe.R"), columns(floats("a", 1.0, 2.0), floats("b", 3.0, 4.0)), floats("y", 0, 0)
    )
    na_of_r = struct.pack("<Q", 0x7FF00000000007A2)
    asked = Matrix(2, names, struct.pack("<3d", 1, 2, 3) + na_of_r)
    look = "stop(paste(unlist(newdata), collapse = ' '))"
    assert "1 3 2 NaN" == heard(r.predict, asked, expression=look)


@pytest.mark.parametrize(
    ("expression", "type_", "expected"),
    [
        ("c(1.5, NA, NaN)", Type.F64, [1.5, None, math.nan]),
        ("c(1L, NA, -3L)", Type.I64, [1, None, -3]),
        ("c(TRUE, NA, FALSE)", Type.BOOL, [True, None, False]),
        ("as.Date('2026-03-01') + c(0, NA, 0.5)", Type.DATE, [D, None, D]),
        (
            "as.POSIXct('2026-03-01 13:00', tz = 'Europe/Berlin') + c(0, NA, 1e-6)",
            Type.DATETIME,
            [datetime(2026, 3, 1, 12), None, datetime(2026, 3, 1, 12, 0, 0, 1)],
        ),
        ("as.POSIXlt(c('2026-03-01', NA, '2026-03-02'), tz = 'UTC')", Type.DATETIME,
         [datetime(2026, 3, 1), None, datetime(2026, 3, 2)]),
        ("structure(c(5e-324, 1e-323, -0.0), class = 'integer64')", Type.I64, [1, 2, None]),
        ("I(c(1, 2, 3))", Type.F64, [1.0, 2.0, 3.0]),
        ("c(a = 1, b = 2, c = 3)", Type.F64, [1.0, 2.0, 3.0]),
        ("array(c(1, 2, 3))", Type.F64, [1.0, 2.0, 3.0]),
        ("matrix(c(1, 2, 3))", Type.F64, [1.0, 2.0, 3.0]),
    ],
)  # fmt: skip
def test_a_result_keeps_its_kind(
    r: Client, expression: str, type_: Type, expected: list[Any]
) -> None:
    """What R answers comes back in its type, NA as missing and NaN as NaN."""
    table = columns(NUMBERS)
    target = Column.of("y", Type.DATE, [D, D, D]) if type_ in TIMES else NUMBERS
    r.fit(model("probe.R", params={"expression": "y"}), table, target)
    (column,) = r.predict(table, expression=expression).table.columns
    assert (type_, repr(expected)) == (column.type, repr(column.tolist()))


def test_a_table_comes_from_r(r: Client) -> None:
    """`read` gives the columns of a data.frame in their types, and labels as cat."""
    reply = r.read(Source(str(SCRIPTS / "sources.R"), "types"))
    expected = {
        "a name": (Type.F64, [1.5, None, math.nan]),
        "integer": (Type.I64, [1, None, -3]),
        "logical": (Type.BOOL, [True, None, False]),
        "text": (Type.STR, ["grün", None, ""]),
        "factor": (Type.CAT, ["b", None, "a"]),
        "date": (Type.DATE, [date(2026, 3, 1), None, date(1969, 12, 31)]),
        "time": (
            Type.DATETIME,
            [datetime(2026, 3, 1, 12, 0, 0, 250_000), None, datetime(1969, 12, 31)],
        ),
    }
    found = {column.name: (column.type, column.tolist()) for column in reply.table.columns}
    assert repr(expected) == repr(found)
    assert (reply.table.columns[4].levels, reply.table.columns[4].ordered) == (("b", "a"), True)
    assert (reply.target.name, reply.target.levels) == ("target", ("no", "yes"))


def test_a_table_without_rows_is_answered(r: Client) -> None:
    """No rows in, no rows out, in every type."""
    features = (
        NUMBERS,
        Column.of("s", Type.STR, ["a", "b", "c"]),
        Column.of("c", Type.CAT, ["a", "b", "a"], ["a", "b"]),
        Column.of("d", Type.DATE, [date(2026, 1, 1)] * 3),
    )
    r.fit(model("probe.R"), columns(*features), NUMBERS)
    assert answer(r, columns(*features).slice(0, 0), expression="numeric(0)") == []


def test_a_large_table_travels_beside_the_frame(r: Client) -> None:
    """100,000 rows of numbers and strings go there and back by attachment, none mixed up."""
    rows = 100_000
    text = [f"número {row}" if row % 7 else None for row in range(rows)]
    features = columns(
        Column.of("n", Type.F64, [float(row) for row in range(rows)]),
        Column.of("s", Type.STR, text),
    )
    r.fit(model("probe.R"), features, Column.of("y", Type.F64, [0.0] * rows))
    numbers = [None if item is None else row for row, item in enumerate(text)]
    assert numbers == answer(r, features, expression="as.numeric(sub('número ', '', newdata$s))")
    assert features.columns[0].tolist() == answer(r, features, expression="newdata$n")


def test_a_single_string_column_of_nothing(r: Client) -> None:
    """A table of one column, all of it missing, is a table."""
    nothing = columns(Column.of("s", Type.STR, [None, None, None]))
    r.fit(model("probe.R"), nothing, NUMBERS)
    look = "stop(paste(nrow(newdata), ncol(newdata), all(is.na(newdata))))"
    assert "3 1 TRUE" == heard(r.predict, nothing, expression=look)


def test_params_keep_their_kinds(r: Client) -> None:
    """Scalars, vectors, lists and maps of a config are R's own values."""
    params = {
        "expression": "stop(paste(deparse(list(...)), collapse = ''))",
        "flag": True, "count": 3, "large": 2**40, "share": 0.5, "text": "ä", "nothing": None,
        "numbers": [1, 2.5], "words": ["a", "b"], "mixed": [1, "a"], "map": {"k": [True]},
    }  # fmt: skip
    expected = (
        'list(flag = TRUE, count = 3L, large = 1099511627776, share = 0.5,     text = "ä", '
        'nothing = NULL, numbers = c(1, 2.5), words = c("a",     "b"), mixed = list(1L, "a"), '
        "map = list(k = TRUE))"
    )
    r.fit(model("probe.R"), Columns(3, (NUMBERS,)), NUMBERS)
    assert expected == heard(r.predict, columns(NUMBERS).slice(0, 1), **params)
