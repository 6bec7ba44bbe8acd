"""The same rows in any form give the same answer; a table that is none is refused by name."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from typing import Any

import msgpack
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.table import Columns, Field, Matrix, Type
from runner.signature import Checker, InvalidInput, Raw, Signature
from tests.web.conftest import Application, application
from tests.web.twin import FLOATS

NAMES = ["sepal length", "sepal width"]
ROWS = [[1.0, 2.0], [0.5, -4.0], [3.25, 1e3]]
SUMS = [3.0, -3.5, 1003.25]


def post(web: Application, value: Any, media: str = "json", **headers: str) -> Any:
    packed = orjson.dumps(value) if media == "json" else msgpack.packb(value)
    headers["Content-Type"] = f"application/{media}"
    return web.client.simulate_post("/predict", body=packed, headers=headers)


def f8(*numbers: float) -> bytes:
    return array("d", numbers).tobytes()


def raw(*numbers: float, shape: list[int] | None = None) -> dict[str, Any]:
    told = {"dtype": "<f8", "data": f8(*numbers)}
    return told if shape is None else told | {"shape": shape}


def refused(web: Application, got: Any, status: int, field: str | None) -> dict[str, Any]:
    metadata: dict[str, Any] = got.json["metadata"]
    assert (got.status_code, metadata["error"]) == (status, "invalid_input")
    assert metadata["details"][0]["field"] == field
    assert web.services.asked == []
    return metadata


LENGTHS, WIDTHS = (list(column) for column in zip(*ROWS, strict=True))
FLAT = [cell for row in ROWS for cell in row]
BOTH = {
    "records": [dict(zip(NAMES, row, strict=True)) for row in ROWS],
    "columns": {"columns": {NAMES[0]: LENGTHS, NAMES[1]: WIDTHS}},
    "columns in another order": {"columns": {NAMES[1]: WIDTHS, "x": [[]], NAMES[0]: LENGTHS}},
    "split": {"columns": NAMES, "data": ROWS},
    "split by pandas": {"columns": NAMES, "index": [0, 1, 2], "data": ROWS},
    "split in another order": {
        "columns": ["x", *NAMES[::-1]],
        "data": [["a", *row[::-1]] for row in ROWS],
    },
}
BINARY = {
    "raw columns": {"columns": {NAMES[0]: raw(*LENGTHS), NAMES[1]: raw(*WIDTHS, shape=[3])}},
    "one raw column": {"columns": {NAMES[0]: raw(*LENGTHS), NAMES[1]: WIDTHS}},
    "f4": {
        "columns": {
            NAMES[0]: {"dtype": "<f4", "data": array("f", LENGTHS).tobytes()},
            NAMES[1]: WIDTHS,
        }
    },
    "raw matrix": {"columns": NAMES, "data": raw(*FLAT, shape=[3, 2])},
    "raw matrix in another order": {
        "columns": [NAMES[1], "x", NAMES[0]],
        "data": raw(*[n for a, b in ROWS for n in (b, math.nan, a)], shape=[3, 3]),
    },
}
CASES = [(value, media) for value in BOTH.values() for media in ("json", "msgpack")]
CASES += [(value, "msgpack") for value in BINARY.values()]


@pytest.mark.parametrize(("value", "media"), CASES)
def test_every_form_says_the_same(web: Application, value: Any, media: str) -> None:
    """Rows are predicted in order, in whichever form they come."""
    got = post(web, value, media)
    assert (got.status_code, got.json["result"]) == (200, SUMS)


@pytest.mark.parametrize("name", ["split", "raw matrix", "columns"])
def test_numbers_in_order_stay_one_matrix(web: Application, name: str) -> None:
    """Numbers of a model of numbers reach the worker as one row-major matrix."""
    post(web, (BOTH | BINARY)[name], "msgpack")
    assert web.services.asked[0][1] == Matrix(3, tuple(NAMES), f8(*FLAT))


def test_one_row_of_a_table_is_a_list(web: Application) -> None:
    """A table of one row answers a list of one."""
    assert post(web, {"columns": NAMES, "data": [[1, 2]]}).json["result"] == [3.0]


def at(*path: Any, value: Any, form: str) -> Any:
    """Give one of the forms with another value at a path, or without it."""
    changed: Any = msgpack.unpackb(msgpack.packb((BOTH | BINARY)[form]))
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("value", "status", "field"),
    [
        # columns
        ({"columns": {}}, 400, NAMES[0]),
        ({"columns": {NAMES[0]: [1]}}, 400, NAMES[1]),
        ({"columns": {NAMES[0]: [], NAMES[1]: []}}, 422, NAMES[0]),
        ({"columns": {NAMES[0]: [1, 2], NAMES[1]: [1]}}, 422, NAMES[1]),
        ({"columns": {NAMES[0]: [1], NAMES[1]: 1}}, 422, NAMES[1]),
        ({"columns": {NAMES[0]: [1], NAMES[1]: "1"}}, 422, NAMES[1]),
        ({"columns": {NAMES[0]: [1], NAMES[1]: None}}, 422, NAMES[1]),
        ({"columns": {NAMES[0]: [1], NAMES[1]: {}}}, 422, NAMES[1]),
        ({"columns": {NAMES[0]: [1], NAMES[1]: {"dtype": "<f8", "data": [1]}}}, 422, NAMES[1]),
        ({"columns": {NAMES[0]: [1], NAMES[1]: [[1]]}}, 422, NAMES[1]),
        ({"columns": {NAMES[0]: [1], NAMES[1]: [True]}}, 422, NAMES[1]),
        ({"columns": {NAMES[0]: [1], NAMES[1]: [None]}}, 422, NAMES[1]),
        # split
        ({"columns": [], "data": []}, 422, None),
        ({"columns": [], "data": [[]]}, 400, NAMES[0]),
        ({"columns": NAMES, "data": []}, 422, None),
        ({"columns": NAMES, "data": [1, 2]}, 422, None),
        ({"columns": NAMES, "data": [[1, 2], [1]]}, 422, None),
        ({"columns": NAMES, "data": [[1, 2, 3]]}, 422, None),
        ({"columns": NAMES, "data": [[1, 2], {"a": 1}]}, 422, None),
        ({"columns": NAMES, "data": [[1, True]]}, 422, NAMES[1]),
        ({"columns": NAMES, "data": [[1, None]]}, 422, NAMES[1]),
        ({"columns": [NAMES[0], NAMES[0]], "data": [[1, 2]]}, 422, NAMES[0]),
        ({"columns": [*NAMES, 1], "data": [[1, 2, 3]]}, 422, None),
        ({"columns": [*NAMES, [1]], "data": [[1, 2, 3]]}, 422, None),
        ({"columns": [NAMES[0], "x"], "data": [[1, 2]]}, 400, NAMES[1]),
        # neither: records, whose fields are lacking
        ({"columns": NAMES}, 400, NAMES[0]),
        ({"columns": {NAMES[0]: [1], NAMES[1]: [1]}, "data": []}, 400, NAMES[0]),
        ({"columns": NAMES, "data": 5}, 400, NAMES[0]),
        ({"columns": NAMES, "data": [[1, 2]], "more": []}, 400, NAMES[0]),
    ],
)
def test_bad_tables(web: Application, value: Any, status: int, field: str | None) -> None:
    """A table of another shape, or with a bad value, is refused; the field is named."""
    refused(web, post(web, value, "msgpack"), status, field)
    refused(web, post(web, value), status, field)


RAW = ("columns", NAMES[1])


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (at(*RAW, "dtype", value="<f2", form="raw columns"), NAMES[1]),
        (at(*RAW, "dtype", value=">f8", form="raw columns"), NAMES[1]),
        (at(*RAW, "dtype", value=8, form="raw columns"), NAMES[1]),
        (at(*RAW, "dtype", value=["<f8"], form="raw columns"), NAMES[1]),
        (at(*RAW, "dtype", value="<i4", form="raw columns"), NAMES[1]),
        (at(*RAW, "data", value=f8(1, 2), form="raw columns"), NAMES[1]),
        (at(*RAW, "data", value=f8(1, 2, 3)[:-1], form="raw columns"), NAMES[1]),
        (at(*RAW, "data", value=f8(1, 2, 3) + b"x", form="raw columns"), NAMES[1]),
        (at(*RAW, "data", value="text", form="raw columns"), NAMES[1]),
        (at(*RAW, "shape", value=[3, 1], form="raw columns"), NAMES[1]),
        (at(*RAW, "shape", value=[-3], form="raw columns"), NAMES[1]),
        (at(*RAW, "shape", value=[True], form="raw columns"), NAMES[1]),
        (at(*RAW, "shape", value=[2**62], form="raw columns"), NAMES[1]),
        (at(*RAW, "shape", value=3, form="raw columns"), NAMES[1]),
        (at(*RAW, "more", value=3, form="raw columns"), NAMES[1]),
        (at(*RAW, value=raw(1, 2), form="raw columns"), NAMES[1]),
        (at(*RAW, value=raw(1, math.nan, 3), form="raw columns"), NAMES[1]),
        (at(*RAW, value=raw(1, 2, -math.inf), form="raw columns"), NAMES[1]),
        (at(*RAW, value={"dtype": "|b1", "data": b"\0\1\1"}, form="raw columns"), NAMES[1]),
        (at("data", "shape", value=[2, 3], form="raw matrix"), None),
        (at("data", "shape", value=[6], form="raw matrix"), None),
        (at("data", "shape", value=[3, 2, 1], form="raw matrix"), "data"),
        (at("data", "shape", value=[3, -2], form="raw matrix"), "data"),
        (at("data", "shape", value=[4, 2], form="raw matrix"), "data"),
        (at("data", value=raw(shape=[0, 2]), form="raw matrix"), None),
        (at("data", value=raw(1, 2, 3, math.nan, shape=[2, 2]), form="raw matrix"), NAMES[1]),
        (at("columns", value=[*NAMES, "x"], form="raw matrix"), None),
    ],
)
def test_bad_arrays(web: Application, value: Any, field: str | None) -> None:
    """An array that is not what it says, or holds no number, is refused; the field is named."""
    refused(web, post(web, value, "msgpack"), 422, field)


@pytest.mark.parametrize(
    ("form", "path", "value", "row"),
    [
        ("columns", ("columns", NAMES[1], 1), "x", 1),
        ("split", ("data", 2, 1), "x", 2),
        ("raw columns", ("columns", NAMES[1], "data"), f8(1, 2, math.nan), 2),
        ("raw matrix", ("data", "data"), f8(1, 2, 3, math.inf, 5, 6), 1),
        ("raw matrix in another order", ("data", "data"), f8(1, 2, 3, math.nan, *range(5)), 1),
    ],
)
def test_the_row_is_named(
    web: Application, form: str, path: tuple[Any, ...], value: Any, row: int
) -> None:
    """A bad value is told with its field and its row, whatever the form."""
    bad = at(*path, value=value, form=form)
    metadata = refused(web, post(web, bad, "msgpack"), 422, NAMES[1])
    assert metadata["details"][0]["row"] == row


def test_an_integer_beyond_floats() -> None:
    """An integer that no float holds is refused by name, though no body can bring one."""
    with pytest.raises(InvalidInput) as caught:
        Checker(FLOATS).split(NAMES, [[1, 2], [1, 10**400]])
    assert [(fault.field, fault.row) for fault in caught.value.faults] == [(NAMES[1], 1)]


def test_misspelt_columns(web: Application) -> None:
    """A column that is not there is told with the one that is like it."""
    value = {"columns": {"Sepal.Length": [1], "sepal width": [1]}}
    metadata = refused(web, post(web, value), 400, NAMES[0])
    assert metadata["details"][0]["meant"] == "Sepal.Length"


def test_too_many_rows(web: Application) -> None:
    """Rows are bounded in every form."""
    for value in (
        {"columns": {NAMES[0]: [1] * 2001, NAMES[1]: [1] * 2001}},
        {"columns": NAMES, "data": [[1, 2]] * 2001},
        {"columns": NAMES, "data": raw(*[1.0] * 4002, shape=[2001, 2])},
        {"columns": {NAMES[0]: raw(*[1.0] * 2001), NAMES[1]: raw(*[1.0] * 2001)}},
    ):
        got = post(web, value, "msgpack")
        assert (got.status_code, got.json["metadata"]["error"]) == (413, "body_too_large")


@pytest.mark.parametrize("record", [{"columns": 1, "data": 2}, {"data": 2, "columns": 1, "x": []}])
def test_features_called_columns_and_data(web: Application, record: Any) -> None:
    """A record has no lists for values, so that its fields may be called as a table's are."""
    signature = Signature((Field("columns", Type.F64), Field("data", Type.F64)), FLOATS.target)
    web.services.change("iris", checker=Checker(signature))
    assert post(web, record).json["result"] == 3.0
    assert post(web, [record, record]).json["result"] == [3.0, 3.0]
    table = {"columns": ["columns", "data"], "data": [[1, 2]]}
    assert post(web, table).json["result"] == [3.0]
    assert post(web, {"columns": {"columns": [1], "data": [2]}}).json["result"] == [3.0]


