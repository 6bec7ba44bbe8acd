"""Read when something is to be done: dateutil's rrule by its keywords, or a line of cron's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime, timedelta
from typing import Any

from runner.config.cursor import Cursor, Faulty, Key, show, unknown
from runner.config.readers import text, whole

_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
_UNITS = dict(enumerate((
    timedelta(weeks=1), timedelta(days=1), timedelta(hours=1), timedelta(minutes=1),
    timedelta(seconds=1),
), _FREQUENCIES.index("WEEKLY")))  # fmt: skip
"""How long a step of a frequency is; years and months differ."""

_CALENDAR = 400  # years
_SEARCHED = 40  # years at least: Monday, 29 February 2072 is followed by that of 2112
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
        times: Iterator[datetime] = rrule(**_advanced(keywords, moment)).xafter(moment)
        return times

    def comes(self) -> bool:
        """Whether there is a moment at all, ``until`` and ``count`` aside.

        dateutil looks for one up to the year 9999, and that of a rule that has none took 16 s. The
        calendar repeats itself every 400 years, which are whole weeks; so a rule is asked from its
        start as it is in the last such span. Raises ValueError for what is no schedule.
        """
        now = datetime.now()
        if self.cron is not None:
            return next(self.after(now), None) is not None
        from dateutil.rrule import rrule  # noqa: PLC0415

        keywords = {"dtstart": now.replace(microsecond=0), **(self.rrule or {})}
        keywords.pop("until", None)
        keywords.pop("count", None)
        start: datetime = keywords["dtstart"]
        later = max(0, (MAXYEAR - _SEARCHED - start.year) // _CALENDAR) * _CALENDAR
        keywords["dtstart"] = start.replace(year=start.year + later)
        return next(iter(rrule(**keywords)), None) is not None


def _advanced(keywords: dict[str, Any], moment: datetime) -> dict[str, Any]:
    """Begin a rule shortly before a moment instead of years, where its steps are all of a length.

    dateutil counts from the start; ``count`` needs that.
    """
    unit = _UNITS.get(keywords["freq"])
    if unit is None or "count" in keywords:
        return keywords
    step, start = unit * keywords.get("interval", 1), keywords["dtstart"]
    # One step less: of the week that it starts in a rule sees only what is left.
    steps = max(0, (moment - start) // step - 1)
    return {**keywords, "dtstart": start + steps * step}


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
        comes = schedule.comes()
    except (TypeError, ValueError, OverflowError) as ex:
        raise Faulty(str(ex), expected) from ex
    if not comes:
        raise Faulty("never comes true", "a moment that there is")
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
    "count": Key(whole(1, 100_000)),
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
