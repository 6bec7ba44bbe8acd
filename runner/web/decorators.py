"""Put a config's decorators around what answers requests. Where there are none, nothing is."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import falcon.asgi

from runner.audit.record import PREDICT
from runner.config.decorators import ENDING, FrontEndDecorators, wrap
from runner.config.settings import Decorator
from runner.web.request import Request

if TYPE_CHECKING:
    from runner.workers.services import Services

Responder = Callable[..., Awaitable[None]]

_RESPONDERS = ("on_get", "on_head", "on_post", "on_delete")
_PREDICT, _METADATA, _ALIVE = "predict", "get_metadata", "alive"


class Dressing:
    """What is put around the resources of an application. Raises ConfigError for a bad name."""

    def __init__(self, settings: FrontEndDecorators, services: Services) -> None:
        settings.import_path()
        self._settings = settings
        self._services = services

    def around(self, which: str, resource: Any) -> Any:
        """Give a resource with its decorators around it; the same one if it has none."""
        if which == _ALIVE:
            everywhere = self._settings.alive
            return _Same(which, resource, everywhere) if everywhere else resource
        lists = self._settings.services.items()
        wanted = {name: own[which] for name, own in lists if which in own}
        metadata = {
            name: wrap(_metadata, own[_METADATA]) for name, own in lists if _METADATA in own
        }
        if not wanted and not (metadata and which == _PREDICT):
            return resource
        return _ByService(which, resource, wanted, metadata, self._services)


def _metadata(**fields: Any) -> dict[str, Any]:
    """Give what `metadata` says: what decorators of get_metadata are put around."""
    return fields


class _Same:
    """A resource whose responders are wrapped whatever they are asked about."""

    def __init__(self, which: str, resource: Any, names: Sequence[Decorator]) -> None:
        for name, responder in _responders(resource):
            setattr(self, name, _checked(which, wrap(responder, names)))


class _ByService:
    """A resource whose responders are wrapped as the service wants it that they are asked about."""

    def __init__(
        self,
        which: str,
        resource: Any,
        wanted: Mapping[str, Sequence[Decorator]],
        metadata: Mapping[str, Callable[..., dict[str, Any]]],
        services: Services,
    ) -> None:
        for name, responder in _responders(resource):
            wrapped = {
                service: _checked(which, wrap(responder, names))
                for service, names in wanted.items()
            }
            setattr(self, name, _chosen(which, responder, wrapped, metadata, services))


def _responders(resource: Any) -> list[tuple[str, Responder]]:
    return [(name, found) for name in _RESPONDERS if (found := getattr(resource, name, None))]


def _chosen(
    which: str,
    plain: Responder,
    wrapped: Mapping[str, Responder],
    metadata: Mapping[str, Callable[..., dict[str, Any]]],
    services: Services,
) -> Responder:
    async def respond(
        req: Request, resp: falcon.asgi.Response, service: str | None = None, **route: Any
    ) -> None:
        name = service
        if name is None and (first := services.default) is not None:
            name = first.name
        if which == _PREDICT:
            req.action = PREDICT  # one that a decorator refuses leaves a record, too
            req.metadata = metadata.get(name or "")
        more = route if service is None else {"service": service, **route}
        await wrapped.get(name or "", plain)(req, resp, **more)

    return respond


def _checked(which: str, wrapped: Callable[..., Any]) -> Responder:
    async def respond(req: Request, resp: falcon.asgi.Response, **route: Any) -> None:
        answer = wrapped(req, resp, **route)
        if not inspect.isawaitable(answer):
            raise TypeError(
                f"{which}{ENDING}: gave a {type(answer).__name__}, expected what awaits the "
                "function that was decorated"
            )
        await answer

    return respond
