"""Open the audit trail of a process as the config says."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.audit.chain import Chain
from runner.audit.file import LogFile, Pipe
from runner.audit.record import FIT, START, STOP, OnBehalf, Recorder
from runner.audit.trail import Trail
from runner.config.settings import AuditSettings
from runner.errors import Unavailable
from runner.login import caller

STDOUT, STDERR = 1, 2
_SHORTEST_KEY = 16


@dataclass(frozen=True)
class Audit:
    """A process's recorder, the trail that it writes to, and the chain that it continues."""

    record: Recorder
    trail: Trail
    chain: Chain
    inputs: bool = False
    refuse: bool = True

    def fit_failed(self, service: str, error: str, behalf: OnBehalf | None) -> None:
        """Record the end of a fit whose own process can do so no more."""
        self.record.action(FIT, error=error, service=service, user=caller(), behalf=behalf)
        self.close()

    def close(self) -> None:
        """Write what is left."""
        self.trail.close()


def open_audit(settings: AuditSettings, descriptor: int = STDOUT) -> Audit | None:
    """Open the trail, unless it is off; ``descriptor`` is what stands for stdout.

    Raises Unavailable if there is no key, or the file cannot be written.
    """
    if settings.to == "none":
        return None
    chain = Chain(read_key(settings.key_file))
    refuse = settings.on_failure == "refuse"
    files: list[LogFile | Pipe] = []
    if settings.to != "stdout":
        assert settings.path is not None
        _try(settings.path)
        files.append(LogFile(settings.path, to_disk=settings.durability == "disk"))
    if settings.to != "file":
        files.append(Pipe(descriptor))
    trail = Trail(
        chain,
        files,
        to_disk=settings.durability == "disk",
        refuse=refuse,
    )
    record = Recorder(trail, chain)
    trail.resumed = record.resume
    return Audit(record, trail, chain, settings.inputs, refuse)


def read_key(file: Path | None) -> bytes | None:
    """Read the key of the chain, without white space at its ends. Raises Unavailable."""
    if file is None:
        return None
    try:
        key = file.read_bytes().strip()
    except OSError as ex:
        raise Unavailable(f"audit key {file} cannot be read: {ex.strerror}") from ex
    if len(key) < _SHORTEST_KEY:
        raise Unavailable(
            f"audit key {file} has {len(key)} bytes; expected {_SHORTEST_KEY} or more"
        )
    return key


def _try(path: Path) -> None:
    """Find out now whether the file can be written, and not at the first prediction."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640))
    except OSError as ex:
        raise Unavailable(f"the audit log {path} cannot be written: {ex.strerror}") from ex


def log_name(path: Path) -> str:
    """Give what the store knows a log by: one on another machine is another."""
    return f"{socket.gethostname()}:{path}"


@contextmanager
def served(settings: AuditSettings) -> Iterator[Audit | None]:
    """Record that a server starts, and that it stops. Raises Unavailable as `open_audit`."""
    audit = open_audit(settings)
    if audit is None:
        yield None
        return
    audit.record.action(START)
    # Not kept open until the server stops: a file that was rotated away should be gone by then.
    audit.close()
    begun = time.monotonic()
    try:
        yield audit
    finally:
        audit.record.action(STOP, seconds=time.monotonic() - begun)
        audit.close()
