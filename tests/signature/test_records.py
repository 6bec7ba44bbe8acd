"""What is read at once is what the long way reads; what it refuses is never answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.table import Field, Table, Type
from runner.config.settings import MappedField
from runner.signature import Checker, InvalidInput, Signature
from runner.signature.text import load


def checker(*features: Field) -> Checker:
    return Checker(Signature(features))


FLOATS = checker(Field("a b", Type.F64), Field("ü", Type.F64))
NULLABLE = checker(Field("a", Type.F64, missing=True), Field("b", Type.I64, missing=True))
MIXED = checker(
    Field("x", Type.F64),
    Field("i", Type.I64),
    Field("cat", Type.CAT, ("lo", "hi")),
    Field("str", Type.STR, missing=True),
    Field("flag", Type.BOOL),
    Field("day", Type.DATE),
)
ALL = {"floats": FLOATS, "nullable": NULLABLE, "mixed": MIXED}


def long_way(checker: Checker, text: bytes) -> Table | None:
    """Give the table that is made of a text's values one by one, None for what is refused."""
    try:
        value = load(text)
        if type(value) is dict:
            return checker.columns(value["columns"])
        return checker.rows(value) if type(value) is list and value else None
    except (ValueError, InvalidInput):
        return None


def at_once(checker: Checker, text: bytes) -> Table | None:
    found = checker.at_once([text], MOST)
    return None if found is None else found[0]


MOST = 1000
"""Rows that a text may have."""

VALUES = st.one_of(
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([None, True, "lo", "5.1", "2024-02-29", "", "NaN", [], {"a": [1]}, 0, 1.0]),
)


@pytest.mark.parametrize("name", ALL)
@given(st.data())
def test_the_same_table_or_none(name: str, data: st.DataObject) -> None:
    """Whatever comes: the table of the long way, or none at all."""
    names = [*ALL[name].names, "other"]
    records = st.lists(st.dictionaries(st.sampled_from(names), VALUES), max_size=3)
    spaced = data.draw(st.sampled_from([None, (",", ":"), (" ,\n", " : ")]))
    text = json.dumps(
        data.draw(records), separators=spaced, ensure_ascii=data.draw(st.booleans())
    ).encode()

    found = at_once(ALL[name], text)

    assert found is None or found == long_way(ALL[name], text)


GOOD: list[tuple[Checker, list[dict[str, Any]]]] = [
    (FLOATS, [{"a b": 1, "ü": -2.5e-7}, {"ü": 1e308, "id": [{"a b": 3}], "a b": 0.1}]),
    (NULLABLE, [{"a": None, "b": 1}, {"a": 2.5, "b": None}, {"b": -1, "a": 3}]),
    (NULLABLE, [{"a": 1.5, "b": 2}]),
    (
        MIXED,
        [
            {"x": 1, "i": 2, "cat": "hi", "str": "é", "flag": True, "day": "2024-02-29"},
            {"x": 1.5, "i": 2.0, "cat": "lo", "str": None, "flag": 0, "day": "1999-01-01"},
        ],
    ),
]


@pytest.mark.parametrize(("checker", "records"), GOOD)
def test_what_is_right_is_read_at_once(checker: Checker, records: list[dict[str, Any]]) -> None:
    """Any order of fields, other fields, missing values: the table of the long way."""
    text = json.dumps(records).encode()

    found = at_once(checker, text)

    assert found is not None
    assert found == long_way(checker, text)
    assert checker.at_once([text], MOST) == (found, [len(records)])


ROW = b'{"a b":1,"\xc3\xbc":2%b}'
BAD = {
    "no list": ROW % b"",
    "empty": b"[]",
    "nothing": b"",
    "lacks a field": b'[{"a b":1}]',
    "a text": b'[{"a b":1,"\xc3\xbc":"2"}]',
    "true": b'[{"a b":1,"\xc3\xbc":true}]',
    "null": b'[{"a b":1,"\xc3\xbc":null}]',
    "NaN": b'[{"a b":1,"\xc3\xbc":NaN}]',
    "too large": b'[{"a b":1,"\xc3\xbc":1e999}]',
    "cut off": b"[" + ROW % b"",
    "more behind it": b"[%b]]" % (ROW % b""),
    "no UTF-8": b"[%b]" % (ROW % b',"c":"\xff"'),
    "a lone surrogate": b"[%b]" % (ROW % b',"c":"\\ud800"'),
    "a control character": b"[%b]" % (ROW % b',"c":"\x01"'),
    "a number that is none": b"[%b]" % (ROW % b',"c":01'),
    "deep": b"[%b]" % (ROW % b',"c":' + b"[" * 5000 + b"]" * 5000),
    "no record": b"[1]",
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_wrong_is_left_to_the_long_way(bad: str) -> None:
    """Alone, and beside lines that are right."""
    good = b"[%b]" % (ROW % b"")

    assert FLOATS.at_once([BAD[bad]], MOST) is None
    assert FLOATS.at_once([good, BAD[bad], good], MOST) is None


def test_lines_stay_apart() -> None:
    """Lines that are right only beside each other are wrong."""
    one = checker(Field("x", Type.F64))
    row = b'{"x":1}'

    assert one.at_once([b"[%b" % row, b"%b]" % row, b"[%b],[%b]" % (row, row)], MOST) is None
    assert one.at_once([b"[%b]" % row, b"[%b,%b]" % (row, row)], MOST) is not None


def test_too_many_rows() -> None:
    """A text of more rows than it may have is left to the long way, which tells; so are columns."""
    rows, columns = (b'[{"x":1}%b]' % (b',{"x":1}' * 3), b'{"columns":{"x":[1,2,3,4]}}')
    one = checker(Field("x", Type.F64))
    for text in (rows, columns):
        assert one.at_once([text], 4) is not None
        assert one.at_once([text], 3) is None


def test_values_that_could_be_anything() -> None:
    """Where a value may be a list of lists, more of them than rows are allowed are not read."""
    text = b'[{"s":%b}]' % (b"[" * 50 + b"]" * 50)

    assert checker(Field("s", Type.STR)).at_once([text], 10) is None


def test_names_that_json_escapes() -> None:
    """A field whose name has a quotation mark is read by the long way alone."""
    odd = checker(Field('a"b', Type.F64))

    assert odd.at_once([b'[{"a\\"b":1}]'], MOST) is None
    assert odd.rows([{'a"b': 1}]).rows == 1


def test_a_mapping_that_widens() -> None:
    """Whole numbers of the fit, any number of the mapping: read as floats."""
    wide = Checker(Signature((Field("n", Type.I64),)), [MappedField("n", Type.F64)])
    text = b'[{"n":1.5},{"n":2}]'

    assert at_once(wide, text) == long_way(wide, text) is not None
