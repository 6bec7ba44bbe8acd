"""`refit`, the rules of dateutil, lines of cron, and Palladium's rules for URLs."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import dateutil.rrule
import pytest
import yaml

from runner.config import load
from runner.config.schedule import Schedule
from tests.config.project import MINIMAL, Project

NOW = datetime(2026, 11, 25, 7, 0)


def _load(project: Project, **sections: Any) -> Any:
    return load(
        project.write("runner.yaml", MINIMAL + (yaml.safe_dump(sections) if sections else ""))
    )


@pytest.mark.parametrize(
    ("refit", "expected"),
    [
        ({"rrule": {"freq": "DAILY", "byhour": 3, "byminute": 0, "bysecond": 0}}, "11-26 03:00"),
        ({"rrule": {"freq": "hourly", "interval": 2}}, "11-25 09:00"),
        ({"rrule": {"freq": 1, "dtstart": "2014-10-30T13:21"}}, "11-30 13:21"),
        ({"rrule": {"freq": "WEEKLY", "byweekday": ["SA", 6], "wkst": "SU"}}, "11-28 07:00"),
        ({"rrule": {"freq": "MONTHLY", "bymonthday": -1}}, "11-30 07:00"),
        ({"rrule": {"freq": "SECONDLY", "interval": 7, "dtstart": "1970-01-01"}}, "11-25 07:00"),
        ({"rrule": {"freq": "WEEKLY", "interval": 2, "dtstart": "2014-10-30"}}, "11-26 00:00"),
        ({"rrule": {"freq": "YEARLY", "bymonth": 2, "bymonthday": 29}}, "02-29 07:00"),
        ({"cron": "30 4 * * MON"}, "11-30 04:30"),
        ({"cron": "*/5 * * * *"}, "11-25 07:05"),
    ],
)
def test_when(project: Project, refit: dict[str, Any], expected: str) -> None:
    """Keywords of dateutil's rrule, names as strings, and five fields of cron."""
    when: Schedule = _load(project, refit=refit).refit.when
    (found,) = islice(when.after(NOW), 1)
    assert expected == f"{found:%m-%d %H:%M}"


@pytest.mark.parametrize("freq", ["WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"])
@pytest.mark.parametrize("more", [{}, {"byweekday": (0, 4), "bysetpos": (1, -1)}])
def test_a_rule_that_begins_long_ago(freq: str, more: dict[str, Any]) -> None:
    """What comes is what dateutil counts from the start on, whatever the start's day and phase."""
    index = getattr(dateutil.rrule, freq)
    for days in range(9):
        keywords = {"freq": index, "interval": 5, "dtstart": NOW - timedelta(days, 1234), **more}
        counted = islice(dateutil.rrule.rrule(**keywords).xafter(NOW), 5)
        assert list(counted) == list(islice(Schedule(rrule=keywords).after(NOW), 5))


def test_all_that_comes(project: Project) -> None:
    """A rule that ends gives no more; one that has ended gives nothing."""
    rule = {"freq": "DAILY", "count": 3, "dtstart": "2026-11-25"}
    when = _load(project, refit={"rrule": rule}).refit.when
    assert [26, 27] == [each.day for each in when.after(NOW)]
    over = _load(project, refit={"rrule": {"freq": "DAILY", "until": "2020-01-01"}}).refit.when
    assert [] == list(over.after(NOW))


def test_when_it_takes_over(project: Project) -> None:
    """`save_if_better_than` is a score, or the active version's; by default all is stored."""
    cron = {"cron": "0 3 * * *"}
    found = _load(project, refit=cron).refit
    assert (None, True, True) == (found.save_if_better_than, found.evaluate, found.activate)
    for given in ("active", 0.9, 1):
        told = _load(project, refit={**cron, "save_if_better_than": given}).refit
        assert given == told.save_if_better_than
    assert _load(project).refit is None


