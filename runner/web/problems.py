"""Say what each exception means over HTTP: status, code, and what a client may know of it.

A fault of the caller is told in full. Of a model's or an adapter's failure a client gets the code
only: its message may hold data, and its traceback is for the log (SPEC 7.3).
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import falcon

from contracts.errors import Code, ContractError
from runner.errors import NotFound, Refused, Unavailable
from runner.signature import InvalidInput
from runner.workers.errors import (
    DeadlineExceeded,
    NoModel,
    Overloaded,
    QuotaExceeded,
    WorkerLost,
)


class Problem(Exception):
    """A request that is not answered with success: what to answer instead.

    ``code`` is for programs and stays as it is; ``message`` and ``details`` are for people.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}


UNFORESEEN = "internal"
"""The code of an exception that has no place here: a fault of the runner's own."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

_CALLER = (422, None)
_MODEL = (500, "the model failed at this request; the server's log says why")
_ADAPTER = (500, "the worker failed at this request; the server's log says why")

# Contract code → status, and what is said in place of the adapter's message (None: the message).
_CONTRACT: dict[Code, tuple[int, str | None]] = {
    Code.BAD_TABLE: _CALLER,
    Code.UNREPRESENTABLE: _CALLER,
    Code.UNSUPPORTED: _CALLER,
    Code.EXPIRED: (504, "the deadline passed before the model saw the request"),
    Code.NO_MODEL: (503, "the worker has no model"),
    Code.BAD_MODEL: _MODEL,
    Code.PREDICT_FAILED: _MODEL,
    Code.BAD_RESULT: _MODEL,
    Code.LOAD_FAILED: _MODEL,
}
_RENAMED = {
    Code.EXPIRED: "deadline_exceeded",
    Code.BAD_MODEL: "model_error",
    Code.PREDICT_FAILED: "model_error",
    Code.BAD_RESULT: "model_error",
    Code.LOAD_FAILED: "model_error",
}

_PATHS = ("/services", "/services/{service}/predict", "/alive", "/health/ready")
"""Where somebody who knows no path may begin."""

_HTTP_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


def problem_of(ex: BaseException, path: str) -> Problem:
    """Give what to answer for any exception; ``path`` is the request's, for 404."""
    if isinstance(ex, Problem):
        return ex
    if isinstance(ex, falcon.HTTPError):
        return _from_falcon(ex, path)
    for type_, read in _READERS.items():
        if isinstance(ex, type_):
            return read(ex)
    return _unforeseen()


def _unforeseen() -> Problem:
    return Problem(500, UNFORESEEN, "the server failed at this request; its log says why")


def is_ours(problem: Problem) -> bool:
    """Whether the problem is one that whoever runs the server should look into."""
    return problem.status in (500, 502) or problem.code == "no_room"


def _invalid(ex: InvalidInput) -> Problem:
    return Problem(
        400 if ex.incomplete else 422,
        "invalid_input",
        str(ex),
        details=[fault.to_json() for fault in ex.faults],
    )


def _contract(ex: ContractError) -> Problem:
    # What is not in the table is between runner and adapter: no caller can have caused it.
    status, instead = _CONTRACT.get(ex.code, _ADAPTER)
    code = _RENAMED.get(ex.code) or (ex.code.value if ex.code in _CONTRACT else "worker_error")
    headers = _retry(1.0) if status == 503 else None
    return Problem(status, code, instead or ex.message, headers=headers)


def _from_falcon(ex: falcon.HTTPError, path: str) -> Problem:
    status = ex.status_code
    code = _HTTP_CODES.get(status, "http_error" if status < 500 else UNFORESEEN)
    messages = {
        404: f"there is nothing at {path[:100]}; there are {', '.join(_PATHS)}",
        405: f"the method is not allowed at {path[:100]}",
    }
    message = messages.get(status) or ex.description or ex.title or "the request is wrong"
    return Problem(status, code, message, headers=dict(ex.headers or {}))


def _os(ex: OSError) -> Problem:
    if ex.errno not in _NO_ROOM:
        return _unforeseen()
    return Problem(
        503,
        "no_room",
        "there is no room for the rows of this request on their way to the worker",
        headers=_retry(5),
    )


def _retry(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


_READERS: dict[type[Exception], Callable[[Any], Problem]] = {
    InvalidInput: _invalid,
    ContractError: _contract,
    NoModel: lambda ex: Problem(503, "no_model", str(ex), headers=_retry(5)),
    QuotaExceeded: lambda ex: Problem(
        429, "quota_exceeded", str(ex), headers=_retry(ex.retry_after)
    ),
    Overloaded: lambda ex: Problem(503, "overloaded", str(ex), headers=_retry(ex.retry_after)),
    WorkerLost: lambda _: Problem(
        502, "model_crashed", "the model's process ended at this request"
    ),
    DeadlineExceeded: lambda ex: Problem(504, "deadline_exceeded", str(ex)),
    NotFound: lambda ex: Problem(404, "not_found", str(ex)),
    Refused: lambda ex: Problem(409, "refused", str(ex)),
    OSError: _os,
    Unavailable: lambda ex: Problem(503, "unavailable", str(ex), headers=_retry(1)),
}
