"""Large bodies: taken apart without copies, collected in a file, answered as small ones."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import falcon.testing
import msgpack
import orjson
import pytest

from contracts.buffers import ALIGN
from contracts.spool import Mapped
from contracts.table import Matrix
from runner.signature import Checker, Signature
from runner.web import packed
from runner.web.app import create_app
from runner.web.limits import Limits
from runner.web.problems import Problem
from tests.web.test_forms import NAMES
from tests.web.twin import FLOATS, Log, Service, Services

LIMITS = Limits(max_body=10_000_000, max_rows=1_000_000)
ROWS = 100_000
NUMBERS = array("d", [float(n % 1000) for n in range(2 * ROWS)])


@dataclass
class Large:
    """An application with room for large bodies, and where it collects them."""

    services: Services
    client: falcon.testing.TestClient
    folder: Path

    def post(self, body: bytes, **headers: str) -> Any:
        headers["Content-Type"] = headers.get("Content-Type", "application/msgpack")
        return self.client.simulate_post("/predict", body=body, headers=headers)


@pytest.fixture
def large(tmp_path: Path) -> Large:
    services = Services(Service())
    services.folder = tmp_path
    return Large(services, falcon.testing.TestClient(create_app(services, Log(), LIMITS)), tmp_path)


def matrix(data: bytes, rows: int = ROWS) -> Any:
    return {"columns": NAMES, "data": {"dtype": "<f8", "shape": [rows, 2], "data": data}}


def body(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def test_a_large_matrix_stays_where_it_was_written(large: Large) -> None:
    """Its values are part of the mapped file, aligned there, and no other bytes."""
    got = large.post(body(matrix(NUMBERS.tobytes())))
    assert got.status_code == 200
    assert got.json["result"][:3] == [1.0, 5.0, 9.0]
    table = large.services.asked[0][1]
    assert isinstance(table, Matrix)
    assert isinstance(table.values, memoryview)
    assert isinstance(table.values.obj, Mapped)
    assert table.values.obj.offset(table.values) == ALIGN * 2
    assert table.values.tobytes() == NUMBERS.tobytes()
    assert list(large.folder.iterdir()) == []


def test_small_bodies_and_other_types_do_not_go_to_a_file(large: Large) -> None:
    """Under a mebibyte, and in JSON, a body is collected in memory."""
    large.folder.rmdir()
    few = matrix(NUMBERS[:2000].tobytes(), 1000)
    assert large.post(body(few)).status_code == 200
    rows = b'{"columns": ["sepal length", "sepal width"], "data": [' + b"[1, 2]," * 200_000
    got = large.post(rows + b"[1, 2]]}", **{"Content-Type": "application/json"})
    assert got.json["result"] == [3.0] * 200_001


def test_no_room(large: Large) -> None:
    """Where no file can be written, it is a 503 or a 500, and no crash."""
    large.folder.rmdir()
    assert large.post(body(matrix(NUMBERS.tobytes()))).status_code == 500


@pytest.mark.parametrize("place", [0, 70_001, 2 * ROWS - 1])
def test_what_is_no_number_is_found(large: Large, place: int) -> None:
    """NaN anywhere in a large array is told with its field and row."""
    numbers = array("d", NUMBERS)
    numbers[place] = float("nan")
    got = large.post(body(matrix(numbers.tobytes())))
    assert got.status_code == 422
    (fault,) = got.json["metadata"]["details"]
    assert (fault["field"], fault["row"]) == (NAMES[place % 2], place // 2)
    assert large.services.asked == []


@pytest.mark.parametrize("cut", [5, 100, 70_000, 1_599_999])
def test_bodies_that_end_too_early(large: Large, cut: int) -> None:
    """msgpack that ends within its array is no msgpack."""
    got = large.post(body(matrix(NUMBERS.tobytes()))[:-cut])
    assert (got.status_code, got.json["metadata"]["error"]) == (400, "invalid_msgpack")


BIG = bytes(packed.LARGE)
GOOD: list[Any] = [
    {"a": BIG, "b": [1, -1, 300, -300, 1.5, None, True, "x" * 40, "x" * 300, b"x"]},
    [BIG, {"k": BIG + b"x"}, BIG],
    BIG,
    {"list": list(range(70)), "map": {str(n): n for n in range(70)}, "bin": BIG},
    {"text": "x" * 70_000, "bin": BIG[1:]},
    {"small": bytes(packed.LARGE - 1)},
]


def plain(value: Any) -> Any:
    """Give the same with bytes for views."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.mark.parametrize("value", GOOD)
def test_what_is_taken_out_is_put_back(value: Any) -> None:
    """Decoded by way of views, a body says what it would have said."""
    for form in (body(value), memoryview(body(value))):
        assert plain(packed.unpack(form, LIMITS)) == value


