"""Every error that the runner raises on purpose.

    RunnerError              exit code 1   the base: anything below, and nothing else
    ├── ConfigError                    2   the config is wrong; carries every fault that was found
    ├── NotFound                       3   a service, version or file that is not there
    ├── Refused                        1   understood, but a rule forbids it; says what to do first
    ├── Unavailable                    5   database unreachable, port in use, no permission, …
    ├── ModelError                     1   a model's own code failed, in its own language
    ├── DatasetError                   1   data that cannot be a table, or that a loader cannot read
    ├── ArtifactCorrupt                1   stored bytes are not the bytes that were stored
    └── MetadataInvalid                1   metadata that is not JSON

What each means to a caller over HTTP is decided where HTTP is spoken, not here. The message of an
error is one clear line: what happened, the value and the limit. The fields are the constructor's
arguments, so that every error survives pickling on its way out of a child process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class RunnerError(Exception):
    """Something that the runner can explain: no traceback is needed to understand it."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a config: where, what, and what was expected instead."""

    problem: str
    expected: str | None = None
    file: str | None = None
    key: str | None = None
    """Path of the key, such as `model.params.cp` or `predict_service.mapping[2]`."""

    def __str__(self) -> str:
        place = "".join(f"{part}: " for part in (self.file, self.key) if part)
        expected = f"; expected {self.expected}" if self.expected else ""
        return f"{place}{self.problem}{expected}"


class ConfigError(RunnerError):
    """The config cannot be used; `faults` lists everything that is wrong with it."""

    exit_code = 2

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class NotFound(RunnerError):
    """What was asked for by name or number does not exist (any more)."""

    exit_code = 3


class Refused(RunnerError):
    """The request is clear, and a rule forbids it in the present state."""


class Unavailable(RunnerError):
    """Something outside the runner does not answer or does not let it in."""

    exit_code = 5


class ModelError(RunnerError):
    """A model's own code failed; `traceback_text` is its language's own traceback, for the log."""

    def __init__(self, language: str, message: str, traceback_text: str = "") -> None:
        super().__init__(language, message, traceback_text)
        self.language = language
        self.message = message
        self.traceback_text = traceback_text

    def __str__(self) -> str:
        return f"{self.language}: {self.message}"


class DatasetError(RunnerError):
    """The data is no table for a model; the message names column, row and value where it can."""


@dataclass(frozen=True)
class Fingerprint:
    """What bytes are recognised by: their sha256 in hex, and how many they are."""

    sha256: str
    size: int

    def __str__(self) -> str:
        return f"sha256 {self.sha256} ({self.size} bytes)"


class ArtifactCorrupt(RunnerError):
    """The stored artifact of a version is not what was stored; it was not deserialised."""

    def __init__(
        self, service: str, version: int, expected: Fingerprint, found: Fingerprint
    ) -> None:
        super().__init__(service, version, expected, found)
        self.service = service
        self.version = version
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return (
            f"the artifact of {self.service} version {self.version} is corrupt: "
            f"expected {self.expected}, found {self.found}"
        )


class MetadataInvalid(RunnerError):
    """Metadata holds a value that JSON cannot carry; the message names its path."""
