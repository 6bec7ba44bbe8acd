"""Leave records of what a stream was asked: one a call of the model, one a line that failed."""

from __future__ import annotations

from uuid import uuid4

from contracts.errors import ContractError
from runner.audit.opening import Audit
from runner.audit.record import PREDICT
from runner.errors import Unavailable
from runner.signature import InvalidInput
from runner.workers.errors import DeadlineExceeded, Overloaded, WorkerCrashed

_CODES: tuple[tuple[type[Exception], int, str], ...] = (
    (InvalidInput, 422, "invalid_input"),
    (ValueError, 400, "invalid_json"),
    (DeadlineExceeded, 504, "deadline_exceeded"),
    (WorkerCrashed, 502, "worker_crashed"),
    (Overloaded, 503, "overloaded"),
    (ContractError, 500, "model_error"),
)


class Records:
    """Make them, and write them before the answers that they tell of are."""

    def __init__(
        self, audit: Audit | None, service: str, version: int, language: str, login: str
    ) -> None:
        self._audit = audit
        self._service = service
        self._version = version
        self._language = language
        self._login = login

    def answered(
        self, lines: int, rows: int, size: int, seconds: float, model_seconds: float
    ) -> None:
        """Record a call of the model that answered ``lines``, of ``size`` bytes together."""
        self._record(200, None, size, seconds, rows, lines, model_seconds)

    def failed(self, line: bytes | None, error: Exception) -> None:
        """Record a line that has no answer."""
        status, code = next(
            ((status, code) for kind, status, code in _CODES if isinstance(error, kind)),
            (500, type(error).__name__),
        )
        self._record(status, code, len(line or b""), 0.0)

    def _record(
        self,
        status: int,
        error: str | None,
        size: int,
        seconds: float,
        rows: int | None = None,
        lines: int | None = None,
        model_seconds: float | None = None,
    ) -> None:
        if self._audit is None:
            return
        number = uuid4().hex
        self._audit.record.request(
            PREDICT,
            status=status,
            seconds=seconds,
            request_id=number,
            trace_id=number,
            method="STREAM",
            path="runner stream",
            address="stdin",
            bytes_in=size,
            bytes_out=0,
            service=self._service,
            version=self._version,
            language=self._language,
            rows=rows,
            batch=lines,
            model_seconds=model_seconds,
            error=error,
            login=self._login,
        )

    def write(self) -> None:
        """Write what was recorded. Raises Unavailable if it cannot be, and must."""
        audit = self._audit
        if audit is not None and not audit.trail.write() and audit.refuse:
            raise Unavailable("the prediction could not be recorded")
