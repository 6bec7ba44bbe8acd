"""Open the audit trail of a process as the config says."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from runner.audit.chain import Chain
from runner.audit.file import LogFile, Pipe
from runner.audit.record import Recorder
from runner.audit.trail import Trail
from runner.config.settings import AuditSettings
from runner.errors import Unavailable

_SHORTEST_KEY = 16


@dataclass(frozen=True)
class Audit:
    """A process's recorder, the trail that it writes to, and the chain that it continues."""

    record: Recorder
    trail: Trail
    chain: Chain

    def close(self) -> None:
        """Write what is left."""
        self.trail.close()


def open_audit(settings: AuditSettings, path: Path, descriptor: int | None = None) -> Audit:
    """Open the trail; ``path`` is the file, ``descriptor`` what stands for stdout.

    Raises Unavailable if there is no key, or the file cannot be written.
    """
    chain = Chain(read_key(settings.key_file))
    files: list[LogFile | Pipe] = []
    if settings.to != "stdout":
        _try(path)
        files.append(LogFile(path, to_disk=settings.durability == "disk"))
    if settings.to != "file":
        files.append(Pipe(sys.__stdout__.fileno() if descriptor is None else descriptor))  # type: ignore[union-attr]
    trail = Trail(
        chain,
        files,
        to_disk=settings.durability == "disk",
        refuse=settings.on_failure == "refuse",
    )
    record = Recorder(trail, chain)
    trail.resumed = record.resume
    return Audit(record, trail, chain)


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
