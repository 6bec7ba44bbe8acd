"""Ask the kit's model, and know what it must answer (conform_models/README.md).

The mirror shows what reached it: for each row a number that tells one cell, whatever its type.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from contracts.conform.broken import Broken
from contracts.conform.peer import Peer
from contracts.errors import Code
from contracts.messages import ErrorReply, Fit, Predict, Reply, Request, Source
from contracts.table import Column, Columns, Field, Matrix, Table, Type, pack_floats

MODELS = Path(__file__).parent.with_name("conform_models")
"""Where the models for the languages lie that the kit knows."""

KINDS = ("mirror", "labels", "failing")
"""What a model's file must have: see conform_models/README.md."""

LEVELS = ("low", "middle", "upper end")
LABELS = ("no", "maybe", "yes")

DAY = 86_400_000_000
"""Microseconds of a day."""

MIXED = Columns(
    4,
    (
        Column.of("f", Type.F64, [1.5, math.nan, 2.0, None]),
        Column.of("n", Type.I64, [7, -3, 0, None]),
        Column.of("b", Type.BOOL, [True, False, True, None]),
        Column.of("s", Type.STR, ["", "é😀", "NA", None]),
        Column.of("c", Type.CAT, ["upper end", "low", "middle", None], LEVELS, True),
        Column.of("d", Type.DATE, [date(2024, 2, 29), date(1969, 12, 31), date(1970, 1, 1), None]),
        Column.of(
            "t",
            Type.DATETIME,
            [
                datetime(2024, 2, 29, 12, 30, 15, 250_000),
                datetime(1970, 1, 1),
                datetime(1, 1, 2),
                None,
            ],
        ),
    ),
)
"""Every type, with something missing in each: what the mirror is fitted to and asked about."""

NUMBERS = pack_floats(3, ("a", "b"), [1.0, 10.0, 2.0, 20.0, 3.0, 30.0])
"""What the mirror is fitted to as a matrix."""


@dataclass(frozen=True)
class Model:
    """Hold the three ``model`` maps of a file, and the script beside it, if it has one."""

    maps: Mapping[str, Mapping[str, Any]]
    script: str | None

    @classmethod
    def of(cls, language: str) -> Model | None:
        """Give the kit's own model for a language, or None."""
        path = MODELS / f"{language.lower()}.json"
        return cls.read(path) if path.exists() else None

    @classmethod
    def read(cls, path: Path) -> Model:
        """Read a file, ``script`` and ``path`` relative to its folder. Raises ValueError."""
        folder = path.resolve().parent
        maps = json.loads(path.read_text("utf-8"))
        if not isinstance(maps, dict) or not all(isinstance(maps.get(k), dict) for k in KINDS):
            raise ValueError(
                f"{path} needs the maps {', '.join(KINDS)}: see conform_models/README.md"
            )
        for model in maps.values():
            if "script" in model:
                model["script"] = str(folder / model["script"])
            if "path" in model:
                model["path"] = [str(folder / entry) for entry in model["path"]]
        return cls(maps, maps["mirror"].get("script"))

    def fit(self, peer: Peer, kind: str) -> Reply:
        """Fit the model of this kind: mixed, matrix (both mirrors) or labels."""
        return done(peer.ask(self.request(kind)))

    def request(self, kind: str) -> Fit:
        """Make the request that fits this kind, or that fails to: ``failing``."""
        if kind == "labels":
            table = Columns(3, (Column.of("x", Type.F64, [0.0, 1.0, 2.0]),))
            return Fit(0, self.maps[kind], table, Column.of("y", Type.CAT, LABELS, LABELS))
        table = Columns(3, NUMBERS.columns) if kind == "matrix" else MIXED
        numbers = [float(row) for row in range(table.rows)]
        return Fit(
            0,
            self.maps["failing" if kind == "failing" else "mirror"],
            table,
            Column.of("y", Type.F64, numbers),
        )

    def source(self, rows: int) -> Source:
        """Name the script's function ``dataset``."""
        assert self.script is not None
        return Source(self.script, "dataset", {"rows": rows})


def question(table: Table, at: int = 0, mode: str = "code", **more: Any) -> Predict:
    """Ask about the feature at this place of the fit; ``mode`` as in conform_models/README.md."""
    return Predict(0, table, params={"mode": mode, "at": at, **more})


def ask(peer: Peer, table: Table, at: int = 0, mode: str = "code") -> list[Any]:
    """Ask the mirror, give the numbers of its one column."""
    return numbers(peer.ask(question(table, at, mode)))


def numbers(reply: Reply | ErrorReply) -> list[Any]:
    """Give the values of a reply's one column. Raises Broken if it has not one."""
    table = done(reply).table
    if table is None or len(table.columns) != 1:
        raise Broken("no table" if table is None else f"{len(table.columns)} columns", "1 column")
    return table.columns[0].tolist()


def done(reply: Reply | ErrorReply) -> Reply:
    """Give a reply that is ok. Raises Broken for an error."""
    if isinstance(reply, ErrorReply):
        raise Broken(f"{reply.code}: {reply.message}", "a reply that is ok")
    return reply


def refused(peer: Peer, request: Request, code: Code) -> ErrorReply:
    """Send a request that must be refused with this code. Raises Broken if it is not."""
    reply = peer.ask(request)
    if not isinstance(reply, ErrorReply):
        raise Broken("a reply that is ok", code)
    if reply.code is not code:
        raise Broken(f"{reply.code}: {reply.message}", code)
    return reply


def codes(column: Column) -> list[float]:
    """Give the codes by which the mirror tells the values of a column."""
    return [_code(item) for item in column.tolist()]


def _code(item: Any) -> float:
    if item is None:
        return -1.0
    if isinstance(item, float) and math.isnan(item):
        return -2.0
    if isinstance(item, str):
        return float(len(item.encode()))
    if isinstance(item, datetime):
        return (item.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6
    if isinstance(item, date):
        return float((item - date(1970, 1, 1)).days * DAY)
    return float(item)


def mixed(**replaced: Sequence[Any]) -> Columns:
    """Give a table with the columns of `MIXED`, its first row but for the values given by name."""
    rows = len(next(iter(replaced.values()))) if replaced else 1
    columns = []
    for column in MIXED.columns:
        items = replaced.get(column.name, column.tolist()[:1] * rows)
        columns.append(Column.of(column.name, column.type, items, column.levels, column.ordered))
    return Columns(rows, tuple(columns))


def described(fields: Sequence[Field]) -> list[tuple[Any, ...]]:
    """Give fields as tuples that can be compared and shown."""
    return [(f.name, f.type.value, f.levels, f.ordered, f.missing) for f in fields]


def reordered(table: Matrix | Columns) -> Matrix | Columns:
    """Give the same table with its columns in reverse order."""
    columns = tuple(reversed(table.columns))
    if isinstance(table, Columns):
        return Columns(table.rows, columns)
    cells = zip(*(column.tolist() for column in columns), strict=True)
    names = tuple(column.name for column in columns)
    return pack_floats(table.rows, names, [cell for row in cells for cell in row])
