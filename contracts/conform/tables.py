"""Check chapter 6: what reaches a model is what was sent, and comes back so."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from contracts.conform.broken import Broken, expect
from contracts.conform.drive import Drive, check
from contracts.conform.mirror import (
    DAY,
    LEVELS,
    MIXED,
    NUMBERS,
    ask,
    codes,
    mixed,
    numbers,
    question,
    refused,
)
from contracts.errors import Code
from contracts.messages import ErrorReply, Reply
from contracts.table import MAX_COLUMNS, MAX_LEVELS, Column, Columns, Matrix, Type, pack_floats

F, N, B, S, C, D, T = range(7)


@check("6.1", "answers tables of no rows, in either shape", "fit")
def _no_rows(drive: Drive) -> None:
    expect(ask(drive.hold("mixed"), mixed(n=[]), N), [])
    expect(ask(drive.hold("matrix"), Matrix(0, ("a", "b"), b"")), [])


@check("6.1", "takes 4096 columns, refuses one more", "fit")
def _columns(drive: Drive) -> None:
    peer = drive.hold("matrix")
    more = [Column("x" + str(at), Type.F64, bytes(24)) for at in range(MAX_COLUMNS - 1)]
    table = Columns(3, (*NUMBERS.columns, *more))
    expect(ask(peer, Columns(3, table.columns[:MAX_COLUMNS]), 1), [10.0, 20.0, 30.0])
    refused(peer, question(table), Code.BAD_TABLE)
    refused(peer, question(Matrix(0, table.names, b"")), Code.BAD_TABLE)


@check("6.3", "f64: numbers, NaN and infinities reach the model", "fit")
def _f64(drive: Drive) -> None:
    peer = drive.hold("mixed")
    found = ask(peer, mixed(f=[0.1, 1e300, math.inf, -math.inf, math.nan, 5e-324]), F)
    expect(found, [0.1, 1e300, math.inf, -math.inf, -2.0, 5e-324])


@check("6.3", "f64 of a matrix: NaN and infinities reach the model", "fit")
def _matrix(drive: Drive) -> None:
    cells = [0.1, 1.0, math.nan, 2.0, math.inf, 3.0]
    found = ask(drive.hold("matrix"), pack_floats(3, ("a", "b"), cells))
    expect(found, [0.1, -2.0, math.inf])


@check("6.3", "i64, bool, date and datetime reach the model", "fit")
def _others(drive: Drive) -> None:
    peer = drive.hold("mixed")
    for at in (N, B, D, T):
        expect(ask(peer, MIXED, at), codes(MIXED.columns[at]))


@check("6.3", "dates of long ago and far ahead reach the model", "fit")
def _far_dates(drive: Drive) -> None:
    days = [-719_162, -141_428, 0, 2_932_896]  # years 1, 1582, 1970, 9999
    values = b"".join(day.to_bytes(4, "little", signed=True) for day in days)
    table = mixed(n=[0] * 4)
    columns = (*table.columns[:D], Column("d", Type.DATE, values), *table.columns[T:])
    expect(ask(drive.hold("mixed"), Columns(4, columns), D), [float(day * DAY) for day in days])


@check("6.4", "str: empty, of several bytes a character, and “NA” reach the model", "fit")
def _str(drive: Drive) -> None:
    expect(ask(drive.hold("mixed"), MIXED, S), codes(MIXED.columns[S]))


@check("6.4", "heeds nothing that stands where a value is missing", "fit")
def _missing_bits(drive: Drive) -> None:
    table = mixed(n=[None, 2])
    bits = b"\xff" * 7 + b"\x7f"
    for at in (N, B, D, T):
        column = table.columns[at]
        width = len(column.values) // 2
        junk = Column(
            column.name,
            column.type,
            bits[-width:] + bytes(column.values[width:]),
            present=b"\x00\x01",
        )
        columns = (*table.columns[:at], junk, *table.columns[at + 1 :])
        expect(ask(drive.hold("mixed"), Columns(2, columns), at)[0], -1.0)


@check("6.5", "cat: labels and missing reach the model, whatever the order of levels", "fit")
def _cat(drive: Drive) -> None:
    peer = drive.hold("mixed")
    expect(ask(peer, MIXED, C), codes(MIXED.columns[C]))
    items = ["low", None, "upper end"]
    turned = Column.of("c", Type.CAT, items, tuple(reversed(LEVELS)), True)
    table = mixed(n=[0] * 3)
    columns = (*table.columns[:C], turned, *table.columns[D:])
    expect(ask(peer, Columns(3, columns), C), codes(turned))


@check("6.5", "takes 32 768 levels, refuses one more", "fit")
def _levels(drive: Drive) -> None:
    peer = drive.hold("matrix")
    levels = tuple(map(str, range(MAX_LEVELS + 1)))
    most, more = (Column("z", Type.CAT, bytes(12), some) for some in (levels[1:], levels))
    expect(ask(peer, Columns(3, (*NUMBERS.columns, most)), 1), [10.0, 20.0, 30.0])
    refused(peer, question(Columns(3, (*NUMBERS.columns, more))), Code.BAD_TABLE)


@check("6.6", "missing reaches the model as missing, for every type", "fit")
def _missing(drive: Drive) -> None:
    peer = drive.hold("mixed")
    for at in (N, B, S, C, D, T):
        expect(ask(peer, MIXED, at)[3], -1.0)


@check("6.6", "a missing f64 is not NaN to a language that knows the difference", "fit")
def _missing_is_not_nan(drive: Drive) -> None:
    peer = drive.hold("mixed")
    gone = -1.0 if _tells(drive) else -2.0
    expect(ask(peer, mixed(f=[None, math.nan, 1.0]), F), [gone, -2.0, 1.0])


@check("6.6", "missing and NaN come back as they are", "fit")
def _comes_back(drive: Drive) -> None:
    peer = drive.hold("mixed")
    found = ask(peer, mixed(f=[None, math.nan, math.inf, 1.5]), F, "value")
    if not _tells(drive) and _is_nan(found[0]):
        found[0] = None
    shown = ["NaN" if _is_nan(item) else item for item in found]
    expect(shown, [None, "NaN", math.inf, 1.5])


def _tells(drive: Drive) -> bool:
    """Ask the mirror whether its language tells missing from NaN."""
    return ask(drive.hold("mixed"), mixed(), F, "tells") == [1.0]


def _is_nan(item: Any) -> bool:
    return isinstance(item, float) and math.isnan(item)


@check("6.9", "an i64 beyond 2^53 reaches the model exactly, or is refused", "fit")
def _big_integers(drive: Drive) -> None:
    for item in (2**53 + 1, 2**63 - 1, -(2**53) - 1):
        reply = drive.hold("mixed").ask(question(mixed(n=[item]), N, "digits"))
        _exact(reply, float(abs(item) % 1000), "2^53")


@check("6.9", "a datetime of odd microseconds reaches the model exactly, or is refused", "fit")
def _odd_microseconds(drive: Drive) -> None:
    item = datetime(2023, 11, 14, 22, 13, 20, 123_457)
    reply = drive.hold("mixed").ask(question(mixed(t=[item]), T))
    _exact(reply, 1_700_000_000_123_457.0, "the microseconds")


def _exact(reply: Reply | ErrorReply, expected: float, what: str) -> None:
    if isinstance(reply, ErrorReply):
        if reply.code is not Code.UNREPRESENTABLE:
            raise Broken(reply.code, f"unrepresentable, or {what} exactly")
    else:
        expect(numbers(reply), [expected])