@pytest.mark.parametrize(
    ("refit", "words"),
    [
        ({}, "says not when"),
        ({"cron": "0 3 * * *", "rrule": {"freq": "DAILY"}}, "or twice"),
        ({"cron": "0 3 * *"}, "refit.cron"),
        ({"cron": "0 25 * * *"}, "hour"),
        ({"cron": "0 0 30 2 *"}, "day-of-month"),
        ({"rrule": {}}, "refit.rrule.freq: is missing"),
        ({"rrule": {"freq": "DAYLI"}}, "did you mean 'DAILY'"),
        ({"rrule": {"freq": "DAILY", "byhours": 3}}, "did you mean 'byhour'"),
        ({"rrule": {"freq": "DAILY", "interval": 0}}, "an integer from 1"),
        ({"rrule": {"freq": "DAILY", "byhour": [3, 24]}}, "from 0 to 23"),
        ({"rrule": {"freq": "DAILY", "dtstart": "soon"}}, "a date, such as"),
        ({"rrule": {"freq": "WEEKLY", "byweekday": "XX"}}, "'XX'"),
        ({"rrule": {"freq": "YEARLY", "bymonth": 2, "bymonthday": 30}}, "never comes true"),
        ({"rrule": {"freq": "SECONDLY", "bymonth": 2, "bymonthday": 30}}, "never comes true"),
        ({"rrule": {"freq": "HOURLY", "bymonth": [4, 6], "bymonthday": 31}}, "never comes true"),
        ({"rrule": {"freq": "DAILY", "byeaster": 0, "bymonth": 1}}, "never comes true"),
        (
            {
                "rrule": {
                    "freq": "YEARLY",
                    "interval": 2,
                    "dtstart": "2025-01-01",
                    "bymonth": 2,
                    "bymonthday": 29,
                }
            },
            "never comes true",
        ),
        (
            {"rrule": {"freq": "MINUTELY", "interval": 1440, "dtstart": "2025-01-01", "byhour": 3}},
            "empty",
        ),
        ({"rrule": {"freq": "DAILY", "count": 100_001}}, "from 1 to 100000"),
        ({"cron": "0 3 * * *", "save_if_better_than": "best"}, "a score, or active"),
        ({"cron": "0 3 * * *", "save_if_better_than": True}, "a score, or active"),
        ({"cron": "0 3 * * *", "evalute": True}, "did you mean 'evaluate'"),
    ],
)
def test_faults(project: Project, refit: dict[str, Any], words: str) -> None:
    """What is wrong with a schedule is told with its key, and what is expected."""
    text = MINIMAL + yaml.safe_dump({"refit": refit})
    (fault,) = project.faults(project.write("runner.yaml", text))
    assert "refit" in fault
    assert words in fault


def _rule(name: str, path: str) -> dict[str, Any]:
    return {
        "__factory__": "palladium.server.add_url_rule",
        "rule": path,
        "view_func": f"palladium.server.{name}",
        "methods": ["POST"],
    }


def test_rules_for_urls(project: Project) -> None:
    """`flask_add_url_rules` (parity: optional POSTs) switches on what `server.actions` does.

    Row "actions".
    """
    rules = [_rule("fit", "/fit"), _rule("update_model_cache", "/update-model-cache")]
    assert _load(project, flask_add_url_rules=rules).server.actions is True
    assert _load(project, flask_add_url_rules=[]).server.actions is None
    off = {"actions": False}
    assert _load(project, flask_add_url_rules=rules, server=off).server.actions is False


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (_rule("fitt", "/fit"), "did you mean 'palladium.server.fit'"),
        (_rule("fit", "/refit"), "expected /fit"),
        ({"rule": "/fit"}, "view_func: is missing"),
    ],
)
def test_other_rules_are_faults(project: Project, rule: dict[str, Any], words: str) -> None:
    """A view of one's own, or another path, is refused at the start, not forgotten."""
    text = MINIMAL + yaml.safe_dump({"flask_add_url_rules": [rule]})
    (fault,) = project.faults(project.write("runner.yaml", text))
    assert words in fault


def test_rule_of_a_cache(project: Project) -> None:
    """`update_cache_rrule` (parity: dateutil rrule keywords) is checked in models' persisters.

    Row "cache rules".
    """
    persister = {
        "!": "palladium.persistence.CachedUpdatePersister",
        "impl": {"!": "palladium.persistence.File", "path": "m-{version}"},
    }
    for rule in ({"freq": "HOURLY"}, {"freq": "DAILY", "dtstart": "2014-10-30T13:21:18"}):
        assert _load(project, model_persister={**persister, "update_cache_rrule": rule}).place
    wrong = {"model_persister": {**persister, "update_cache_rrule": {"freq": "OFTEN"}}}
    (fault,) = project.faults(project.write("runner.yaml", MINIMAL + yaml.safe_dump(wrong)))
    assert "unknown frequency 'OFTEN'" in fault
