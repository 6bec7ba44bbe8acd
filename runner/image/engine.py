"""Build an image with docker, podman or buildah: the first that is there and works."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RunnerError, Unavailable

# A health check is docker's own, and lost in the other image format.
ENGINES: Mapping[str, tuple[str, ...]] = {
    "docker": ("build",),
    "podman": ("build", "--format", "docker"),
    "buildah": ("build", "--format", "docker"),
}
"""Engine -> how it is told to build; in the order in which they are looked for."""

_PATIENCE = 30.0
"""Seconds for an engine to say that it works."""

_DAEMONLESS = ("podman", "buildah")
"""They say nothing while a build beside them writes to their storage, and then build, too."""


@dataclass(frozen=True)
class Engine:
    """A program that builds images here."""

    name: str
    path: str


def find_engine(wanted: str | None = None) -> Engine:
    """Find an engine that works; raise Unavailable, with what is wrong with each, if none does."""
    problems = []
    for name in [wanted] if wanted else ENGINES:
        path = shutil.which(name)
        problem = "not on PATH" if path is None else _problem(name, path)
        if path is not None and problem is None:
            return Engine(name, path)
        problems.append(f"{name}: {problem}")
    raise Unavailable(
        f"no engine here builds images ({'; '.join(problems)}); "
        "--dockerfile-only writes the files, to be built elsewhere"
    )


def _problem(name: str, path: str) -> str | None:
    try:
        done = subprocess.run(
            [path, "info"], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return None if name in _DAEMONLESS else f"no answer within {_PATIENCE:g} s"
    except OSError as ex:
        return f"cannot be run: {ex.strerror}"
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"exit code {done.returncode}"


def build(folder: Path, engine: Engine, tag: str, options: Sequence[str] = ()) -> None:
    """Build the image of a folder; what the engine says goes to stderr."""
    words = [engine.path, *ENGINES[engine.name], "--tag", tag, *options, str(folder)]
    done = subprocess.run(words, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise RunnerError(
            f"{engine.name} could not build {tag}: exit code {done.returncode}, see above"
        )
