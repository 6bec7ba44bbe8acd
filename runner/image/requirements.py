"""Say which Python packages an image gets: those of the services, in the versions of here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from runner.errors import NotFound
from runner.image.wheel import DISTRIBUTION

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")
_ELSEWHERE = ("rpy2", "rpy2-rinterface", "rpy2-robjects")
"""Chosen by the R of the image, not by the R of here."""


def runner_requirement(told: str | None, wheel: Path | None, extras: Iterable[str]) -> str:
    """Give pip's line for the runner: the wheel in the context, a URL, or a version of an index."""
    name = f"{DISTRIBUTION}[{','.join(sorted(extras))}]"
    if wheel is not None:
        return f"{name} @ file:///build/.runner/{wheel.name}"
    assert told is not None
    return f"{name} @ {told}" if "://" in told else f"{name}=={told}"


def wheel_file(told: str | None) -> Path | None:
    """Give the wheel that `--runner` names by its path, if it names one."""
    if told is None or not told.endswith(".whl") or "://" in told:
        return None
    path = Path(told)
    if not path.is_file():
        raise NotFound(f"there is no wheel {path} for --runner")
    return path


def constraints(own: Iterable[Path]) -> str:
    """Pin what is installed here, but for what the services' own files (`own`) name.

    A model that was fitted with a version of a library is to be read by the same one.
    """
    named = {_plain(name) for file in own for name in _names(file)}
    pins: dict[str, str] = {}
    for found in metadata.distributions():
        name = _plain(found.metadata["Name"])
        if name in named or name in _ELSEWHERE or name == DISTRIBUTION:
            continue
        # Neither a checkout nor a build of somebody's own is in an index.
        if "+" not in found.version and not _from_here(found):
            pins.setdefault(name, found.version)
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))


def _from_here(found: metadata.Distribution) -> bool:
    told = found.read_text("direct_url.json")
    return told is not None and json.loads(told).get("url", "").startswith("file:")


def _names(file: Path) -> Iterator[str]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if found := _NAME.match(line.strip()):
            yield found[0]


def _plain(name: str) -> str:
    """Normalise a name as PEP 503 says."""
    return re.sub(r"[-_.]+", "-", name).lower()
