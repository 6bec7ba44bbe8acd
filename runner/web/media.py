"""Read bodies of the three media types.

Decoding is bounded before, or while, objects are made: 16 MiB of empty maps would become a
gigabyte.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import NamedTuple

from contracts.table import Table
from contracts.wire import Buffer
from runner.signature import Checker
from runner.signature.text import has_over, load
from runner.web.forms import Content, content, too_many
from runner.web.limits import Limits
from runner.web.packed import unpack
from runner.web.problems import Problem


class Rows(NamedTuple):
    """What a body asks for: a table; whether it was one object and no list; whether by arrays."""

    table: Table
    single: bool
    arrays: bool


def read_rows(content_type: str | None, body: Buffer, checker: Checker, limits: Limits) -> Rows:
    """Read a body and check its rows.

    Raises Problem: 400 for what cannot be read, 413 for too many rows, 415 for another type, 422;
    and runner.signature.InvalidInput.
    """
    media, _, parameters = (content_type or "").partition(";")
    read = _READERS.get(media.strip().lower())
    if read is None:
        raise Problem(
            415,
            "unsupported_media_type",
            f"Content-Type {(content_type or '')[:100]!r}, expected one of {', '.join(_READERS)}; "
            "send it as Content-Type: application/json, "
            "e.g. curl -H 'Content-Type: application/json'",
        )
    charset = _charset(parameters)
    if charset not in ("utf-8", "utf8", None):
        raise Problem(415, "unsupported_media_type", f"charset {charset[:100]!r}, expected utf-8")
    return read(body, checker, limits)


def _charset(parameters: str) -> str | None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return None


def _json(given: Buffer, checker: Checker, limits: Limits) -> Rows:
    body = bytes(given)  # no copy of what is bytes
    if (read := checker.at_once([body], limits.max_rows)) is not None:
        return Rows(read[0], single=False, arrays=False)
    if has_over(limits.max_rows, body):
        raise too_many(limits)
    try:
        value = load(body)
    except ValueError as ex:
        raise Problem(400, "invalid_json", f"the body is {ex}") from ex
    # PERF: asked only of columns, where it saves a look at the type of each number.
    return _checked(
        content(value, limits, lambda: b"true" not in body and b"false" not in body), checker
    )


def _msgpack(body: Buffer, checker: Checker, limits: Limits) -> Rows:
    return _checked(content(unpack(body, limits), limits), checker)


def _checked(found: Content, checker: Checker) -> Rows:
    return Rows(found.check(checker), found.single, found.arrays)


def _csv(given: Buffer, checker: Checker, limits: Limits) -> Rows:
    body = bytes(given)
    if body.count(b"\n") > limits.max_rows:
        raise too_many(limits)
    try:
        text = body.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, [])
        lines = [line for line in reader if line]
    except (UnicodeDecodeError, csv.Error) as ex:
        raise Problem(400, "invalid_csv", f"the body is no CSV: {ex}") from ex
    for row, line in enumerate(lines):
        if len(line) != len(header):
            raise Problem(
                400, "invalid_csv", f"row {row} has {len(line)} fields, the header {len(header)}"
            )
    if not lines:
        raise Problem(422, "invalid_input", "there is no line beneath the header")
    return Rows(checker.lines(header, lines), single=False, arrays=False)


_READERS: dict[str, Callable[[Buffer, Checker, Limits], Rows]] = {
    "application/json": _json,
    "application/msgpack": _msgpack,
    "text/csv": _csv,
}
