"""Turn every kind of pandas column into a column of the contract, or refuse it by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from contracts.table import Column, Type
from runner.datasets import frames
from runner.errors import DatasetError

NOON = datetime(2020, 1, 2, 12, 0, 0, 500)
CET = timezone(timedelta(hours=1))
THREE = ["a", None, "ä€"]

# name -> (series, type, values). The reference for values is Column.of, one value at a time.
COLUMNS: dict[str, tuple[pd.Series[Any], Type, Sequence[Any]]] = {
    "float64": (pd.Series([1.5, np.nan, np.inf]), Type.F64, [1.5, None, float("inf")]),
    "float32": (pd.Series([1.5, np.nan], dtype="float32"), Type.F64, [1.5, None]),
    "Float64": (pd.Series([1.5, None], dtype="Float64"), Type.F64, [1.5, None]),
    "int64": (pd.Series([1, -(2**63)]), Type.I64, [1, -(2**63)]),
    "int8": (pd.Series([1, -128], dtype="int8"), Type.I64, [1, -128]),
    "uint64": (pd.Series([2**63 - 1], dtype="uint64"), Type.I64, [2**63 - 1]),
    "Int64": (pd.Series([2**62 + 1, None], dtype="Int64"), Type.I64, [2**62 + 1, None]),
    "UInt8": (pd.Series([255, None], dtype="UInt8"), Type.I64, [255, None]),
    "bool": (pd.Series([True, False]), Type.BOOL, [True, False]),
    "boolean": (pd.Series([True, None], dtype="boolean"), Type.BOOL, [True, None]),
    "str": (pd.Series(THREE, dtype="str"), Type.STR, THREE),
    "string": (pd.Series(THREE, dtype="string"), Type.STR, THREE),
    "string of python": (pd.Series(THREE, dtype="string[python]"), Type.STR, THREE),
    "object of str": (pd.Series(THREE, dtype=object), Type.STR, THREE),
    "object of bool": (pd.Series([True, None], dtype=object), Type.BOOL, [True, None]),
    "object of int": (pd.Series([2**60 + 1, None], dtype=object), Type.I64, [2**60 + 1, None]),
    "object of float": (pd.Series([1.5, None], dtype=object), Type.F64, [1.5, None]),
    "object of nothing": (pd.Series([None, None], dtype=object), Type.STR, [None, None]),
    "object of date": (
        pd.Series([date(1, 1, 1), None, date(9999, 12, 31)], dtype=object),
        Type.DATE,
        [date(1, 1, 1), None, date(9999, 12, 31)],
    ),
    "object of datetime": (pd.Series([NOON, None], dtype=object), Type.DATETIME, [NOON, None]),
    "datetime64[ns]": (
        pd.Series([NOON, None], dtype="datetime64[ns]"),
        Type.DATETIME,
        [NOON, None],
    ),
    "datetime64[s]": (
        pd.Series([datetime(1, 1, 1), None], dtype="datetime64[s]"),
        Type.DATETIME,
        [datetime(1, 1, 1), None],
    ),
    "datetime64 with a zone": (
        pd.Series([NOON.replace(tzinfo=CET), None]),
        Type.DATETIME,
        [NOON.replace(hour=11), None],
    ),
    "arrow float": (
        pd.Series([1.5, None], dtype=pd.ArrowDtype(pa.float64())),
        Type.F64,
        [1.5, None],
    ),
    "arrow int": (pd.Series([1, None], dtype=pd.ArrowDtype(pa.int32())), Type.I64, [1, None]),
    "arrow bool": (
        pd.Series([True, None], dtype=pd.ArrowDtype(pa.bool_())),
        Type.BOOL,
        [True, None],
    ),
    "arrow string": (pd.Series(THREE, dtype=pd.ArrowDtype(pa.string())), Type.STR, THREE),
    "arrow timestamp": (
        pd.Series([NOON, None], dtype=pd.ArrowDtype(pa.timestamp("us"))),
        Type.DATETIME,
        [NOON, None],
    ),
    "arrow date": (
        pd.Series([date(2020, 1, 2), None], dtype=pd.ArrowDtype(pa.date32())),
        Type.DATE,
        [date(2020, 1, 2), None],
    ),
    "no float": (pd.Series([], dtype="float64"), Type.F64, []),
    "no str": (pd.Series([], dtype="str"), Type.STR, []),
}  # fmt: skip


@pytest.mark.parametrize("kind", COLUMNS)
def test_column(kind: str) -> None:
    """A column has the type of its dtype and the very values, what is missing included."""
    series, type_, values = COLUMNS[kind]

    found = frames.column("x", series)

    assert (type_, list(values)) == (found.type, found.tolist())
    assert (found.present is None) == (None not in values)


def test_bytes_of_a_column() -> None:
    """The buffers are those that the contract's own encoder makes."""
    frame = pd.DataFrame(
        {
            "f": [1.5, 2.5],
            "i": [1, 2],
            "b": [True, False],
            "s": ["ä", ""],
            "t": pd.to_datetime(["2020-01-01T00:00:00.000000", "1969-12-31T23:59:59.999999"]),
        }
    )

    for column in frames.table(frame).columns:
        expected = Column.of(column.name, column.type, column.tolist())

        assert bytes(expected.values) == bytes(column.values)
        assert bytes(expected.offsets or b"") == bytes(column.offsets or b"")


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(["a", "bc", "d", "e"], dtype="str")[1:3],
        pd.Series(["a", "bc", "d", "e"], dtype=object)[1:3],
        pd.Series(["zz", "bc", "d"], dtype="str")[lambda s: s != "zz"],
    ],
)
def test_part_of_a_text_column(series: pd.Series[Any]) -> None:
    """A slice of a text column begins at offset 0."""
    found = frames.column("x", series)

    assert ["bc", "d"] == found.tolist()
    assert b"bcd" == bytes(found.values)


