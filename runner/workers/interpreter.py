"""Find the command that runs an adapter of a language on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LANGUAGES = ("python", "r", "julia")
"""Languages whose adapters come with the runner; any other needs `adapter: {command: […]}`."""

SLOW = frozenset({"julia"})
"""Languages that start so slowly that a spare is kept unless the config says otherwise."""

_CODE = Path(__file__).resolve().parents[2]
_PACKAGES = ("adapters", "contracts")


@dataclass(frozen=True)
class Command:
    """Say how to start a process: argv, and what to set in its environment.

    ``foreign``: it is another Python than ours, which must be lent the contract's side of our code.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    foreign: bool = False

    def __hash__(self) -> int:
        return hash((self.argv, self.foreign, tuple(sorted(self.env.items()))))

    def environment(self, folder: Path) -> dict[str, str]:
        """Give the whole environment: this process's own, with `env` laid over it.

        A foreign Python is lent two packages by links in ``folder``, and nothing else that may lie
        beside them: our numpy must not come before its own.
        """
        environment = {**os.environ, **self.env}
        if self.foreign:
            lent = folder / "path"
            lent.mkdir()
            for package in _PACKAGES:
                (lent / package).symlink_to(_CODE / package)
            paths = [str(lent), *filter(None, [self.env.get("PYTHONPATH")])]
            environment["PYTHONPATH"] = os.pathsep.join(paths)
            environment.pop("VIRTUAL_ENV", None)
        return environment


def find(
    language: str,
    *,
    command: Sequence[str] = (),
    executable: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Command:
    """Give the command of a language's adapter.

    ``command`` replaces it whole; ``executable`` only the Python (3.11 or later) that runs it: a
    foreign virtual environment needs nothing but msgpack, numpy and the language's bridge.
    """
    laid_over = dict(env or {})
    if command:
        return Command(tuple(command), laid_over)
    # NOTE: -P keeps the working directory off sys.path: a user's contracts.py must not shadow ours.
    argv = (executable or sys.executable, "-P", "-m", f"adapters.{language}")
    return Command(argv, laid_over, foreign=executable is not None)
