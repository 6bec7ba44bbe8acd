"""What was collected in a file reaches the other side from there, as often as it is sent."""

from __future__ import annotations

import gc
import os
from array import array
from pathlib import Path

import pytest

from contracts.buffers import ALIGN, INLINE
from contracts.messages import Predict, decode_request, encode_request
from contracts.spool import Spool
from contracts.table import Column, Columns, Matrix, Table, Type
from contracts.wire import unpack

ROWS = 100_000
NUMBERS = array("d", range(2 * ROWS)).tobytes()


def spooled(folder: Path, head: bytes = b"head") -> memoryview:
    """Collect a head, then the numbers in parts; give the view of all."""
    spool = Spool(folder, -len(head) % ALIGN)
    spool.append(head)
    for start in range(0, len(NUMBERS), 300_000):
        spool.append(NUMBERS[start : start + 300_000])
    return spool.whole()


def sent(table: Table, folder: Path) -> Table:
    """Send a table, give what arrives; nothing may be left in the folder."""
    payload = encode_request(Predict(1, table), folder)
    assert len(payload) < INLINE // 100
    assert len(list(folder.iterdir())) == 1
    request = decode_request(payload, folder)
    assert isinstance(request, Predict)
    assert request.table is not None
    assert list(folder.iterdir()) == []
    return request.table


def values(table: Table) -> list[bytes]:
    parts = (table,) if isinstance(table, Matrix) else table.columns
    return [bytes(part.values) for part in parts]


def test_a_matrix_is_sent_again_and_again(tmp_path: Path) -> None:
    """A second try, after a worker that took the file with it, finds the same bytes."""
    table = Matrix(ROWS, ("a", "b"), spooled(tmp_path)[4:])
    for _ in range(3):
        assert values(sent(table, tmp_path)) == [NUMBERS]


def test_nothing_is_written_again(tmp_path: Path) -> None:
    """The attachment is the file itself, by another name."""
    view = spooled(tmp_path)
    encode_request(Predict(1, Matrix(ROWS, ("a", "b"), view[4:])), tmp_path)
    (attachment,) = tmp_path.iterdir()
    view[4:12] = b"changed!"
    assert attachment.read_bytes()[ALIGN : ALIGN + 8] == b"changed!"


def test_values_arrive_aligned(tmp_path: Path) -> None:
    """Bytes are skipped in the file so that what follows a head of any length is aligned."""
    for head in (b"", b"x", b"x" * 63, b"x" * 64, b"x" * 65):
        table = Matrix(ROWS, ("a", "b"), spooled(tmp_path, head)[len(head) :])
        payload = encode_request(Predict(1, table), tmp_path)
        found = decode_request(payload, tmp_path)
        assert values(found.table) == [NUMBERS]  # type: ignore[union-attr,arg-type]
        start, _ = unpack(payload)["table"]["matrix"]
        assert start % ALIGN == 0


def test_slices(tmp_path: Path) -> None:
    """Some of the rows are found within the file."""
    table = Matrix(ROWS, ("a", "b"), spooled(tmp_path)[4:]).slice(10, 90_000)
    assert values(sent(table, tmp_path)) == [NUMBERS[160 : 16 * 90_000]]


def test_columns_of_here_and_there(tmp_path: Path) -> None:
    """Columns that are not in the file are added to it; an empty buffer is nowhere."""
    view = spooled(tmp_path)
    half = len(NUMBERS) // 2
    other = bytes(reversed(range(256))) * (half // 256) + bytes(half % 256)
    columns = (
        Column("there", Type.F64, other),
        Column("here", Type.F64, view[4 : 4 + half]),
        Column("missing", Type.F64, view[4 + half :], present=b"\1\0" * (ROWS // 2)),
    )
    for _ in range(2):
        table = sent(Columns(ROWS, columns), tmp_path)
        assert values(table) == [other, NUMBERS[:half], NUMBERS[half:]]
        assert bytes(table.columns[2].present or b"") == b"\1\0" * (ROWS // 2)
    empty = Matrix(0, ("a",), view[:0])
    assert values(decode_request(encode_request(Predict(1, empty), tmp_path)).table) == [b""]  # type: ignore[union-attr,arg-type]


def test_nothing_is_left(tmp_path: Path) -> None:
    """Descriptors go with the last view, or with a spool that was never mapped."""
    before = os.listdir("/proc/self/fd")
    view = spooled(tmp_path)
    table = Matrix(ROWS, ("a", "b"), view[4:])
    sent(table, tmp_path)
    abandoned = Spool(tmp_path)
    abandoned.append(b"x")
    del view, table, abandoned
    gc.collect()
    assert os.listdir("/proc/self/fd") == before
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """Where no file can be made, or none linked, OSError says so."""
    view = spooled(tmp_path)
    with pytest.raises(OSError, match="No such file"):
        Spool(tmp_path / "none")
    with pytest.raises(OSError, match="No such file"):
        encode_request(Predict(1, Matrix(ROWS, ("a", "b"), view[4:])), tmp_path / "none")
