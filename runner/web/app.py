"""Put the application together: routes, middleware, and one way to fail."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import falcon
import falcon.asgi

from contracts.errors import ContractError
from runner.config import AuthSettings, QuotaSettings
from runner.config.decorators import NO_DECORATORS, FrontEndDecorators
from runner.signature.text import dump
from runner.web import actions, authenticate
from runner.web.decorators import Dressing
from runner.web.envelope import failure
from runner.web.limits import Limits
from runner.web.observe import Logger, Observer
from runner.web.predict import EntryPoints, Prediction, Probabilities
from runner.web.problems import UNFORESEEN, Problem, is_ours, problem_of
from runner.web.request import LateBody, Receive, Request
from runner.web.states import Alive, Listing, Live, Ready, ServiceList
from runner.web.usage import Usage
from runner.workers.allowances import Allowances

if TYPE_CHECKING:
    from pathlib import Path

    from runner.audit.opening import Audit
    from runner.web.protocol import Gate
    from runner.workers.services import Service, Services


def create_app(
    services: Services,
    log: Logger,
    limits: Limits | None = None,
    *,
    requests: Logger | None = None,
    every: bool = True,
    audit: Audit | None = None,
    inputs: bool = False,
    auth: AuthSettings | None = None,
    folder: Path | None = None,
    quotas: Mapping[str, QuotaSettings] = MappingProxyType({}),
    decorators: FrontEndDecorators = NO_DECORATORS,
) -> App:
    """Give the ASGI application that answers for ``services``; without ``auth``, to anybody.

    It starts and closes them with its own life (ASGI lifespan). ``requests`` takes the one line of
    each request, ``log`` (and that too, without the other) all else. ``audit`` takes a record of
    each prediction, with the values of features if ``inputs``; not ``every`` such request leaves a
    line as well then. ``decorators`` are put around what answers. Raises ConfigError for one that
    cannot be.
    """
    limits = limits or Limits()
    recorder = None if audit is None else audit.record
    allowances = Allowances(quotas, services.grant)
    dressing = Dressing(decorators, services)
    prediction = dressing.around("predict", Prediction(services, limits, allowances))
    probabilities = dressing.around("predict", Probabilities(services, limits, allowances))
    listing = dressing.around("list", Listing(services))
    entry_points = EntryPoints(services, prediction)
    app = App(
        media_type=falcon.MEDIA_JSON,
        request_type=Request,
        middleware=[
            Life(services),
            Observer(
                log if requests is None else requests,
                recorder,
                inputs=inputs,
                every=every,
                predicts=entry_points.predicts,
            ),
        ],
    )
    app.gate = None if audit is None else audit.trail
    app.req_options.keep_blank_qs_values = True
    failures = Failures(services, log)
    app.add_error_handler(Exception, failures)
    app.add_error_handler(falcon.HTTPError, failures)
    app.add_route("/predict", prediction)
    app.add_route("/predict_proba", probabilities)
    app.add_route("/services/{service}/predict", prediction)
    app.add_route("/services/{service}/predict_proba", probabilities)
    app.add_route("/services/{service}/list", listing)
    app.add_route("/services", ServiceList(services))
    app.add_route("/list", listing)
    app.add_route("/usage", Usage(services))
    app.add_route("/alive", dressing.around("alive", Alive(services)))
    app.add_route("/health/live", Live())
    app.add_route("/health/ready", Ready(services))
    if limits.actions if limits.actions is not None else auth is not None:
        actions.add_routes(app, services, limits, dressing)
    app.add_sink(entry_points.answer)
    if auth is not None:
        authenticate.install(app, auth, log, folder=folder)
    return app


class App(falcon.asgi.App[Request, falcon.asgi.Response]):
    """A Falcon application that looks at a request before its body has come."""

    gate: Gate | None = None
    """What answers pass before they leave (see protocol)."""

    def __call__(  # type: ignore[override]  # Falcon's own is of another kind than its base's
        self, scope: dict[str, Any], receive: Receive, send: Any
    ) -> Awaitable[None]:
        """Answer one request, or live one lifespan."""
        if scope["type"] == "http":
            receive = LateBody(receive)
        return super().__call__(scope, receive, send)


class Life:
    """Falcon middleware that ties the services to the process's life."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def process_startup(self, scope: Mapping[str, Any], event: Any) -> None:
        """Learn the routes before the first request is accepted."""
        await self._services.start()

    async def process_shutdown(self, scope: Mapping[str, Any], event: Any) -> None:
        """Let go of the workers after the last answer."""
        await self._services.close()


class Failures:
    """Answer every exception in the one shape; log what is not the caller's fault."""

    def __init__(self, services: Services, log: Logger) -> None:
        self._services = services
        self._log = log

    async def __call__(
        self,
        req: Request,
        resp: falcon.asgi.Response | None,
        ex: Exception,
        params: dict[str, Any],
        ws: Any = None,
    ) -> None:
        """Handle one exception."""
        problem = problem_of(ex, req.path)
        req.error = problem.code
        if is_ours(problem):
            self._log.error(
                "request failed",
                request_id=req.request_id,
                service=req.service,
                version=req.version,
                error=problem.code,
                reason=str(ex),
                **_traceback(ex, problem),
            )
        if resp is None:  # a websocket, which nobody serves
            return
        service = None if req.service is None else self._services.get(req.service)
        resp.status = problem.status
        for name, value in problem.headers.items():
            resp.set_header(name, value)
        resp.data = self._body(req, problem, service)

    def _body(self, req: Request, problem: Problem, service: Service | None) -> bytes:
        try:
            return dump(failure(req, problem, service))
        except Exception as ex:  # of a decorator: the failure is told in any case
            if req.metadata is None:
                raise
            self._log.error("get_metadata_decorators failed", reason=f"{type(ex).__name__}: {ex}")
            req.metadata = None
            return dump(failure(req, problem, service))


def _traceback(ex: Exception, problem: Problem) -> dict[str, str]:
    """Give the model's own traceback where there is one, and ours only for what nobody foresaw."""
    if isinstance(ex, ContractError) and ex.traceback:
        return {"traceback": ex.traceback}
    if problem.code == UNFORESEEN:
        return {"traceback": "".join(traceback.format_exception(ex))}
    return {}
