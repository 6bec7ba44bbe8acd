"""Read what somebody wants to know of usage: by what, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BY = ("client", "service", "version", "outcome", "day", "hour")
"""What usage can be told by."""

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_EXPECTED_SINCE = "7d, 24h, 2w or a date such as 2026-03-01"


class BadQuestion(ValueError):
    """Something that cannot be asked; names the parameter, its value and what was expected."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"{name}: {value[:100]!r} is not accepted, expected {expected}")
        self.name = name
        self.value = value[:100]
        self.expected = expected


@dataclass(frozen=True)
class Question:
    """What to tell usage by, in this order, and from when on; None: from the beginning."""

    by: tuple[str, ...] = ("service",)
    since: datetime | None = None

    @classmethod
    def of(cls, by: str, since: str | None) -> Question:
        """Read ``client,day`` and ``7d``. Raises BadQuestion."""
        names = tuple(name.strip() for name in by.split(",") if name.strip())
        if (
            not set(names) <= set(BY)
            or len(set(names)) != len(names)
            or {"day", "hour"} <= {*names}
        ):
            raise BadQuestion("by", by, f"distinct names out of {', '.join(BY)}, day or hour")
        return cls(names, None if since is None else moment(since, datetime.now(UTC)))


def moment(text: str, now: datetime) -> datetime:
    """Read a time span before now, or a date. Raises BadQuestion."""
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit() and len(number) <= 5:
        return now - timedelta(**{_UNITS[unit]: int(number)})
    try:
        found = datetime.fromisoformat(text)
    except ValueError as ex:
        raise BadQuestion("since", text, _EXPECTED_SINCE) from ex
    return found if found.tzinfo else found.replace(tzinfo=UTC)
