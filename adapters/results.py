"""Judge by its kind whether a result can be a prediction of the target (SPEC 5.5)."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.arrays import NUMERIC
from contracts.errors import Code, Failure
from contracts.table import Column, Field, Matrix, Table, Type

_TIMES = frozenset({Type.DATE, Type.DATETIME})

_KINDS = {
    **dict.fromkeys(NUMERIC, (NUMERIC, "numbers")),
    **dict.fromkeys(_TIMES, (_TIMES, "one column of dates or times")),
    Type.STR: (frozenset({Type.STR, Type.CAT}), "one column of labels"),
    Type.CAT: (frozenset({Type.CAT}), "one cat column of the target's levels"),
}
"""Type of the target => the types that predictions of it may have, and these in words."""


def check_rows(method: str, result: Table, rows: int) -> None:
    """Refuse with bad_result an answer of more or fewer rows than were asked for."""
    if result.rows != rows:
        given = f"{result.rows} row" if result.rows == 1 else f"{result.rows} rows"
        raise Failure(Code.BAD_RESULT, f"{method} gave {given} for {rows}")


def check_kind(method: str, result: Table, target: Field) -> None:
    """Refuse with bad_result what is no prediction of this target.

    Only numbers may come in several columns: those of a model with several outputs.
    """
    allowed, expected = _KINDS[target.type]
    if isinstance(result, Matrix):
        fits = allowed is NUMERIC and len(result.names) > 0
    else:
        columns = result.columns
        fits = len(columns) == 1 or (allowed is NUMERIC and len(columns) > 1)
        for column in columns:
            fits = fits and column.type in allowed and _has_levels(column, target)
    if not fits:
        raise Failure(
            Code.BAD_RESULT,
            f"{method} gave {_described(result.columns, target)}, expected {expected}",
        )


def _has_levels(column: Column, target: Field) -> bool:
    return target.type is not Type.CAT or column.levels == target.levels


def _described(columns: Sequence[Column], target: Field) -> str:
    if len(columns) == 1:
        only = columns[0]
        if only.type is target.type is Type.CAT:
            return f"a cat column of other levels ({', '.join(only.levels[:10])})"
        return f"1 column ({only.type.value})"
    types = ", ".join(column.type.value for column in columns[:5])
    more = ", …" if len(columns) > 5 else ""
    return f"{len(columns)} columns ({types}{more})"
