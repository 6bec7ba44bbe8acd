"""Run an adapter's command: prepare the process, listen, serve until the lifeline ends (SPEC 2)."""

from __future__ import annotations

import argparse
import gc
import os
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from adapters import process
from adapters.marker import Marker
from adapters.protocol import Adapter, CannotStart
from contracts.memory import keep_freed_memory

GRACE = 3.0
"""Seconds that the interpreter gets to end after the runner hung up (SPEC 2.2 allows 5)."""

CANNOT_START = 5
"""Exit code where the language that the adapter bridges to is missing."""


def main(build: Callable[[], Adapter], arguments: list[str] | None = None) -> int:
    """Run an adapter's command: prepare the process, build the adapter, serve. Gives the exit code.

    ``build`` imports what it needs itself, when the limits on threads are set. If it raises
    CannotStart, that is said in one line, and the exit code is 5.
    """
    parser = argparse.ArgumentParser(description="Run a model for the polyglot runner.")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    path = parser.parse_args(arguments).socket
    process.follow_signals()
    process.limit_threads()
    keep_freed_memory()
    lifeline = process.take_over_stdio()
    # Only now, as numpy reads the limits on threads when it is imported.
    from adapters.loop import Loop  # noqa: PLC0415

    # PERF: what is imported stays. Looking for garbage in it costs a tenth of the start, and later
    # a pause in the midst of requests.
    gc.disable()
    try:
        adapter = build()
    except CannotStart as ex:
        print(" ".join(str(ex).split()), file=sys.stderr)
        return CANNOT_START
    finally:
        gc.enable()
    gc.freeze()
    marker = Marker(path)
    with listen(path) as listener:
        try:
            Loop(adapter, listener, path.parent, lifeline, marker).run()
        finally:
            path.unlink(missing_ok=True)
            marker.remove()
    process.end_within(GRACE)
    return 0


def listen(path: Path) -> socket.socket:
    """Listen on a Unix socket for this user only; a socket that a former process left is replaced.

    Raises OSError, also for a path that is taken by something else.
    """
    if path.exists() and stat.S_ISSOCK(path.lstat().st_mode):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    former = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
    except OSError as ex:
        listener.close()
        raise OSError(ex.errno, f"cannot listen on {path}: {ex.strerror or ex}") from ex
    finally:
        os.umask(former)
    listener.listen(1024)
    listener.setblocking(False)
    return listener
