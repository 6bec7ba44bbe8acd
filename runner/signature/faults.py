"""Say what is wrong with a request, or with a mapping, so that its author can mend it."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.errors import RunnerError

MOST_FAULTS = 10
"""Faults of one request that are listed."""

MOST_LEVELS = 20
"""Allowed levels that a fault lists."""

_LONGEST = 100


@dataclass(frozen=True, slots=True)
class InputFault:
    """One value that is not acceptable. ``row`` counts from 0; None where there is one row only.

    ``absent``: the field was not there at all; ``meant``: but this name was, which is like it.
    ``allowed``: levels of a cat, `MOST_LEVELS` at most.
    """

    field: str | None
    row: int | None
    value: Any
    expected: str
    absent: bool = False
    allowed: tuple[str, ...] = ()
    meant: str | None = None

    def __str__(self) -> str:
        row = "" if self.row is None else f"row {self.row}: "
        field = "" if self.field is None else f"{self.field}: "
        if self.meant is not None:
            return f"{row}{field}not given; did you mean it by {self.meant!r}?"
        what = "not given" if self.absent else f"{_show(self.value)} is not accepted"
        levels = ""
        if self.allowed:
            more = ", …" if len(self.allowed) == MOST_LEVELS else ""
            levels = f": {', '.join(map(repr, self.allowed))}{more}"
        return f"{row}{field}{what}, expected {self.expected}{levels}"

    def to_json(self) -> dict[str, Any]:
        """Give a map for JSON, the value cut to 100 characters."""
        told: dict[str, Any] = {"field": self.field}
        if self.row is not None:
            told["row"] = self.row
        if not self.absent:
            told["value"] = shorten(self.value)
        if self.meant is not None:
            told["meant"] = self.meant
        told["expected"] = self.expected
        if self.allowed:
            told["allowed"] = list(self.allowed)
        return told


class InvalidInput(RunnerError):
    """What a caller sent is not what the model expects; `faults` has the first `MOST_FAULTS`."""

    def __init__(self, faults: Sequence[InputFault]) -> None:
        super().__init__(faults)
        self.faults = tuple(faults)

    @property
    def incomplete(self) -> bool:
        """Whether a field was not given at all."""
        return any(fault.absent for fault in self.faults)

    def __str__(self) -> str:
        more = len(self.faults) - 1
        others = f" (and {more} more)" if more else ""
        return f"{self.faults[0]}{others}"


class IncompatibleMapping(RunnerError):
    """The config's ``mapping`` does not fit the model; `problems` has everything that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "; ".join(self.problems)


def shorten(value: Any) -> Any:
    """Give a value small enough to be told: scalars as they are, texts cut, others described."""
    if type(value) is str:
        return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    if value is None or type(value) in (int, bool):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    return reprlib.repr(value)[:_LONGEST]


def _show(value: Any) -> str:
    short = shorten(value)
    return "null" if value is None else repr(short) if type(value) is str else str(short)
