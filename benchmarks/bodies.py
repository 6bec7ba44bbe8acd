"""Write the same rows in every form that a body can have, and send them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgpack  # type: ignore[import-untyped]
import numpy as np
import orjson
from numpy.typing import NDArray

FLOWER = ("sepal length", "sepal width", "petal length", "petal width")
MSGPACK = "application/msgpack"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Body:
    """A request's body, in parts so that a large array need not be copied, and its type."""

    content_type: str
    parts: Sequence[bytes | memoryview]

    @property
    def headers(self) -> dict[str, str]:
        """The header fields that it needs; its answer comes in the same type."""
        size = sum(len(part) for part in self.parts)
        return {
            "Content-Type": self.content_type,
            "Content-Length": str(size),
            "Accept": self.content_type,
        }


def flowers(rows: int) -> Floats:
    """Give rows like those of iris: four floats of one decimal."""
    rng = np.random.default_rng(0)
    return np.round(rng.uniform([4.3, 2.0, 1.0, 0.1], [7.9, 4.4, 6.9, 2.5], (rows, 4)), 1)


def records(names: Sequence[str], rows: Floats) -> Body:
    """A JSON list of objects."""
    return _json([dict(zip(names, row, strict=True)) for row in rows.tolist()])


def columns(names: Sequence[str], rows: Floats) -> Body:
    """JSON lists of values, one a field."""
    return _json({"columns": dict(zip(names, rows.T.tolist(), strict=True))})


def split(names: Sequence[str], rows: Floats) -> Body:
    """Names, and JSON rows of values."""
    return _json({"columns": list(names), "data": rows.tolist()})


def packed_columns(names: Sequence[str], rows: Floats) -> Body:
    """msgpack with the bytes of each column."""
    told = {name: _array(rows[:, at]) for at, name in enumerate(names)}
    return Body(MSGPACK, [msgpack.packb({"columns": told})])


def matrix(names: Sequence[str], rows: Floats) -> Body:
    """msgpack with the bytes of all rows; these are sent from where they lie."""
    packer = msgpack.Packer(autoreset=False)
    packer.pack_map_header(2)
    for part in ("columns", list(names), "data"):
        packer.pack(part)
    packer.pack_map_header(3)
    for part in ("dtype", "<f8", "shape", list(rows.shape), "data"):
        packer.pack(part)
    size = rows.nbytes
    head = packer.bytes() + b"\xc6" + size.to_bytes(4, "big")
    return Body(MSGPACK, [head, memoryview(np.ascontiguousarray(rows)).cast("B")])


FORMS: Mapping[str, Callable[[Sequence[str], Floats], Body]] = {
    "JSON records": records,
    "JSON columns": columns,
    "JSON split": split,
    "msgpack columns": packed_columns,
    "msgpack matrix": matrix,
}


def _json(value: Any) -> Body:
    return Body("application/json", [orjson.dumps(value)])


def _array(values: NDArray[Any]) -> dict[str, Any]:
    return {"dtype": values.dtype.str, "data": values.tobytes()}


class Client:
    """One connection, kept open."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=600)

    def post(self, path: str, body: Body) -> tuple[str, bytes]:
        """Send a body; give the type and the bytes of the answer. Raises SystemExit if not 200."""
        # PERF: http.client would read an iterable, but memoryviews only one at a time.
        content: Iterable[bytes | memoryview] = body.parts
        self._connection.request("POST", path, body=content, headers=body.headers)
        answer = self._connection.getresponse()
        found = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {found[:500]!r}")
        return answer.headers.get_content_type(), found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def labels(content_type: str, answer: bytes) -> list[Any]:
    """Give the predictions of an answer, as a caller reads them."""
    if content_type != MSGPACK:
        found: list[Any] = json.loads(answer)["result"]
        return found
    result = msgpack.unpackb(answer)["result"]
    if isinstance(result, list):
        return result
    if "levels" in result:
        levels = np.array(result["levels"], dtype=object)
        decoded: list[Any] = levels[np.frombuffer(result["codes"]["data"], "<i4")].tolist()
        return decoded
    return np.frombuffer(result["data"], result["dtype"]).tolist()
