"""Say that a check does not hold."""

from __future__ import annotations

from typing import Any


class Broken(Exception):
    """A check does not hold: what was seen, and what the clause wants.

    ``clause`` is the one that is broken if it is another than the check's own.
    """

    def __init__(self, saw: Any, expected: Any, clause: str = "") -> None:
        super().__init__(f"saw {saw}, expected {expected}")
        self.clause = clause


def expect(saw: Any, expected: Any) -> None:
    """Raise Broken unless both are equal."""
    if saw != expected:
        raise Broken(repr(saw)[:300], repr(expected)[:300])
