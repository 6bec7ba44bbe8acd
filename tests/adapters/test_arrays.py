"""Columns become rows × columns of floats, however many rows there are."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from adapters import arrays
from contracts.errors import Failure
from contracts.table import Column, Columns, Type


@pytest.mark.parametrize("rows", [0, 1, 4095, 4096, 4097, 10_000])
def test_columns_are_laid_out_by_rows(rows: int) -> None:
    """Every value is in its place, at whatever byte its column's buffer begins; missing is NaN."""
    numbers = array("d", range(rows))
    present = bytes(row % 3 != 1 for row in range(rows))
    columns = (
        Column("aligned", Type.F64, numbers.tobytes()),
        Column("not", Type.F64, memoryview(b"x" + numbers.tobytes())[1:]),
        Column("whole", Type.I64, array("q", range(rows)).tobytes(), present=present),
        Column("flag", Type.BOOL, bytes(row % 2 for row in range(rows))),
    )
    found = arrays.floats(Columns(rows, columns))
    expected = np.arange(rows, dtype=float)
    assert found.shape == (rows, 4)
    assert (found[:, 0] == expected).all()
    assert (found[:, 1] == expected).all()
    assert np.array_equal(
        found[:, 2], np.where(expected % 3 == 1, np.nan, expected), equal_nan=True
    )
    assert (found[:, 3] == expected % 2).all()


def test_an_integer_that_no_float_holds() -> None:
    """It is named with its row, behind the first rows too."""
    numbers = array("q", [1] * 5000 + [2**53 + 1])
    with pytest.raises(Failure, match="'n': 9007199254740993 in row 5000"):
        arrays.floats(Columns(5001, (Column("n", Type.I64, numbers.tobytes()),)))
