"""The data hash (SPEC 6.8), recomputed from the page's formula and from the golden files."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from contracts.golden import Vector, vectors
from contracts.messages import Fit, decode_request
from contracts.table import digest


def told(column: dict[str, Any], rows: int) -> bytes:
    """Give the bytes that count for one column of a message, by the formula of the page."""
    levels = "\0".join(column.get("levels", [])).encode()
    present = column.get("present", b"")
    head = f"{column['name']}\0{column['type']}\0{rows}\0{len(levels)}\0{len(present)}\0"
    return head.encode() + levels + present + column.get("offsets", b"") + column["values"]


def columns(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the columns of a table's map; a matrix's cells are eight bytes, row by row."""
    if "columns" in table:
        return list(table["columns"])
    cells = [table["matrix"][at : at + 8] for at in range(0, len(table["matrix"]), 8)]
    width = len(table["names"])
    return [
        {"name": name, "type": "f64", "values": b"".join(cells[at::width])}
        for at, name in enumerate(table["names"])
    ]


@pytest.mark.parametrize("vector", vectors("digest"), ids=lambda vector: vector.name)
def test_the_hash_is_that_of_the_golden_file(vector: Vector) -> None:
    """Ours and the page's formula both give the hash in the file."""
    request = decode_request(vector.payload)
    assert isinstance(request, Fit)
    table = vector.message["table"]
    counted = [*columns(table), vector.message["target"]]
    formula = hashlib.sha256(b"".join(told(column, table["rows"]) for column in counted))
    assert formula.hexdigest() == vector.text["data_sha256"]
    assert digest([request.table, request.target]) == vector.text["data_sha256"]
