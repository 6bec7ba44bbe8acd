"""Keep the runtime folder: sockets and attachments, on tmpfs where there is one."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from runner.errors import Unavailable

_PREFIX = "runner-"


def runtime_parent() -> Path:
    """Give the folder for runtime folders: $RUNNER_RUNTIME, else /dev/shm, else the temporary one.

    /dev/shm because attachments are memory that two processes share, and because a Unix socket's
    path may have 107 bytes only, which $TMPDIR often exceeds.
    """
    configured = os.environ.get("RUNNER_RUNTIME")
    if configured:
        return Path(configured)
    shared = Path("/dev/shm")
    if shared.is_dir() and os.access(shared, os.W_OK | os.X_OK):
        return shared
    return Path(tempfile.gettempdir())


@contextlib.contextmanager
def runtime_folder() -> Iterator[Path]:
    """Make this process's runtime folder (mode 0700), and remove it at the end.

    Folders of supervisors that are gone, after a kill -9 for instance, are removed first. Raises
    Unavailable.
    """
    parent = runtime_parent()
    _remove_orphans(parent)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    except OSError as ex:
        raise Unavailable(
            f"cannot make a folder in {parent} ($RUNNER_RUNTIME): {ex.strerror}"
        ) from ex
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_orphans(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).split("-")[0]
        with contextlib.suppress(OSError):
            if owner.isdigit() and folder.stat().st_uid == os.getuid() and not _runs(int(owner)):
                shutil.rmtree(folder)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
