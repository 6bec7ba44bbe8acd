"""Whatever arrives: arbitrary tables survive the wire, arbitrary bytes do no harm (SPEC 4, 6)."""

from __future__ import annotations

import math
import tracemalloc
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import BadFrame, BadTable
from contracts.golden import Vector, vectors
from contracts.messages import (
    ErrorReply,
    Fit,
    Predict,
    Reply,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from contracts.table import Column, Columns, Matrix, Type, join
from contracts.wire import FrameReader, frame, unpack

VALUES: dict[Type, st.SearchStrategy[Any]] = {
    Type.F64: st.floats(),
    Type.I64: st.integers(-(2**63), 2**63 - 1),
    Type.BOOL: st.booleans(),
    Type.STR: st.text(max_size=8),
    Type.CAT: st.sampled_from(["", "low", "höher", "NA"]),
    Type.DATE: st.dates(),
    Type.DATETIME: st.datetimes(),
}
LEVELS = ["", "low", "höher", "NA"]


@st.composite
def columns(draw: st.DrawFn, rows: int, name: str) -> tuple[Column, list[Any]]:
    """Draw a column of any type, some of it missing, and the Python values that it was made of."""
    kind = draw(st.sampled_from(Type))
    cells = st.one_of(st.none(), VALUES[kind])
    items = draw(st.lists(cells, min_size=rows, max_size=rows))
    levels = LEVELS if kind is Type.CAT else []
    ordered = kind is Type.CAT and draw(st.booleans())
    return Column.of(name, kind, items, levels, ordered), items


@st.composite
def tables(draw: st.DrawFn, names: tuple[str, ...] = ()) -> Columns:
    """Draw a table of columns."""
    rows = draw(st.integers(0, 6))
    names = names or tuple(draw(st.lists(st.text(max_size=5), min_size=1, max_size=5, unique=True)))
    return Columns(rows, tuple(draw(columns(rows, name))[0] for name in names))


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    """Draw a matrix of any bits."""
    names = tuple(draw(st.lists(st.text(max_size=5), min_size=1, max_size=5, unique=True)))
    rows = draw(st.integers(0, 4))
    size = 8 * rows * len(names)
    return Matrix(rows, names, draw(st.binary(min_size=size, max_size=size)))


def alike(one: Any, other: Any) -> bool:
    """Compare Python values, NaN equal to NaN."""
    return one == other or (isinstance(one, float) and math.isnan(one) and math.isnan(other))


@given(st.data(), st.integers(0, 8))
def test_columns_give_back_the_values_they_were_made_of(data: st.DataObject, rows: int) -> None:
    """`Column.of` and `tolist` are each other's reverse; a missing value is not NaN."""
    column, items = data.draw(columns(rows, "x"))
    back = column.tolist()
    assert [type(item) for item in back] == [type(item) for item in items]
    assert all(map(alike, back, items))
    assert column.field.missing == (None in items)


@given(tables() | matrices(), st.integers(0, 2**64 - 1))
def test_tables_survive_the_wire_bit_by_bit(table: Columns | Matrix, number: int) -> None:
    """What a request or a reply carries is what was put in."""
    request, reply = Predict(number, table), Reply(number, table)
    assert decode_request(encode_request(request)) == request
    assert decode_reply(encode_reply(reply)) == reply


@given(tables() | matrices())
def test_fits_survive_the_wire(table: Columns | Matrix) -> None:
    """A fit carries its target beside its table."""
    target = Column.of("y", Type.I64, list(range(table.rows)))
    request = Fit(1, {"script": "model.R"}, table, target)
    assert decode_request(encode_request(request)) == request


@given(tables() | matrices(), st.data())
def test_a_table_cut_and_joined_is_itself(table: Columns | Matrix, data: st.DataObject) -> None:
    """Slicing and joining lose and mix nothing, as batches need."""
    at = data.draw(st.integers(0, table.rows))
    joined = join([table.slice(0, at), table.slice(at, table.rows)])
    assert joined.rows == table.rows
    assert joined.layout == table.layout
    for one, other in zip(joined.columns, table.columns, strict=True):
        assert all(map(alike, one.tolist(), other.tolist()))


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_a_map_or_a_bad_frame(raw: bytes) -> None:
    """Decoding raises BadFrame, or gives a map with strings as keys."""
    try:
        message = unpack(raw)
    except BadFrame:
        return
    assert all(type(key) is str for key in message)


GOLDEN = [v.payload for v in vectors("valid") + vectors("invalid") if "hex" in v.text]
SHORT = [payload for payload in GOLDEN if len(payload) < 2000]


@settings(max_examples=400)
@given(st.sampled_from(SHORT), st.data())
def test_damaged_messages_are_refused_in_order(golden: bytes, data: st.DataObject) -> None:
    """One byte changed anywhere: a request, an error reply, or BadFrame; nothing else is raised."""
    at = data.draw(st.integers(0, max(0, len(golden) - 1)))
    damaged = golden[:at] + data.draw(st.binary(min_size=0, max_size=3)) + golden[at + 1 :]
    try:
        request = decode_request(damaged, Path("/nonexistent"))
    except BadFrame:
        return
    assert isinstance(request, ErrorReply) or request.id >= 0


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_frames_do_not_depend_on_how_the_stream_was_cut(
    payloads: list[bytes], data: st.DataObject
) -> None:
    """Any cutting of a stream gives the same payloads, and the same remainder."""
    stream = b"".join(map(frame, payloads)) + frame(b"last")[:-1]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    edges = [0, *cuts, len(stream)]
    reader = FrameReader()
    received = [
        payload for start, stop in pairwise(edges) for payload in reader.feed(stream[start:stop])
    ]
    assert received == payloads
    assert reader.pending == len(frame(b"last")) - 1
    assert reader.feed(b"t") == [b"last"]


def peak(payload: bytes) -> int:
    """Give the most bytes that decoding this payload had allocated at once."""
    tracemalloc.start()
    try:
        decode_request(payload)
    except BadFrame:
        pass
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most


def allowed(payload: bytes) -> int:
    """Give the bytes that SPEC 4.4 lets a receiver allocate for a payload."""
    return 8 * len(payload) + 16 * 1024 * 1024


@pytest.mark.parametrize("vector", vectors("invalid/bad_frame"), ids=lambda v: v.name)
def test_bad_frames_stay_within_the_bound_of_memory(vector: Vector) -> None:
    """No bad frame makes us allocate more than SPEC 4.4 allows."""
    if "hex" in vector.text:
        assert peak(vector.payload) < allowed(vector.payload)


FILLERS = {
    "empty maps": b"\x80",
    "maps of one": b"\x81\xa0\xc0",
    "empty arrays": b"\x90",
    "arrays of one": b"\x91\xc0",
    "floats": b"\xca\x3f\xc0\0\1",
    "big integers": b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
    "short strings": b"\xa2ab",
    "short bin": b"\xc4\x01a",
    "announced arrays": b"\xdd\x00\x00\xff\xff",
    "emoji": b"\xa8aaaa\xf0\x9f\x98\x80",
}


@pytest.mark.parametrize("filler", FILLERS.values(), ids=FILLERS)
@pytest.mark.parametrize("size", [4000, 30_000])
def test_adversarial_payloads_stay_within_the_bound_of_memory(filler: bytes, size: int) -> None:
    """Payloads full of what grows most when decoded stay within SPEC 4.4."""
    times = size // len(filler)
    payload = b"\x83\xa2id\x01\xa2op\xa4ping\xa1x\xdd" + times.to_bytes(4, "big") + filler * times
    assert peak(payload) < allowed(payload)


def test_one_astral_character_is_the_worst_that_a_string_can_do() -> None:
    """A long ASCII string with one emoji takes four bytes a character, within the bound."""
    text = "a" * 2_000_000 + "😀"
    payload = encode_request(Predict(1, None, params={"x": text}))
    assert 4 * len(text) < peak(payload) < allowed(payload)


def test_a_large_length_allocates_nothing() -> None:
    """A frame that only announces itself costs what was received (SPEC 4.4)."""
    tracemalloc.start()
    FrameReader().feed(b"\x04\x00\x00\x00" + bytes(1000))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100_000


TAKES = {
    Type.F64: {float, int},
    Type.I64: {int},
    Type.BOOL: {bool},
    Type.STR: {str},
    Type.DATE: {date},
    Type.DATETIME: {datetime},
}


@pytest.mark.parametrize("item", [date.min, datetime.min, 1.5, 1, "x", True, b"x"], ids=repr)
def test_a_type_takes_its_own_python_types_only(item: Any) -> None:
    """No bool passes for a number, and no datetime for a date."""
    for kind, types in TAKES.items():
        if type(item) in types:
            assert Column.of("x", kind, [item]).tolist() == [item]
        else:
            with pytest.raises(BadTable, match="in row 1 is no"):
                Column.of("x", kind, [None, item])
