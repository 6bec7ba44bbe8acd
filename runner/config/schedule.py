"""Read when something is to be done: dateutil's rrule by its keywords, or a line of cron's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from runner.config.cursor import Cursor, Faulty, Key, show, unknown
from runner.config.readers import text, whole

_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True)
class Schedule:
    """Moments in this machine's time, without a zone, as cron and Palladium have them."""

    rrule: Mapping[str, Any] | None = None
    """Keywords of `dateutil.rrule.rrule`, as it takes them."""
    cron: str | None = None

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Give all that come after a moment, in order.

        A rule without a start starts at that moment. Raises ValueError for what is no schedule.
        """
        # PERF: only servers that have a schedule load these.
        if self.cron is not None:
            from cronsim import CronSim, CronSimError  # noqa: PLC0415

            try:
                found: Iterator[datetime] = CronSim(self.cron, moment)
            except CronSimError as ex:
                raise ValueError(str(ex)) from ex
            return found
        from dateutil.rrule import rrule  # noqa: PLC0415

        keywords: dict[str, Any] = {"dtstart": moment.replace(microsecond=0), **(self.rrule or {})}
        times: Iterator[datetime] = rrule(**keywords).xafter(moment)
        return times


def rrule(cursor: Cursor) -> Schedule:
    """Read keywords of dateutil's rrule; names such as DAILY and MO may be strings, as dates."""
    read = cursor.section(RRULE)
    return _checked(Schedule({key: value for key, value in read.items() if value is not None}))


def cron(cursor: Cursor) -> Schedule:
    """Read the five fields of a line in a crontab."""
    return _checked(Schedule(cron=text(cursor)))


def _checked(schedule: Schedule) -> Schedule:
    expected = "such as 0 3 * * 1" if schedule.cron else "keywords of dateutil.rrule"
    try:
        islice(schedule.after(datetime.now()), 1)
    except (TypeError, ValueError) as ex:
        raise Faulty(str(ex), expected) from ex
    return schedule


def _frequency(cursor: Cursor) -> int:
    found = cursor.value
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < len(_FREQUENCIES):
        return found
    if str(found).upper() not in _FREQUENCIES:
        raise Faulty(*unknown(found, _FREQUENCIES, "frequency"))
    return _FREQUENCIES.index(str(found).upper())


def _moment(cursor: Cursor) -> datetime:
    from dateutil.parser import parse  # noqa: PLC0415

    found = cursor.value
    if isinstance(found, date) and not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day)
    if isinstance(found, str):
        try:
            found = parse(found)
        except (ValueError, OverflowError):
            raise Faulty(f"found {show(found)}", "a date, such as 2026-11-25T03:00") from None
    if not isinstance(found, datetime):
        raise Faulty(f"found {show(found)}", "a date, such as 2026-11-25T03:00")
    return found if found.tzinfo is None else found.astimezone().replace(tzinfo=None)


def _weekdays(cursor: Cursor) -> int | tuple[int, ...]:
    found = cursor.value
    if isinstance(found, list | tuple):
        return tuple(day for item in cursor.children() for day in (item.read(_weekday),))
    return _weekday(cursor)


def _weekday(cursor: Cursor) -> int:
    found = cursor.value
    if isinstance(found, str) and found.upper() in _DAYS:
        return _DAYS.index(found.upper())
    return whole(0, 6)(cursor)


def _numbers(low: int, high: int) -> Any:
    one = whole(low, high)

    def read(cursor: Cursor) -> int | tuple[int, ...]:
        if isinstance(cursor.value, list | tuple):
            return tuple(item.read(one, low) for item in cursor.children())
        return one(cursor)

    return read


RRULE = {
    "freq": Key(_frequency, 0, required=True),
    "interval": Key(whole(1, 1_000_000)),
    "dtstart": Key(_moment),
    "until": Key(_moment),
    "count": Key(whole(1, 1_000_000_000)),
    "wkst": Key(_weekday),
    "bysetpos": Key(_numbers(-366, 366)),
    "bymonth": Key(_numbers(1, 12)),
    "bymonthday": Key(_numbers(-31, 31)),
    "byyearday": Key(_numbers(-366, 366)),
    "byeaster": Key(_numbers(-366, 366)),
    "byweekno": Key(_numbers(-53, 53)),
    "byweekday": Key(_weekdays),
    "byhour": Key(_numbers(0, 23)),
    "byminute": Key(_numbers(0, 59)),
    "bysecond": Key(_numbers(0, 59)),
}
"""Keywords of `dateutil.rrule.rrule`."""
