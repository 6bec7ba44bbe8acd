"""Tables, columns and their values (SPEC 6)."""

from __future__ import annotations

import hashlib
import math
import struct
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from contracts.buffers import INLINE_READER, INLINE_WRITER
from contracts.errors import BadTable
from contracts.table import (
    MAX_COLUMNS,
    MAX_LEVELS,
    Column,
    Columns,
    Field,
    Matrix,
    Type,
    digest,
    join,
    pack_floats,
    table_from_wire,
)


def test_missing_is_told_apart_from_nan() -> None:
    """A missing f64 comes back as None, a NaN as NaN (SPEC 6.6)."""
    column = Column.of("x", Type.F64, [1.0, math.nan, None])
    one, nan, gone = column.tolist()
    assert (one, math.isnan(nan), gone) == (1.0, True, None)
    assert column.present == b"\x01\x01\x00"


def test_the_buffers_of_a_str_column() -> None:
    """Offsets count bytes, and a missing string takes none (SPEC 6.4)."""
    column = Column.of("s", Type.STR, ["a", None, "é"])
    assert column.values == b"a\xc3\xa9"
    assert column.offsets == struct.pack("<4I", 0, 1, 1, 3)
    assert column.rows == 3


def test_times_with_a_zone_are_stored_as_utc() -> None:
    """A datetime with a zone becomes microseconds of UTC; it comes back without zone."""
    east = timezone(timedelta(hours=2))
    column = Column.of("t", Type.DATETIME, [datetime(2024, 1, 1, 2, tzinfo=east)])
    assert column.tolist() == [datetime(2024, 1, 1)]
    assert Column.of("t", Type.DATETIME, [datetime(1970, 1, 1, tzinfo=UTC)]).values == bytes(8)


def test_dates_before_the_epoch() -> None:
    """Days count backwards before 1970."""
    assert Column.of("d", Type.DATE, [date(1969, 12, 31)]).values == struct.pack("<i", -1)


@pytest.mark.parametrize(
    ("kind", "items", "told"),
    [
        (Type.I64, [1, 2**63], "9223372036854775808 in row 1 is no i64"),
        (Type.F64, [0.5, 10**400], "in row 1 is no f64"),
        (Type.CAT, ["a", None, "z"], "'z' in row 2 is no cat"),
        (Type.STR, ["a", "\ud800"], "in row 1 is no str"),
        (Type.I64, [1.0], "1.0 in row 0 is no i64"),
    ],
)
def test_a_value_that_does_not_fit_is_named(kind: Type, items: list[object], told: str) -> None:
    """BadTable names column, value and row."""
    with pytest.raises(BadTable) as caught:
        Column.of("x", kind, items, ["a"])
    assert "column 'x'" in caught.value.message
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("kind", "values"),
    [(Type.DATE, struct.pack("<i", 2**31 - 1)), (Type.DATETIME, struct.pack("<q", 2**63 - 1))],
)
def test_times_that_python_cannot_hold_are_refused(kind: Type, values: bytes) -> None:
    """The contract's times go further than Python's: BadTable, not OverflowError."""
    with pytest.raises(BadTable, match="column 'x'"):
        Column("x", kind, values).tolist()


def test_what_stands_in_a_missing_row_means_nothing() -> None:
    """A missing date may hold any bits (SPEC 6.4)."""
    values = struct.pack("<2i", 2**31 - 1, 1)
    column = Column("x", Type.DATE, values, present=b"\x00\x01")
    assert column.tolist() == [None, date(1970, 1, 2)]


def test_text_that_is_no_utf8_is_refused_when_read() -> None:
    """A str column that nobody checked raises BadTable, not UnicodeDecodeError."""
    column = Column("s", Type.STR, b"\xff", offsets=struct.pack("<2I", 0, 1))
    with pytest.raises(BadTable, match="column 's'"):
        column.tolist()


@pytest.mark.parametrize(
    ("column", "missing"),
    [
        (Column.of("c", Type.CAT, ["a"], ["a"]), False),
        (Column.of("c", Type.CAT, [None, "a"], ["a"]), True),
        (Column.of("c", Type.CAT, [], ["a"]), False),
        (Column.of("x", Type.F64, [1.0]), False),
        (Column.of("x", Type.F64, [math.nan]), False),
        (Column.of("x", Type.F64, [None]), True),
        (Column("x", Type.F64, bytes(8), present=b"\x01"), False),
    ],
)
def test_a_field_tells_whether_a_value_is_missing(column: Column, missing: bool) -> None:
    """``missing`` is of this column's values, whatever buffers it has (SPEC 6.7)."""
    assert column.field == Field(column.name, column.type, column.levels, False, missing)