EVERYTHING = Signature(
    (
        Field("f", Type.F64, missing=True),
        Field("i", Type.I64),
        Field("b", Type.BOOL),
        Field("s", Type.STR),
        Field("c", Type.CAT, ("lo", "hi")),
        Field("d", Type.DATE),
    )
)
CELLS: tuple[st.SearchStrategy[Any], ...] = (
    st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.text(max_size=5),
    st.sampled_from(["lo", "hi"]),
    st.dates().map(str),
)


@given(rows=st.lists(st.tuples(*CELLS), min_size=1, max_size=5))
def test_forms_are_equal(rows: list[tuple[Any, ...]]) -> None:
    """Any rows of any types become the same table from records, from columns and from a split."""
    checker = Checker(EVERYTHING)
    names = checker.names
    records = checker.rows([dict(zip(names, row, strict=True)) for row in rows])
    stacked = [list(column) for column in zip(*rows, strict=True)]
    assert checker.columns(dict(zip(names, stacked, strict=True))) == records
    assert checker.split(list(names), [list(row) for row in rows]) == records


NUMBERS = st.floats(width=64) | st.floats(1e300) | st.sampled_from([math.inf, -math.inf, math.nan])


@given(numbers=st.lists(NUMBERS, min_size=1, max_size=40))
def test_floats_are_judged_by_their_bytes(numbers: list[float]) -> None:
    """An array is sound if all its numbers are finite; those that are not are told in place."""
    found = Raw.of("<f8", None, f8(*numbers))
    bad = [(at, number) for at, number in enumerate(numbers) if not math.isfinite(number)]
    assert found.sound == (not bad)
    assert [at for at, _ in found.unsound()] == [at for at, _ in bad]


