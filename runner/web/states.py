"""Tell how the services are: /alive, /list, /services, /health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import falcon.asgi
import psutil

from runner import __version__
from runner.errors import Unavailable
from runner.signature.text import dump
from runner.web.envelope import failure, success
from runner.web.named import check_read, to_read
from runner.web.page import Page
from runner.web.problems import Problem
from runner.web.request import Request

if TYPE_CHECKING:
    from runner.workers.services import Service, Services

PALLADIUM_VERSION = "1.2.4"
"""The Palladium whose /alive this is: what watches that one can watch this one."""

_MB = 2**20
_N_A = "N/A"


class Alive:
    """Memory, versions, models and workers, for people and monitoring (Palladium's shape).

    503 while a service has no model to answer with.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, req: Request, resp: falcon.asgi.Response) -> None:
        """Tell all there is to tell, or to whom that is not for, only how it goes."""
        services = self._services
        if _hides(req):
            if await services.not_ready():
                raise _not_ready(req, {})
            resp.data = success(req, "alive")
            return
        found = [service for name in services.names if (service := services.get(name))]
        first = services.default
        memory = psutil.Process().memory_info()
        info: dict[str, Any] = {
            "memory_usage": memory.rss / _MB,
            "memory_usage_vms": memory.vms / _MB,
            "version": __version__,
            "runner_version": __version__,
            "palladium_version": PALLADIUM_VERSION,
            "service_metadata": {} if first is None else _service_metadata(first),
            "model": _N_A if first is None else _model(first),
            "services": {service.name: _describe(service) for service in found},
            "process_metadata": {"jobs": {}},
        }
        reasons = {
            service.name: service.reason or service.state
            for service in found
            if service.checker is None or service.version is None
        }
        try:
            told = await services.ask("alive")
            info["process_metadata"]["jobs"] = told.pop("jobs")
            info |= told
        except Unavailable as ex:
            reasons["supervisor"] = str(ex)
        if not found:
            reasons["services"] = "there is no service yet"
        if reasons:
            resp.status = 503
            info |= failure(req, _not_ready(req, reasons))
        resp.data = dump(info)

    on_head = on_get


class Listing:
    """Versions of a service's model, and which one is active (Palladium's /list)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(
        self, req: Request, resp: falcon.asgi.Response, service: str | None = None
    ) -> None:
        """List the newest versions of one service, the first unless it is named."""
        found = to_read(self._services, req, service)
        page = Page.of(req)
        told = await self._services.ask(
            "list", service=found.name, limit=page.limit, before=page.before
        )
        if "next" in told:
            resp.append_link(page.link(told["next"]["before"]), "next")
        resp.data = dump(told)

    on_head = on_get


class ServiceList:
    """Names, versions and states of all services."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, req: Request, resp: falcon.asgi.Response) -> None:
        """List the services in the order of their configs."""
        check_read(req)
        services = self._services
        resp.data = success(
            req,
            [
                {"service_name": name, **_describe(service)}
                for name in services.names
                if (service := services.get(name))
            ],
        )

    on_head = on_get


class Live:
    """Whether this process answers: nobody else is asked."""

    async def on_get(self, req: Request, resp: falcon.asgi.Response) -> None:
        """Answer."""
        resp.data = success(req, "live")

    on_head = on_get


class Ready:
    """Whether every service has a worker that is live and warm, and every front-end asks it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, req: Request, resp: falcon.asgi.Response) -> None:
        """Answer, or say which service is not ready and why."""
        reasons = await self._services.not_ready()
        if reasons:
            raise _not_ready(req, {} if _hides(req) else reasons)
        resp.data = success(req, "ready")

    on_head = on_get


def _hides(req: Request) -> bool:
    """Whether the caller is one who may not see models and workers."""
    return req.policy is not None and not req.policy.may_read(req)


def _not_ready(req: Request, reasons: dict[str, str]) -> Problem:
    """Give a 503 with the reasons; none are told where they are not for the caller."""
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return Problem(
        503,
        "not_ready",
        f"not ready: {told}" if told else "not ready",
        details=[{"service": name, "reason": reason} for name, reason in reasons.items()],
        headers={"Retry-After": "1"},
    )


def _service_metadata(service: Service) -> dict[str, Any]:
    return {"service_name": service.name, "service_version": service.service_version}


def _model(service: Service) -> Any:
    if service.version is None:
        return _N_A
    metadata = {**service.metadata, "version": service.version}
    return {"updated": metadata.get("train_timestamp"), "metadata": metadata}


def _describe(service: Service) -> dict[str, Any]:
    return {
        "service_version": service.service_version,
        "language": service.language,
        "model_version": service.version,
        "state": service.state,
        "reason": service.reason,
    }
