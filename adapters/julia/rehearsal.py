"""Have Julia compile its glue before a model comes: most of what a first load takes is that.

Two models of no use are loaded and asked as real ones would be, a classification of numbers and a
regression of columns, and then forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from adapters import artifact
from contracts.table import Column, Columns, Table, Type, pack_floats

if TYPE_CHECKING:
    from adapters.julia.adapter import JuliaAdapter

SCRIPT = "rehearsal.jl"
_LABELS = """
predict(model, X) = fill("a", size(X, 2))
predict_proba(model, X) = fill(0.5, 2, size(X, 2))
"""
_NUMBERS = "predict(model, X) = fill(1.0, length(first(X)))"

_MATRIX = pack_floats(1, ("a", "b"), [1.0, 2.0])
_FLOATS = (Column.of("a", Type.F64, [1.0]), Column.of("b", Type.F64, [2.0]))
_MIXED = (
    Column.of("a", Type.F64, [1.0]),
    Column.of("b", Type.I64, [2]),
    Column.of("c", Type.CAT, ["u"], ("u", "v")),
)
_CAT = Column.of("y", Type.CAT, ["a"], ("a", "b"))
_F64 = Column.of("y", Type.F64, [1.0])


def rehearse(
    adapter: JuliaAdapter, format: str, version: str, blank: Callable[[Sequence[str]], bytes]
) -> None:
    """Load and ask both; ``blank`` gives what a model with these labels is when serialized."""
    floats: tuple[Table, ...] = (_MATRIX, Columns(1, _FLOATS))
    mixed = (Columns(1, _MIXED),)
    for text, target, columns, tables, methods in (
        (_LABELS, _CAT, _FLOATS, floats, ("predict", "predict_proba")),
        (_NUMBERS, _F64, _MIXED, mixed, ("predict",)),
    ):
        header = {
            "julia": version,
            "files": {SCRIPT: text},
            "settings": {"script": f"/{SCRIPT}"},
            "features": [column.field.to_wire() for column in columns],
            "target": target.field.to_wire(),
        }
        packed = artifact.pack(format, header, blank(target.levels))
        adapter.load(format, memoryview(packed), {})
        for table in tables:
            for method in methods:
                adapter.predict(method, table, {})
