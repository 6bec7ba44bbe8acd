"""Say which languages work here, and which command mends those that do not.

The proof is the adapter itself: it is started as a model's would be, and its hello is the answer.
Only if it does not come up are its parts looked at one by one to name the first that is missing.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from runner.workers import interpreter
from runner.workers.errors import WorkerError, WorkerFailedToStart
from runner.workers.private import private_worker

_START_TIMEOUT = 60.0


@dataclass(frozen=True)
class Diagnosis:
    """One language: works or not, with which executable and version; else why not, and the mend."""

    language: str
    works: bool
    executable: str | None = None
    version: str | None = None
    problem: str | None = None
    mend: str | None = None
    note: str | None = None


def diagnose(languages: Sequence[str]) -> list[Diagnosis]:
    """Start each language's adapter, all at once, and say how it went."""

    async def all_of_them() -> list[Diagnosis]:
        return await asyncio.gather(*(_diagnose(language) for language in languages))

    return asyncio.run(all_of_them())


async def _diagnose(language: str) -> Diagnosis:
    executable = _EXECUTABLES[language]()
    try:
        version = await _version(language)
    except WorkerError as ex:
        problem, mend = remedy(language)
        return Diagnosis(
            language, False, executable, problem=problem or str(ex).splitlines()[-1], mend=mend
        )
    return Diagnosis(language, True, executable, version, note=note(language, version))


def note(language: str, version: str) -> str | None:
    """Say what is to be said of a version that works."""
    major, minor = map(int, version.split(".")[:2])
    if language == "julia" and (major, minor) < (1, 6):
        return "an old Julia; juliaup installs a current one, which then comes first"
    return None


async def _version(language: str) -> str:
    command = interpreter.find(language)
    async with private_worker(command, lambda _: None, _START_TIMEOUT) as worker:
        return (await worker.hello()).language_version


def remedy(language: str) -> tuple[str | None, str]:
    """Name the first missing part of a language, None if all seem there, and what brings it."""
    executable = _EXECUTABLES[language]()
    named = os.environ.get("JULIA_EXE")
    if language == "julia" and named and not Path(named).exists():
        return f"JULIA_EXE is {named}, which is not there", "unset JULIA_EXE, or set it right"
    setup = f"scripts/setup --languages python,{language}"
    if language == "python":
        return _missing("sklearn"), "pip install polyglot-runner"
    if executable is None:
        place = f"no {_NAMES[language]} on PATH"
        return place, f"{setup}  (or install {_NAMES[language]} yourself: {_SITES[language]})"
    if language == "r":
        pin = _rpy2_pin(executable)
        return _missing("rpy2"), f"pip install {pin}"
    return _missing("julia"), "pip install 'polyglot-runner[julia]'"


def why(language: str, ex: WorkerFailedToStart) -> str:
    """Say why an adapter did not start, and what mends it where that is known."""
    if language in interpreter.LANGUAGES:
        problem, mend = remedy(language)
        if problem is not None:
            return f"{language} does not work here: {problem}; mend it with: {mend}"
    return f"the {language} adapter does not start ('runner doctor' may tell more): {ex}"


def _missing(package: str) -> str | None:
    return None if find_spec(package) else f"the Python package {package} is missing"


def _rpy2_pin(executable: str) -> str:
    """Choose rpy2 by R's version: rpy2-rinterface 3.6.6 and later need R 4.5."""
    printed = subprocess.run(
        [executable, "--version"], capture_output=True, text=True, check=False, timeout=20
    ).stdout
    found = re.search(r"R version (\d+)\.(\d+)", printed)
    if found and (int(found[1]), int(found[2])) < (4, 5):
        return "rpy2==3.6.5 rpy2-rinterface==3.6.5"
    return "'polyglot-runner[r]'"


def _julia() -> str | None:
    """Find Julia where its adapter does: $JULIA_EXE, PATH, juliaup's, beside this Python."""
    beside = Path(sys.executable).with_name("julia")
    juliaup = Path.home() / ".juliaup/bin/julia"
    for candidate in (os.environ.get("JULIA_EXE"), shutil.which("julia"), juliaup, beside):
        if candidate and Path(candidate).exists():
            return str(candidate)
    return None


_NAMES = {"r": "R", "julia": "Julia"}
_SITES = {"r": "https://cran.r-project.org", "julia": "https://julialang.org/install"}
_EXECUTABLES: dict[str, Callable[[], str | None]] = {
    "python": lambda: sys.executable,
    "r": lambda: shutil.which("R"),
    "julia": _julia,
}
