"""Columns that are read at once are what the long way reads; what it refuses is never answered."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.table import Matrix
from tests.signature.test_records import FLOATS, MIXED, MOST, VALUES, at_once, long_way

NAMES = [*FLOATS.names, "other"]


@given(st.data())
def test_the_same_table_or_none(data: st.DataObject) -> None:
    """Whatever comes: the table of the long way, or none at all."""
    columns = st.dictionaries(st.sampled_from(NAMES), st.lists(VALUES, max_size=3))
    spaced = data.draw(st.sampled_from([None, (",", ":"), (" ,\n", " : ")]))
    content = {"columns": data.draw(columns)}
    text = json.dumps(content, separators=spaced, ensure_ascii=data.draw(st.booleans())).encode()

    found = at_once(FLOATS, text)

    assert found is None or found == long_way(FLOATS, text)


@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.integers(-99, 99))))
def test_numbers_are_read_at_once(rows: list[tuple[float, int]]) -> None:
    """Floats to the last bit, whole numbers too, in any order of the columns."""
    first, second = map(list, zip(*[*rows, (0.1, 2**63)], strict=True))
    text = json.dumps({"columns": {"\u00fc": second, "a b": first}}).encode()

    found = FLOATS.at_once([text, text], MOST)

    assert found is not None
    table, counts = found
    assert counts == [len(first)] * 2
    assert isinstance(table, Matrix)
    assert table.slice(0, counts[0]) == table.slice(counts[0], sum(counts))
    assert table.slice(0, counts[0]) == long_way(FLOATS, text)


def _columns(first: bytes, second: bytes = b"[2]", more: bytes = b"") -> bytes:
    return b'{"columns":{"a b":%b,"\xc3\xbc":%b%b}}' % (first, second, more)


BAD = {
    "no columns": b'{"a b":1,"\xc3\xbc":2}',
    "columns of nothing": b'{"columns":null}',
    "a list of columns": b'{"columns":[[1],[2]]}',
    "empty": _columns(b"[]", b"[]"),
    "lengths differ": _columns(b"[1,2]"),
    "lacks a field": b'{"columns":{"a b":[1]}}',
    "twice": b'{"columns":{"a b":[1],"a b":[1]}}',
    "twice and more": _columns(b"[1]", more=b',"a b":[3]'),
    "all twice": b'{"columns":{"a b":[1],"\xc3\xbc":[2]},"columns":{"a b":[1],"\xc3\xbc":[2]}}',
    "another field": _columns(b"[1]", more=b',"other":[3]'),
    "another key": _columns(b"[1]")[:-1] + b',"index":[0]}',
    "a text": _columns(b'["1"]'),
    "true": _columns(b"[true]"),
    "null": _columns(b"[null]"),
    "NaN": _columns(b"[NaN]"),
    "too large": _columns(b"[1e999]"),
    "too large an integer": _columns(b"[%d]" % 2**64),
    "lists within": _columns(b"[[1]]"),
    "an object within": _columns(b"[{}]"),
    "no list": _columns(b"1"),
    "cut off": _columns(b"[1]")[:-1],
    "more behind it": _columns(b"[1]") + b"]",
    "no UTF-8": _columns(b"[1]", more=b',"\xff":[1]'),
    "a number that is none": _columns(b"[01]"),
    "deep": _columns(b"[" * 5000 + b"]" * 5000),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_not_just_so_is_left_to_the_long_way(bad: str) -> None:
    """Alone, beside lines that are right, and beside records."""
    good = _columns(b"[1]")

    assert FLOATS.at_once([good], MOST) is not None
    assert FLOATS.at_once([BAD[bad]], MOST) is None
    assert FLOATS.at_once([good, BAD[bad], good], MOST) is None
    assert FLOATS.at_once([good, b'[{"a b":1,"\xc3\xbc":2}]'], MOST) is None


def test_without_simdjson(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed, columns are read one by one."""
    text = _columns(b"[1]")
    monkeypatch.setattr("runner.signature.columns.simdjson", None)

    assert FLOATS.at_once([text], MOST) is None
    assert long_way(FLOATS, text) is not None


def test_other_types_go_the_long_way() -> None:
    """A model that does not take floats alone has its columns read one by one."""
    assert MIXED.at_once([b'{"columns":{"x":[1]}}'], MOST) is None
