"""Notice when one of some files changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from runner.config import Config

_ENDINGS = (".py", ".yaml", ".yml", ".json")
_EVERY = 0.5  # seconds between two looks

_Stamps = dict[Path, tuple[int, int]]


async def watch(files: Callable[[], Iterable[Path]], changed: Callable[[], None]) -> None:
    """Call ``changed`` whenever a file comes, goes or is written; until cancelled."""
    known = _stamps(files())
    while True:
        await asyncio.sleep(_EVERY)
        found = _stamps(files())
        if found != known:
            known = found
            changed()


def files_of(configs: Sequence[Config]) -> Iterable[Path]:
    """Give the files whose change may change what a server does: configs, and what lies beside.

    Scripts of models are not among them: a version keeps its own.
    """
    folders = {Path(name).parent for config in configs for name in config.spec.split(",")}
    for folder in folders:
        yield from (file for file in folder.iterdir() if file.suffix in _ENDINGS)


def _stamps(files: Iterable[Path]) -> _Stamps:
    found: _Stamps = {}
    for file in files:
        try:
            status = file.stat()
        except OSError:  # an editor may be putting another one in its place
            continue
        found[file] = status.st_mtime_ns, status.st_size
    return found
