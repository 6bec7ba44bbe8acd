"""Tell a server that a command which it started has made its record, whatever became of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress

VARIABLE = "RUNNER_RECORD_MADE"


class Report:
    """The server's end: what the command's process is to be given, and whether it has told."""

    def __init__(self, reader: int, writer: int) -> None:
        self.env = {VARIABLE: str(writer)}
        self.descriptors = (writer,)
        self._reader = reader

    @property
    def made(self) -> bool:
        """Whether the record is made. What is asked after the command's end is final."""
        try:
            return bool(os.read(self._reader, 1))
        except BlockingIOError:
            return False


@contextmanager
def reported() -> Iterator[Report]:
    """Open a pipe for one command."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try:
        yield Report(reader, writer)
    finally:
        os.close(reader)
        os.close(writer)


def asked(environ: MutableMapping[str, str] = os.environ) -> int | None:
    """Give where to `tell`, None if nobody asks. Processes started from here are not told so."""
    told = environ.pop(VARIABLE, "")
    return int(told) if told.isdecimal() else None


def tell(descriptor: int | None) -> None:
    """Say that the record is made."""
    if descriptor is not None:
        with suppress(OSError):  # the server is gone
            os.write(descriptor, b"1")
