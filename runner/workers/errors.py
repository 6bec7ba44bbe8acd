"""Name what can go wrong between a caller and a worker. HTTP is not known here.

    WorkerError
    ├── NoModel              the service has no version that could answer
    ├── Overloaded           the service's queue is full, or it is failed; `retry_after` in seconds
    ├── QuotaExceeded        the client has asked for more than it may; `retry_after` in seconds
    ├── WorkerLost           the connection ended with this request on it: it may be tried again
    │   ├── WorkerUntouched  … before the model saw it: it cannot be why the worker ended
    │   └── WorkerCrashed    … and it was tried again, or may not be
    ├── DeadlineExceeded     nobody answered in time
    └── WorkerFailedToStart  the adapter process ended, or said nothing, before it could be used

An adapter's own error reply is `contracts.errors.Failure`.
"""

from __future__ import annotations


class WorkerError(Exception):
    """The root of the tree."""


class NoModel(WorkerError):
    """The service has no active version."""


class Overloaded(WorkerError):
    """The service cannot take this request now; `retry_after` seconds are a fair wait."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QuotaExceeded(WorkerError):
    """The client may ask again in `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class WorkerLost(WorkerError):
    """The worker, or the connection to it, ended before it answered.

    ``certain``: its model was at this request then; else it may have been at another.
    """

    def __init__(self, message: str, certain: bool = False) -> None:
        super().__init__(message)
        self.certain = certain


class WorkerUntouched(WorkerLost):
    """The connection ended before the model was called for the request."""


class WorkerCrashed(WorkerLost):
    """The worker ended before it answered, and the request is not tried again."""


class DeadlineExceeded(WorkerError):
    """The deadline passed before there was an answer."""


class WorkerFailedToStart(WorkerError):
    """An adapter process could not be brought up; the message has its last words."""
