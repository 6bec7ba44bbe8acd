"""Find the command that runs an adapter of a language on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LANGUAGES = ("python", "r", "julia")
"""Languages whose adapters come with the runner; any other needs `adapter: {command: […]}`."""

_CODE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Command:
    """Say how to start a process: argv, and what to set in its environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Give the whole environment: this process's own, with `env` laid over it."""
        return {**os.environ, **self.env}


def find(
    language: str,
    *,
    command: Sequence[str] = (),
    executable: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Command:
    """Give the command of a language's adapter.

    ``command`` replaces it whole; ``executable`` only the Python that runs it: a foreign virtual
    environment needs nothing but msgpack, numpy and the language's bridge, because the two packages
    of the contract's side are put on its path.
    """
    laid_over = dict(env or {})
    if command:
        return Command(tuple(command), laid_over)
    if executable is not None:
        path = [str(_CODE), *filter(None, [os.environ.get("PYTHONPATH")])]
        laid_over.setdefault("PYTHONPATH", os.pathsep.join(path))
    # NOTE: -P keeps the working directory off sys.path: a user's contracts.py must not shadow ours.
    return Command((executable or sys.executable, "-P", "-m", f"adapters.{language}"), laid_over)
