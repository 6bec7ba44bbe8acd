"""Read `refit`: when a server fits a service's model anew, and when the result takes over."""

from __future__ import annotations

import math
from typing import Literal

from runner.config import schedule
from runner.config.cursor import Cursor, Faulty, Key, show
from runner.config.readers import flag
from runner.config.settings import ACTIVE, RefitSettings


def refit(cursor: Cursor) -> RefitSettings | None:
    """Read `refit`."""
    read = cursor.section(REFIT)
    rule, line = read.pop("rrule"), read.pop("cron")
    if isinstance(cursor.value, dict) and ("rrule" in cursor.value) == ("cron" in cursor.value):
        raise Faulty(
            "says not when, or twice", "one of rrule: {freq: DAILY, …} and cron: 0 3 * * *"
        )
    when = rule or line
    return when and RefitSettings(when, **read)


def _least(cursor: Cursor) -> float | Literal["active"]:
    found = cursor.value
    if found == ACTIVE:
        return ACTIVE
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if not is_number or not math.isfinite(found):
        raise Faulty(f"found {show(found)}", f"a score, or {ACTIVE}")
    return float(found)


REFIT = {
    "rrule": Key(schedule.rrule),
    "cron": Key(schedule.cron),
    "save_if_better_than": Key(_least),
    "evaluate": Key(flag, True),
    "activate": Key(flag, True),
}