def test_categories() -> None:
    """Categories keep their order, levels that do not occur, and which are missing."""
    series = pd.Series(
        pd.Categorical(["lo", None, "hi"], ["lo", "mid", "hi"], ordered=True), name="c"
    )

    found = frames.column("c", series)

    assert Column.of("c", Type.CAT, ["lo", None, "hi"], ("lo", "mid", "hi"), ordered=True) == (
        Column(**{**_fields(found), "values": bytes(found.values)})
    )


def test_categories_of_numbers() -> None:
    """Categories that are no strings are written as such."""
    found = frames.column("c", pd.Series([3, 1, 3]).astype("category"))

    assert (("1", "3"), ["3", "1", "3"]) == (found.levels, found.tolist())


def _fields(column: Column) -> dict[str, Any]:
    return {name: getattr(column, name) for name in Column.__dataclass_fields__}


LONG = pd.Series([f"c{n}" for n in range(40_000)])
REFUSED = {
    "column 'x', row 2: 3 is a int, above it stands a str: a column has one type": (
        pd.Series(["a", None, 3], dtype=object)
    ),
    "column 'x', row 1: 'a' is a str, above it stands a float: a column has one type": (
        pd.Series([1.5, "a"], dtype=object)
    ),
    "column 'x', row 0: b'a' is a bytes, which no model's language shares": (
        pd.Series([b"a"], dtype=object)
    ),
    "column 'x', row 1: Decimal('1.5') is a Decimal, which no model's language shares": (
        pd.Series([None, Decimal("1.5")], dtype=object)
    ),
    "column 'x', row 0: [1] is a list, which no model's language shares": (
        pd.Series([[1]], dtype=object)
    ),
    "column 'x', row 1: 9223372036854775808 has more than 63 bits": (
        pd.Series([1, 2**63], dtype="uint64")
    ),
    "column 'x' has the type complex128, which no model's language shares": pd.Series([1j]),
    "column 'x' has the type timedelta64[us], which no model's language shares": (
        pd.Series([timedelta(1)])
    ),
    "column 'x' has the type period[D], which no model's language shares": (
        pd.Series(pd.period_range("2020", periods=2, freq="D"))
    ),
    "column 'x', row 1: 2020-01-01 00:00:00.000000001 has nanoseconds": (
        pd.Series(np.array(["2020-01-01", "2020-01-01T00:00:00.000000001"], "datetime64[ns]"))
    ),
    "column 'x' has 40000 categories, at most 32768 are possible": LONG.astype("category"),
    "column 'x': two categories are written '1'": (
        pd.Series(pd.Categorical([1, "1"], categories=[1, "1"]))
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_refused_column(message: str) -> None:
    """What has no type of the contract, or no exact value, is named with column and row."""
    with pytest.raises(DatasetError) as caught:
        frames.column("x", REFUSED[message])

    assert message == str(caught.value)


def test_half_a_character() -> None:
    """Text that is no UTF-8 is refused."""
    with pytest.raises(DatasetError, match=r"column 'x': .*surrogates not allowed"):
        frames.column("x", pd.Series(["\ud800"], dtype=object))


@pytest.mark.skipif(np.finfo(np.longdouble).bits == 64, reason="no wider float here")
def test_wider_float() -> None:
    """A float that is wider than ours would be rounded, and is refused."""
    with pytest.raises(DatasetError, match="column 'x' has the type float128, wider than 64 bits"):
        frames.column("x", pd.Series([1.5], dtype=np.longdouble))


TARGETS: dict[str, tuple[pd.Series[Any], Type, tuple[str, ...]]] = {
    "text": (pd.Series(["b", "a", "b"]), Type.CAT, ("a", "b")),
    "object": (pd.Series(["b", "a"], dtype=object), Type.CAT, ("a", "b")),
    "category": (pd.Series(["b"]).astype(pd.CategoricalDtype(["b", "a"])), Type.CAT, ("b", "a")),
    "bool": (pd.Series([True]), Type.BOOL, ()),
    "int": (pd.Series([1]), Type.I64, ()),
    "float": (pd.Series([1.5]), Type.F64, ()),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_target(kind: str) -> None:
    """Labels become levels in sorted order; categories and numbers stay what they are."""
    series, type_, levels = TARGETS[kind]

    found = frames.target(series)

    assert ("target", type_, levels) == (found.name, found.type, found.levels)
    assert series.tolist() == found.tolist()


REFUSED_TARGETS = {
    "target 'y' is missing in 2 of 3 rows": pd.Series([1.0, None, None], name="y"),
    "target 'target' is missing in 1 of 2 rows": pd.Series(["a", None]),
    "target 'y' is missing in 1 of 1 rows": pd.Series([None], name="y", dtype="category"),
    "target 'y' is a datetime, expected labels or numbers": (
        pd.Series(pd.to_datetime(["2020-01-01"]), name="y")
    ),
    "column 'y' has 40000 categories, at most 32768 are possible": LONG.rename("y"),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED_TARGETS)
def test_refused_target(message: str) -> None:
    """A target with missing values, or that is neither labels nor numbers, is refused."""
    with pytest.raises(DatasetError) as caught:
        frames.target(REFUSED_TARGETS[message])

    assert message == str(caught.value)


def test_names() -> None:
    """Names become strings; the index is no column."""
    frame = pd.DataFrame([[1, 2]], columns=pd.Index([0, "b"], dtype=object), index=["row"])

    assert ("0", "b") == frames.table(frame).names


REFUSED_FRAMES = {
    "two columns have the name '1'": (
        pd.DataFrame([[1, 2]], columns=pd.Index([1, "1"], dtype=object))
    ),
    "the data has 0 columns, expected 1 to 4096": pd.DataFrame(index=[0, 1]),
    "the data has 4097 columns, expected 1 to 4096": pd.DataFrame(np.zeros((1, 4097))),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED_FRAMES)
def test_refused_frame(message: str) -> None:
    """A frame must have columns, distinct in name, and not too many."""
    with pytest.raises(DatasetError) as caught:
        frames.table(REFUSED_FRAMES[message])

    assert message == str(caught.value)


def test_no_copy_of_floats() -> None:
    """Contiguous floats are used in place."""
    values = np.arange(1000.0)
    frame = pd.DataFrame({"a": values}, copy=False)

    (column,) = frames.table(frame).columns

    assert np.shares_memory(values, np.frombuffer(column.values))
