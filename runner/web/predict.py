"""Answer predictions: one row by GET, one or many by POST."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import falcon
import falcon.asgi

from contracts.buffers import Buffer
from contracts.table import Table
from runner.audit.record import PREDICT
from runner.signature import Checker, read_params, results
from runner.signature.text import dump
from runner.web.aside import LARGE, MANY, aside
from runner.web.body import read_body
from runner.web.envelope import success
from runner.web.limits import Limits
from runner.web.media import Rows, read_rows
from runner.web.packed import pack
from runner.web.problems import Problem
from runner.web.query import check_query
from runner.web.request import Request
from runner.web.waiting import client_of, hung_up, timeout_of
from runner.workers.allowances import Allowances

if TYPE_CHECKING:
    from runner.workers.services import Answer, Service, Services

_ROUTES = re.compile(r"(/services/[^/]+)?/predict(_proba)?")
_NO_PARAMS = MappingProxyType[str, Any]({})


class Prediction:
    """The resource of /predict: as the service's config says, labels or lists of probabilities."""

    def __init__(self, services: Services, limits: Limits, allowances: Allowances) -> None:
        self._services = services
        self._limits = limits
        self._allowances = allowances

    async def on_get(
        self, req: Request, resp: falcon.asgi.Response, service: str | None = None
    ) -> None:
        """Predict for one row in the query string."""
        req.action = PREDICT
        check_query(req.query_string)
        found, checker = find(self._services, service, req)
        await self._answer(req, resp, found, checker.row(req.params), single=True)

    on_head = on_get

    async def on_post(
        self, req: Request, resp: falcon.asgi.Response, service: str | None = None
    ) -> None:
        """Predict for the rows in the body."""
        req.action = PREDICT
        check_query(req.query_string)
        found, _ = find(self._services, service, req)
        body = await read_body(req, self._limits, self._services.folder)
        req.bytes_in = len(body)
        found, rows = await self._read(req, found.name, body)
        await self._answer(req, resp, found, *rows)

    async def _read(self, req: Request, name: str, body: Buffer) -> tuple[Service, Rows]:
        """Check the rows of a body against the version that is active now, and give both.

        While the body came in, and while it is read aside, another may take over.
        """
        found, checker = find(self._services, name, req)
        if len(body) <= LARGE:
            return found, read_rows(req.content_type, body, checker, self._limits)
        while True:
            rows = await aside(read_rows, req.content_type, body, checker, self._limits)
            found, now = find(self._services, name, req)
            if now is checker:
                return found, rows
            checker = now

    async def _answer(
        self,
        req: Request,
        resp: falcon.asgi.Response,
        service: Service,
        table: Table,
        single: bool,
        arrays: bool = False,
    ) -> None:
        req.rows, req.inputs = table.rows, table
        settings = service.settings
        method, shape = self._form(service)
        params = read_params(settings.params, req.params) if settings.params else _NO_PARAMS
        timeout = timeout_of(req, settings.timeout)
        if req.caller is not None and (allowance := self._allowances.of(req.caller.client_id)):
            try:
                await allowance.spend(table.rows)
            finally:
                resp.set_headers(allowance.headers)
        client = client_of(req)
        if client is not None:
            client.waiting = True
        try:
            answer = await self._services.predict(
                service, table, method=method, params=params, timeout=timeout
            )
        except asyncio.CancelledError:
            if client is None or not client.gone:
                raise
            raise hung_up() from None
        finally:
            if client is not None:
                client.waiting = False
        req.version, req.batch = answer.version, answer.requests
        req.queue_seconds, req.model_seconds = answer.waited, answer.model
        packed = req.wants_msgpack
        if packed:
            resp.content_type = falcon.MEDIA_MSGPACK
        show = _arrays if arrays and packed else _items
        encode = pack if packed else dump
        shown = req, service, answer, shape, single, encode
        resp.data = show(*shown) if table.rows < MANY else await aside(show, *shown)

    def _form(self, service: Service) -> tuple[str, Callable[[Table], list[Any]]]:
        """Give the method to ask for and how to show its answer."""
        return ("predict_proba" if service.settings.predict_proba else "predict"), results.plain


def _items(
    req: Request,
    service: Service,
    answer: Answer,
    shape: Callable[[Table], list[Any]],
    single: bool,
    encode: Callable[[Any], bytes],
) -> bytes:
    """Give the body of an answer of one item a row."""
    rows = answer.rows(shape)
    return success(req, rows[0] if single else rows, service, answer.version, encode)


def _arrays(
    req: Request,
    service: Service,
    answer: Answer,
    shape: Callable[[Table], list[Any]],
    single: bool,
    encode: Callable[[Any], bytes],
) -> bytes:
    """Give the body of an answer to who sent arrays."""
    result = results.arrays(answer.table, named=shape is results.labelled)
    return success(req, result, service, answer.version, encode)


class Probabilities(Prediction):
    """The resource of /predict_proba: maps of classes to probabilities."""

    def _form(self, service: Service) -> tuple[str, Callable[[Table], list[Any]]]:
        return "predict_proba", results.labelled


class EntryPoints:
    """Predict at the paths that services have chosen by ``entry_point``.

    They come and go with the services, so that no fixed route can hold them.
    """

    def __init__(self, services: Services, prediction: Prediction) -> None:
        self._services = services
        self._answers = {
            "GET": prediction.on_get,
            "HEAD": prediction.on_head,
            "POST": prediction.on_post,
        }

    async def answer(self, req: Request, resp: falcon.asgi.Response | None, **_: Any) -> None:
        """Answer whatever no route has taken."""
        if resp is None:  # a websocket
            raise falcon.HTTPNotFound()
        name = self._name(req.path)
        if name is None:
            raise falcon.HTTPNotFound()
        if req.method == "OPTIONS":
            resp.set_header("Allow", ", ".join(self._answers))
        elif req.method not in self._answers:
            raise falcon.HTTPMethodNotAllowed(list(self._answers))
        else:
            await self._answers[req.method](req, resp, name)

    def predicts(self, path: str) -> bool:
        """Whether this is a path that predictions are asked for at, one of a fixed route or not."""
        return _ROUTES.fullmatch(path) is not None or self._name(path) is not None

    def _name(self, path: str) -> str | None:
        """Give the service that is asked at a path of its own choice."""
        for name in self._services.names:
            service = self._services.get(name)
            if service is not None and service.settings.entry_point == path:
                return name
        return None


def find(services: Services, name: str | None, req: Request) -> tuple[Service, Checker]:
    """Give a service that has a model and may be used, or say why not.

    Raises Problem: 401, 403, 404, 503.
    """
    service = services.default if name is None else services.get(name)
    if req.policy is not None:
        req.policy.check_predict(req, service)
    if service is None:
        if name is None:
            raise Problem(
                503, "no_service", "there is no service yet", headers={"Retry-After": "1"}
            )
        raise Problem(404, "unknown_service", f"there is no service {name[:100]!r}")
    req.service, req.version, req.language = service.name, service.version, service.language
    if service.checker is None:
        code = service.state if service.state in ("no_model", "starting") else "service_failed"
        raise Problem(
            503,
            code,
            f"service {service.name} cannot answer: {service.reason or service.state}",
            headers={"Retry-After": "5"},
        )
    return service, service.checker
