"""Skip tests whose language is absent, and fail those skips that RUNNER_REQUIRE forbids."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tests.requirements import ABSENT, EVERYTHING, required

# Timings never decide a test: on a busy machine drawing an example takes as long as it takes.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Register a marker for each need."""
    for name in ABSENT:
        config.addinivalue_line("markers", f"{name}: needs {name}, else skips (tests/requirements)")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot run here."""
    for name in ABSENT:
        if item.get_closest_marker(name) and (reason := ABSENT[name]()):
            pytest.skip(f"needs {name}: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test that needs what RUNNER_REQUIRE names into a failure."""
    report = yield
    names = sorted(required())
    forbidden = [name for name in names if name == EVERYTHING or item.get_closest_marker(name)]
    if report.skipped and forbidden:
        report.outcome = "failed"
        report.longrepr = (
            f"skipped, but RUNNER_REQUIRE names {', '.join(forbidden)}: {call.excinfo}"
        )
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into a failure where nothing may be skipped."""
    report = yield
    if report.skipped and EVERYTHING in required():
        report.outcome = "failed"
        report.longrepr = f"skipped, but RUNNER_REQUIRE names {EVERYTHING}: {report.longrepr}"
    return report
