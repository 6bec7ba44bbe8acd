"""Turn requests into replies, exactly one each, whatever the model does (SPEC 3.2, 5, 7)."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from adapters import artifact, results
from adapters.fitted import Fitted, first_rows
from adapters.protocol import OF_THE_LOOP, Adapter
from contracts.errors import Code, ContractError, Failure
from contracts.messages import (
    Cancel,
    ErrorReply,
    Fit,
    Load,
    Persist,
    Ping,
    Predict,
    Read,
    Reply,
    Request,
)
from contracts.table import Column, Table, digest, join

MAX_TRACEBACK = 16 * 1024
"""Bytes of traceback in an error reply (SPEC 7.3)."""

TRIAL = 3
"""Rows of the fit, at most, that a new model must answer at once."""

METHODS = ("predict", "predict_proba")
"""What predict may ask for (SPEC 5.5)."""


class Responder:
    """Ask the adapter, check what it gives, and make every error a reply."""

    def __init__(self, adapter: Adapter, clock: Callable[[], float] = time.monotonic) -> None:
        self._adapter = adapter
        self._clock = clock
        self._fitted: Fitted | None = None

    def respond(self, request: Request) -> Reply | ErrorReply:
        """Answer one request."""
        try:
            self._check(request)
            return self._ANSWERS[type(request)](self, request)
        except Exception as ex:
            return refuse(request.id, ex)

    def respond_alike(self, requests: Sequence[Predict]) -> list[Reply | ErrorReply]:
        """Answer predicts of one layout, method and params with one call of the model.

        If that fails each is tried alone, so that it fails only whom it must (SPEC 3.5).
        """
        if len(requests) == 1:
            return [self.respond(requests[0])]
        replies: dict[int, Reply | ErrorReply] = {}
        live: list[int] = []
        for at, request in enumerate(requests):
            try:
                self._check(request)
                live.append(at)
            except Failure as ex:
                replies[at] = refuse(request.id, ex)
        if live:
            try:
                answers = self._predict_jointly([requests[at] for at in live])
            except Exception:
                # Not told to anybody: each hears how it went alone, and its time may be over now.
                answers = [self.respond(requests[at]) for at in live]
            replies.update(zip(live, answers, strict=True))
        return [replies[at] for at in range(len(requests))]

    def _check(self, request: Request) -> None:
        """Refuse what must not reach the model. Raises Failure."""
        if request.expires is not None and (now := self._clock()) >= request.expires:
            late = now - request.expires
            raise Failure(Code.EXPIRED, f"the request expired {late:.3f} s before its turn")
        if request.op not in self._adapter.capabilities and request.op not in OF_THE_LOOP:
            raise _unsupported(f"op {request.op!r}", self._adapter)

    def _predict_jointly(self, requests: Sequence[Predict]) -> list[Reply | ErrorReply]:
        tables = [request.table for request in requests if request.table is not None]
        first = requests[0]
        result, seconds = self._run(first.method, join(tables), first.params)
        replies: list[Reply | ErrorReply] = []
        start = 0
        for request, table in zip(requests, tables, strict=True):
            stop = start + table.rows
            part = result.slice(start, stop)
            replies.append(Reply(request.id, part, seconds=seconds, batch=len(requests)))
            start = stop
        return replies

    def _predict(self, request: Predict) -> Reply:
        table: Table | None = request.table
        target: Column | None = None
        if request.source is not None:
            if "read" not in self._adapter.capabilities:
                raise _unsupported("predict with a source", self._adapter)
            table, target = self._adapter.read(request.source)
        assert table is not None  # decoding takes care of it: exactly one of the two is there
        result, seconds = self._run(request.method, table, request.params)
        return Reply(request.id, result, target, seconds=seconds, batch=1)

    def _run(self, method: str, table: Table, params: Any) -> tuple[Table, float]:
        """Call the model once. Gives its result, checked, and the seconds that it took."""
        if self._fitted is None:
            raise Failure(Code.NO_MODEL, "no model is fitted or loaded")
        if method not in METHODS or method not in self._adapter.capabilities:
            raise _unsupported(f"method {method!r}", self._adapter)
        aligned = self._fitted.align(table)
        began = time.perf_counter()
        result = self._adapter.predict(method, aligned, params)
        seconds = time.perf_counter() - began
        results.check_rows(method, result, table.rows)
        if method == "predict":  # what adapters make of probabilities are floats in any case
            results.check_kind(method, result, self._fitted.target)
        return result, seconds

    def _fit(self, request: Fit) -> Reply:
        table: Any  # decoding takes care that table and target are both there, or the source
        target: Any
        if request.source is not None:
            task, table, target = self._adapter.fit_source(request.model, request.source)
            if table.rows == 0:
                self._fitted = None  # what the adapter holds now is no model of anything
                raise Failure(Code.BAD_TABLE, "the source gave 0 rows, at least 1 is needed")
        else:
            table, target = request.table, request.target
            if table.rows == 0:
                raise Failure(Code.BAD_TABLE, "the table to fit has 0 rows, at least 1 is needed")
            task = self._adapter.fit(request.model, table, target)
        # One row cannot tell a model that answers one value whatever it is asked.
        self._hold(Fitted.of(table, target, task), first_rows(table, TRIAL))
        fitted = self._fitted
        assert fitted is not None
        return Reply(
            request.id,
            features=fitted.features,
            target_field=fitted.target,
            task=task,
            rows=table.rows,
            data_sha256=digest([table, target]),
        )

    def _load(self, request: Load) -> Reply:
        # SECURITY: loading runs code of the artifact's choice, so nothing looks into it before.
        found = hashlib.sha256(request.artifact).hexdigest()
        if found != request.sha256.lower():
            message = f"artifact has sha256 {found}, expected {request.sha256[:64]}"
            raise Failure(Code.BAD_ARTIFACT, message)
        header, body = artifact.unpack(request.artifact)
        if header["format"] != request.format:
            message = f"artifact has format {header['format']!r}, announced was {request.format!r}"
            raise Failure(Code.BAD_ARTIFACT, message)
        fitted = Fitted.from_header(header)
        self._adapter.load(request.format, body, request.model)
        try:
            self._hold(fitted)
        except ContractError as ex:
            message = f"the loaded model does not predict its first row: {ex.message}"
            raise Failure(Code.LOAD_FAILED, message, ex.traceback) from ex
        return Reply(request.id)

    def _hold(self, fitted: Fitted, *trials: Table) -> None:
        """Take over a new model after it has answered its example: callers find it warm.

        ``trials``: further tables that it must answer.

        A model that cannot is not held, and what it raised is raised.
        """
        self._fitted = fitted
        try:
            for method in METHODS:
                for table in (fitted.example, *trials):
                    self._warm(method, table)
        except BaseException:
            self._fitted = None
            raise

    def _warm(self, method: str, table: Table) -> None:
        try:
            self._run(method, table, {})
        except Failure as ex:
            if ex.code is not Code.UNSUPPORTED or method == "predict":  # which no model may lack
                raise

    def _persist(self, request: Persist) -> Reply:
        if self._fitted is None:
            raise Failure(Code.NO_MODEL, "no model is fitted or loaded")
        format, body = self._adapter.persist()
        packed = artifact.pack(format, self._fitted.to_header(), body)
        return Reply(request.id, artifact=packed, format=format)

    def _read(self, request: Read) -> Reply:
        table, target = self._adapter.read(request.source)
        return Reply(request.id, table, target)

    def _ping(self, request: Ping | Cancel) -> Reply:
        return Reply(request.id)

    _ANSWERS: dict[type[Request], Callable[[Responder, Any], Reply]] = {  # noqa: RUF012
        Fit: _fit,
        Predict: _predict,
        Persist: _persist,
        Load: _load,
        Read: _read,
        Ping: _ping,
        Cancel: _ping,  # what it asks for is the loop's to do
    }


def refuse(number: int | None, ex: Exception) -> ErrorReply:
    """Make an error reply of what was raised; what is no ContractError is `internal`."""
    if isinstance(ex, ContractError):
        return ErrorReply(number, ex.code, ex.message, _cut(ex.traceback))
    told = " ".join(str(ex).split())[:1000]
    message = f"{type(ex).__name__}: {told}" if told else type(ex).__name__
    text = "".join(traceback.format_exception(ex))
    return ErrorReply(number, Code.INTERNAL, message, _cut(text))


def _cut(text: str) -> str:
    """Keep the end of a long traceback: that is where the error is told."""
    raw = text.encode(errors="replace")
    if len(raw) <= MAX_TRACEBACK:
        return raw.decode()
    return "…\n" + raw[-(MAX_TRACEBACK - 4) :].decode(errors="ignore")


def _unsupported(what: str, adapter: Adapter) -> Failure:
    known = ", ".join(sorted(adapter.capabilities))
    message = f"{what} is not supported by the {adapter.name} adapter, which has: {known}"
    return Failure(Code.UNSUPPORTED, message)