def test_large_values_are_views() -> None:
    """What is large is a part of the body, what is small is bytes."""
    whole = body({"a": BIG, "b": b"x"})
    found = packed.unpack(whole, LIMITS)
    assert found["a"].obj is whole
    assert type(found["b"]) is bytes


EXTENSION = b"\xd6\x00\x00\x00\x00\x00"  # what stands for the first that was taken out


@pytest.mark.parametrize(
    "raw",
    [
        b"\x92" + body(BIG) + EXTENSION,
        b"\x92" + EXTENSION + body(BIG),
        b"\x92" + body(BIG) + b"\xd6\x00\x00\x00\x00\x09",
        b"\x92" + body(BIG) + b"\xc7\x04\x00\x00\x00\x00\x00",
        b"\x92" + body(BIG) + b"\xd4\x00\x00",
        b"\x92" + body(BIG) + b"\xc1",
        b"\x91" + body(BIG) + b"\x01",
        b"\x91" + body(BIG) + EXTENSION,
        b"\x81" + body(BIG) + b"\x01",
        b"\xdd\xff\xff\xff\xff" + body(BIG),
        b"\xdf\x00\x00\xff\xff" + body(BIG),
        b"\xc6\xff\xff\xff\xff" + BIG,
        b"\x91" * 100_000,
    ],
)
def test_what_cannot_be_taken_apart(raw: bytes) -> None:
    """No body can name what was taken out of it, nor claim more than it has."""
    with pytest.raises(Problem) as caught:
        packed.unpack(raw, LIMITS)
    assert caught.value.status in (400, 413)


def test_the_first_array_is_found_in_a_beginning() -> None:
    """The place of the first large array is known before the body is whole."""
    whole = body(matrix(NUMBERS.tobytes()))
    assert packed.first_large(whole[:200]) == len(whole) - NUMBERS.itemsize * len(NUMBERS)
    for beginning in (whole[:20], b"", b"\xc1", EXTENSION, body([1, 2])):
        assert packed.first_large(beginning) is None


class Overtaken(Checker):
    """A checker of a version that another takes over from while rows are checked."""

    def __init__(self, signature: Signature, services: Services) -> None:
        super().__init__(signature)
        self._services = services

    def at_once(self, texts: Sequence[bytes], most: int) -> Any:
        self._services.change("iris", checker=Checker(FLOATS), version=8)
        return super().at_once(texts, most)


def test_a_version_that_takes_over_meanwhile(large: Large) -> None:
    """Rows that were read aside are checked again for the version that answers them."""
    other = Signature(FLOATS.features[::-1], FLOATS.target)
    large.services.change("iris", checker=Overtaken(other, large.services))
    columns = {"columns": {name: [1.5] * 150_000 for name in NAMES}}
    got = large.post(orjson.dumps(columns), **{"Content-Type": "application/json"})
    assert got.json["metadata"]["model_version"] == 8
    ((_, table, _, _),) = large.services.asked
    assert table.names == tuple(NAMES)


def test_a_service_that_goes_meanwhile(large: Large) -> None:
    """Rows that were read aside for a version that is no more are not sent to anybody."""

    class Gone(Checker):
        def at_once(self, texts: Sequence[bytes], most: int) -> Any:
            large.services.change("iris", checker=None, version=None, state="no_model", reason="x")
            return super().at_once(texts, most)

    large.services.change("iris", checker=Gone(FLOATS))
    columns = {"columns": {name: [1.5] * 150_000 for name in NAMES}}
    got = large.post(orjson.dumps(columns), **{"Content-Type": "application/json"})
    assert (got.status_code, got.json["metadata"]["error"]) == (503, "no_model")
    assert large.services.asked == []


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"[" * 2_000_000, 413),
        (b'"' + b"x" * 2_000_000, 400),
        (b'{"columns": {}}' + b" " * 2**21, 400),
    ],
)
def test_large_bodies_that_are_refused(large: Large, raw: bytes, status: int) -> None:
    """What is wrong with a large body is told as of a small one."""
    assert large.post(raw, **{"Content-Type": "application/json"}).status_code == status


def test_the_loop_goes_on_meanwhile(large: Large) -> None:
    """While a large body is read and its answer is written, the loop has turns for others."""
    turns: list[str] = []

    class Watched(Checker):
        def at_once(self, texts: Sequence[bytes], most: int) -> Any:
            turns.append(threading.current_thread().name)
            return super().at_once(texts, most)

    large.services.change("iris", checker=Watched(FLOATS))
    for rows in (10, 150_000):
        columns = {"columns": {name: [1.5] * rows for name in NAMES}}
        large.post(orjson.dumps(columns), **{"Content-Type": "application/json"})
    assert turns[0] != turns[1]
    assert turns[1].startswith("aside")