def test_large_arrays_are_looked_through_in_steps() -> None:
    """What is behind the first step is seen, and told in its place."""
    numbers = array("d", bytes(3_000_000))
    assert Raw.of("<f8", None, numbers.tobytes()).sound
    numbers[300_000] = math.nan
    assert [at for at, _ in Raw.of("<f8", None, numbers.tobytes()).unsound()] == [300_000]


def _damaged(draw: Callable[..., Any]) -> Any:
    """Give a body of a good form with something in it replaced, or left out."""
    value: Any = msgpack.unpackb(
        msgpack.packb(draw(st.sampled_from([*BOTH.values(), *BINARY.values()])))
    )
    junk = draw(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=3)
        | st.binary(max_size=40) | st.lists(st.integers(), max_size=3) | st.just({})
        | st.just(raw(1, 2, 3)) | st.just(raw(1, 2, shape=[1, 2])) | st.just([[1, 2]])
    )  # fmt: skip
    place: Any = value
    while True:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            break
        place = inner
    if draw(st.booleans()):
        place[key] = junk
    else:
        del place[key]
    return value


damaged = st.composite(_damaged)


@settings(max_examples=500)
@given(value=damaged(), media=st.sampled_from(["json", "msgpack"]))
def test_damage_is_the_callers_fault(value: Any, media: str) -> None:
    """Whatever stands in a table's place, the answer is a prediction or a 4xx."""
    web = application()
    try:
        got = post(web, value, media)
    except (TypeError, OverflowError):  # JSON has no bytes, msgpack no large integers
        return
    assert got.status_code in (200, 400, 413, 422), got.json


@settings(max_examples=300)
@given(data=st.data(), value=st.sampled_from([*BOTH.values(), *BINARY.values()]))
def test_flipped_bytes_are_the_callers_fault(data: Any, value: Any) -> None:
    """A byte that is another, anywhere in a body, gives a prediction or a 4xx."""
    body = bytearray(msgpack.packb(value))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    headers = {"Content-Type": "application/msgpack"}
    got = application().client.simulate_post("/predict", body=bytes(body), headers=headers)
    assert got.status_code in (200, 400, 413, 422), got.json


def test_columns_of_arrays_stay_columns(web: Application) -> None:
    """Arrays reach the worker as the bytes that they were."""
    post(web, BINARY["raw columns"], "msgpack")
    table = web.services.asked[0][1]
    assert isinstance(table, Columns)
    assert [bytes(column.values) for column in table.columns] == [f8(*LENGTHS), f8(*WIDTHS)]