def test_strings_slice_and_join() -> None:
    """Offsets start at 0 again after a cut, and go on after a join."""
    column = Column.of("s", Type.STR, ["aa", None, "b", "ccc"])
    cut = column.slice(1, 4)
    assert cut.tolist() == [None, "b", "ccc"]
    assert cut.offsets == struct.pack("<4I", 0, 0, 1, 4)
    assert Column.join([cut, Column.of("s", Type.STR, ["é"]), cut]).tolist() == [
        None, "b", "ccc", "é", None, "b", "ccc",
    ]  # fmt: skip


def test_one_part_joins_to_itself() -> None:
    """Nothing is copied where there is nothing to join."""
    column = Column.of("x", Type.F64, [1.0])
    table, matrix = Columns(1, (column,)), pack_floats(1, ("x",), [1.0])
    assert Column.join([column]) is column
    assert join([table]) is table
    assert join([matrix]) is matrix


def test_a_matrix_gives_its_columns() -> None:
    """Row-major values come out column by column."""
    matrix = pack_floats(2, ("a", "b"), [1.0, 2.0, 3.0, 4.0])
    assert [column.tolist() for column in matrix.columns] == [[1.0, 3.0], [2.0, 4.0]]
    assert Matrix(0, (), b"").columns == ()


def test_the_data_hash_is_what_the_contract_says() -> None:
    """The hash is over names, types, counts and buffers, in the order of SPEC 6.8."""
    table = Columns(2, (Column.of("f", Type.F64, [1.0, None]), Column.of("s", Type.STR, ["x", ""])))
    target = Column.of("y", Type.CAT, ["b", "a"], ["a", "b"])
    expected = hashlib.sha256(
        b"f\0f64\x002\x000\x002\0" + b"\1\0" + struct.pack("<2d", 1.0, math.nan)
        + b"s\0str\x002\x000\x000\0" + struct.pack("<3I", 0, 1, 1) + b"x"
        + b"y\0cat\x002\x003\x000\0" + b"a\0b" + struct.pack("<2i", 1, 0)
    )  # fmt: skip
    assert digest([table, target, None]) == expected.hexdigest()


def test_a_matrix_hashes_as_its_columns() -> None:
    """The shape that data came in does not change its hash (SPEC 6.8)."""
    matrix = pack_floats(2, ("a", "b"), [1.0, 2.0, 3.0, 4.0])
    assert digest([matrix]) == digest([Columns(2, matrix.columns)])


def wide(columns: int) -> dict[str, object]:
    """Make the map of a table of so many columns and no rows."""
    column = {"type": "f64", "values": b""}
    return {"rows": 0, "columns": [{**column, "name": str(at)} for at in range(columns)]}


def test_tables_have_at_most_4096_columns() -> None:
    """The limit itself passes, one more does not, in either shape (SPEC 6.1)."""
    assert len(table_from_wire(wide(MAX_COLUMNS), INLINE_READER).columns) == MAX_COLUMNS
    for over in (
        wide(MAX_COLUMNS + 1),
        {"rows": 0, "names": [str(at) for at in range(MAX_COLUMNS + 1)], "matrix": b""},
    ):
        with pytest.raises(BadTable, match="4097 columns, at most 4096"):
            table_from_wire(over, INLINE_READER)


def test_columns_have_at_most_32768_levels() -> None:
    """The limit itself passes, one more does not (SPEC 6.5)."""
    levels = [str(at) for at in range(MAX_LEVELS)]
    column = Column.of("c", Type.CAT, ["0"], levels)
    assert Columns(1, (column,)).size == 4
    wire = {**column.to_wire(INLINE_WRITER), "levels": levels}
    assert Column.from_wire(wire, 1, INLINE_READER) == column
    with pytest.raises(BadTable, match="32769 levels, at most 32768"):
        Column.from_wire({**wire, "levels": [*levels, "more"]}, 1, INLINE_READER)


def test_tables_can_be_compared_and_hashed() -> None:
    """Equal tables are equal and hash alike; another level makes another table."""
    one, two = (Columns(1, (Column.of("c", Type.CAT, ["a"], ["a", "b"]),)) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert one != Columns(1, (Column.of("c", Type.CAT, ["a"], ["a", "c"]),))
