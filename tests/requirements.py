"""Say what a test needs beyond Python, and whether it is on this machine.

    pytestmark = need("r")          # or @need("julia") over one test

Where it is absent the test is skipped, so that a laptop without R can run the rest. With
RUNNER_REQUIRE=python,r,julia,postgresql,…, which scripts/test sets to what it has installed, such a
skip is a failure: a suite that is green because nothing ran is worth nothing. With
RUNNER_REQUIRE=everything, which .ci/run sets, any skip is one, whatever its reason.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import injecting, postgres

EVERYTHING = "everything"
"""The name in RUNNER_REQUIRE that allows no skip at all."""


def need(name: str) -> pytest.MarkDecorator:
    """Mark a test, or with ``pytestmark`` a module, with what it needs: a key of `ABSENT`."""
    if name not in ABSENT:
        raise ValueError(f"{name!r} is none of {', '.join(ABSENT)}")
    mark: pytest.MarkDecorator = getattr(pytest.mark, name)
    return mark


def required() -> frozenset[str]:
    """Give what RUNNER_REQUIRE names."""
    return frozenset(filter(None, os.environ.get("RUNNER_REQUIRE", "").split(",")))


def _absent_r() -> str:
    if not shutil.which("R"):
        return "R is not on PATH"
    return "" if importlib.util.find_spec("rpy2") else "rpy2 is not installed"


def _absent_julia() -> str:
    beside = Path(sys.executable).with_name("julia")  # where scripts/setup links its own
    if not (os.environ.get("JULIA_EXE") or shutil.which("julia") or beside.exists()):
        return "julia is not on PATH"
    return "" if importlib.util.find_spec("julia") else "pyjulia is not installed"


def _absent_postgresql() -> str:
    return "" if postgres.find_binary("postgres") else "PostgreSQL's server is not installed"


NODE_MODULES = Path(__file__).parents[1] / ".tools" / "node" / "node_modules"
"""Where scripts/setup --dev puts the authorization server that tests run."""


def find_node() -> str | None:
    """Give the Node.js to run: the one on PATH, else that of .venv."""
    return shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))


def _absent_node() -> str:
    if not find_node():
        return "node is not on PATH"
    there = (NODE_MODULES / "oidc-provider").is_dir()
    return "" if there else "oidc-provider is not installed (scripts/setup --dev)"


def _absent_faketime() -> str:
    return "" if shutil.which("faketime") else "faketime is not installed"


def _absent_rsyslog() -> str:
    places = f"{os.environ.get('PATH', '')}:/usr/sbin"
    missing = [name for name in ("rsyslogd", "logrotate") if not shutil.which(name, path=places)]
    return f"{', '.join(missing)} not installed" if missing else ""


def _absent_nginx() -> str:
    there = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return "" if there else "nginx is not installed"


def _absent_wrk() -> str:
    return "" if shutil.which("wrk") else "wrk is not installed"


def _absent_systemd() -> str:
    return "" if shutil.which("systemd-analyze") else "systemd-analyze is not on PATH"


ABSENT: dict[str, Callable[[], str]] = {
    "python": lambda: "",
    "r": _absent_r,
    "julia": _absent_julia,
    "postgresql": _absent_postgresql,
    "node": _absent_node,
    "faketime": _absent_faketime,
    "rsyslog": _absent_rsyslog,
    "nginx": _absent_nginx,
    "systemd": _absent_systemd,
    "wrk": _absent_wrk,
    "strace": functools.cache(injecting.why_not),
}
"""What a test may need -> a function that tells why it is not there, or nothing if it is."""
