"""Tell in a file which requests the model is at, so that a crash is blamed on no others."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts import marker


class Marker:
    """Hold the file of SPEC 2.7. Where there is no room for it, nothing is told."""

    def __init__(self, socket: Path) -> None:
        """Make the file beside ``socket``, before anybody can connect there."""
        self._path = Path(f"{socket}{marker.SUFFIX}")
        self._memory = memoryview(bytearray(marker.SIZE))
        try:
            self.remove()
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
            try:
                # Or a full disk would be a SIGBUS when the memory is written to.
                os.posix_fallocate(descriptor, 0, marker.SIZE)
                self._memory = memoryview(mmap.mmap(descriptor, marker.SIZE))
            finally:
                os.close(descriptor)
        except OSError as ex:
            self.remove()
            print(f"no room to tell what the model is at: {ex}", file=sys.stderr)

    def at(self, ids: Sequence[int]) -> None:
        """The model is about to be called for these; for none: it has returned."""
        marker.write(self._memory, ids)

    def remove(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
