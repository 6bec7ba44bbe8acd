"""Answers in msgpack: the same as in JSON, and numbers as bytes to who sent bytes."""

from __future__ import annotations

from array import array
from datetime import date, datetime
from typing import Any

import msgpack
import pytest

from contracts.table import Column, Columns, Type
from tests.web.conftest import Application
from tests.web.test_forms import BINARY, BOTH, SUMS, post

MSGPACK = "application/msgpack"
RAW = BINARY["raw matrix"]


def ask(web: Application, value: Any, path: str = "/predict", accept: str = MSGPACK) -> Any:
    got = web.client.simulate_post(
        path, body=msgpack.packb(value), headers={"Content-Type": MSGPACK, "Accept": accept}
    )
    assert (got.status_code, got.headers["content-type"]) == (200, MSGPACK)
    told = msgpack.unpackb(got.content)
    assert told["metadata"]["model_version"] == 7
    assert told["metadata"]["request_id"] == got.headers["x-request-id"]
    return told["result"]


def answering(web: Application, *columns: Column) -> None:
    web.services.model = lambda table, method: Columns(columns[0].rows, columns)


def numbers(found: dict[str, Any]) -> list[Any]:
    codes = {"<f8": "d", "<i8": "q", "<i4": "i", "|b1": "B"}
    assert found.keys() == {"dtype", "shape", "data"}
    return array(codes[found["dtype"]], found["data"]).tolist()


@pytest.mark.parametrize("form", BOTH)
def test_lists_are_answered_with_lists(web: Application, form: str) -> None:
    """msgpack says what JSON would have said."""
    assert ask(web, BOTH[form]) == SUMS
    assert ask(web, BOTH["records"][0]) == SUMS[0]


@pytest.mark.parametrize("form", BINARY)
def test_bytes_are_answered_with_bytes(web: Application, form: str) -> None:
    """Whoever sends an array gets an array."""
    found = ask(web, BINARY[form])
    assert (numbers(found), found["shape"]) == (SUMS, [3])


def test_a_query_is_answered_in_msgpack(web: Application) -> None:
    """One row by GET, too."""
    got = web.client.simulate_get(
        "/predict?sepal length=1&sepal width=2", headers={"Accept": MSGPACK}
    )
    assert msgpack.unpackb(got.content)["result"] == 3.0


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/json", "application/json, application/msgpack", "text/html", "msgpack",
     "application/msgpack;q=0.1, application/json", "application/msgpack;q=x", ";;", "\xff"],
)  # fmt: skip
def test_others_get_json(web: Application, accept: str) -> None:
    """JSON is the answer unless msgpack is asked for, and rather than JSON."""
    got = post(web, RAW, "msgpack", Accept=accept)
    assert (got.headers["content-type"], got.json["result"]) == ("application/json", SUMS)


def test_failures_are_json(web: Application) -> None:
    """A failure has its one shape, whatever was asked for."""
    got = post(web, {}, Accept=MSGPACK)
    assert (got.status_code, got.json["metadata"]["error"]) == (400, "invalid_input")


def test_probabilities(web: Application) -> None:
    """Probabilities are an array with the names of its columns."""
    found = ask(web, RAW, "/predict_proba")
    assert found["columns"] == ["setosa", "virginica"]
    assert found["data"]["shape"] == [3, 2]
    assert numbers(found["data"]) == [p for s in SUMS for p in (s, 1 - s)]
    assert ask(web, BOTH["split"], "/predict_proba")[0] == {"setosa": 3.0, "virginica": -2.0}


def test_labels_are_codes(web: Application) -> None:
    """Labels are codes and their levels; a missing one is -1."""
    answering(web, Column.of("species", Type.CAT, ["b", "a", None], ("a", "b")))
    found = ask(web, RAW)
    assert (found["levels"], numbers(found["codes"])) == (["a", "b"], [1, 0, -1])


@pytest.mark.parametrize(
    ("type_", "values", "shown"),
    [
        (Type.I64, [1, -(2**63), 3], [1, -(2**63), 3]),
        (Type.BOOL, [True, False, True], [1, 0, 1]),
    ],
)
def test_other_numbers(web: Application, type_: Type, values: list[Any], shown: list[Any]) -> None:
    """Integers and truth values are arrays of their own dtype."""
    answering(web, Column.of("y", type_, values))
    assert numbers(ask(web, RAW)) == shown


@pytest.mark.parametrize(
    ("type_", "values", "shown"),
    [
        (Type.F64, [1.5, None, 2.5], [1.5, None, 2.5]),
        (Type.STR, ["a", "ü", None], ["a", "ü", None]),
        (Type.DATE, [date(2024, 2, 29)] * 3, ["2024-02-29"] * 3),
        (Type.DATETIME, [datetime(2024, 2, 29, 12)] * 3, ["2024-02-29T12:00:00Z"] * 3),
    ],
)
def test_what_is_no_array_is_a_list(
    web: Application, type_: Type, values: list[Any], shown: list[Any]
) -> None:
    """Missing values, texts and times come as in JSON."""
    answering(web, Column.of("y", type_, values))
    assert ask(web, RAW) == shown


def test_several_outputs(web: Application) -> None:
    """A regression with several outputs answers a column for each."""
    answering(web, Column.of("y_0", Type.F64, [1, 2, 3]), Column.of("y_1", Type.F64, [4, 5, 6]))
    found = ask(web, RAW)
    assert {name: numbers(column) for name, column in found["columns"].items()} == {
        "y_0": [1, 2, 3],
        "y_1": [4, 5, 6],
    }
