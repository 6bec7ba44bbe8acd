"""Read which part of a long list is asked for: ?limit=N&before=NUMBER."""

from __future__ import annotations

from dataclasses import dataclass

from runner.web.problems import Problem
from runner.web.request import Request

DEFAULT = 100
LARGEST = 1000
_LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True)
class Page:
    """The newest ``limit`` entries with a number below ``before``; None: the newest of all."""

    limit: int
    before: int | None

    @classmethod
    def of(cls, req: Request) -> Page:
        """Read the query string. Raises Problem: 422 naming the field, its value and its range."""
        limit = _number(req, "limit", LARGEST)
        return cls(DEFAULT if limit is None else limit, _number(req, "before", _LARGEST_NUMBER))

    def link(self, before: int) -> str:
        """Give the target of a link to the next page, relative to this one (RFC 3986, 5.4)."""
        return f"?limit={self.limit}&before={before}"


def _number(req: Request, name: str, largest: int) -> int | None:
    text = req.get_param(name)
    if text is None:
        return None
    # int() itself would take "+1", "1_000", spaces, and digits of other scripts.
    if text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= largest:
        return int(text)
    expected = f"an integer from 1 to {largest}"
    raise Problem(
        422,
        "invalid_input",
        f"{name}: {text[:100]!r} is not accepted, expected {expected}",
        details=[{"field": name, "value": text[:100], "expected": expected}],
    )
