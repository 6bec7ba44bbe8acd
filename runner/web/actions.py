"""Change what is served: fit, activate, delete; and tell of the jobs that do so.

Palladium's optional requests, by its names. Arguments come as a form, in the query string, or as
one JSON object. Where callers are known each needs the scope for writing; jobs are told to readers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import falcon.asgi
import orjson
from falcon.util.uri import parse_query_string

from runner.audit.record import ACTIVATE, CANCEL, DELETE, FIT, OnBehalf
from runner.signature.text import dump
from runner.web.body import read_body
from runner.web.decorators import Dressing
from runner.web.limits import Limits
from runner.web.named import to_change, to_read
from runner.web.page import Page
from runner.web.problems import Problem
from runner.web.query import check_query
from runner.web.request import Request
from runner.workers.control import PATIENCE

if TYPE_CHECKING:
    from runner.workers.services import Service, Services

_LONGEST = 65_536  # bytes of a body
_PATIENCE = 20.0  # seconds: an activation waits for 15 itself, after its process has started
_TRUTH = {"true": True, "1": True, "false": False, "0": False, True: True, False: False}
_FORM = "application/x-www-form-urlencoded"


def _flag(given: Any) -> bool:
    return _TRUTH[given.lower() if isinstance(given, str) else given]


def _number(given: Any) -> float:
    if isinstance(given, bool) or not math.isfinite(found := float(given)):
        raise ValueError
    return found


def _version(given: Any) -> int:
    text = str(given)
    if isinstance(given, bool | float) or not (text.isascii() and text.isdigit()):
        raise ValueError
    if not 1 <= int(text[:20]) < 2**31:
        raise ValueError
    return int(text)


_Kind = tuple[Callable[[Any], Any], str]
_FLAG: _Kind = (_flag, "true or false")
_FIT: dict[str, _Kind] = {
    "persist": _FLAG,
    "activate": _FLAG,
    "evaluate": _FLAG,
    "persist_if_better_than": (_number, "a number"),
}
_VERSION: _Kind = (_version, "the number of a version, from 1")


class _Action:
    action: str | None = None
    """What records tell of it, if it leaves any."""

    def __init__(self, services: Services, limits: Limits) -> None:
        self._services = services
        self._limits = limits

    async def _given(self, req: Request, known: Mapping[str, _Kind]) -> dict[str, Any]:
        """Read the arguments. Raises Problem: 400, 413, 415, 422 naming the field."""
        check_query(req.query_string)
        given: dict[str, Any] = dict(req.params)
        media = (req.content_type or "").partition(";")[0].strip().lower()
        if req.content_length or "transfer-encoding" in req.headers:
            body = bytes(await read_body(req, self._limits))
            req.bytes_in = len(body)
            if len(body) > _LONGEST:
                raise Problem(
                    413, "body_too_large", f"the body has {len(body)} bytes, at most {_LONGEST}"
                )
            given |= _decoded(media, body)
        read: dict[str, Any] = {}
        details: list[dict[str, Any]] = []
        for name, value in given.items():
            try:
                kind, expected = known[name]
            except KeyError:
                expected = f"one of {', '.join(known)}" if known else "nothing"
                details.append({"field": name[:100], "expected": expected})
                continue
            try:
                read[name] = kind(value)
            except (KeyError, TypeError, ValueError, OverflowError):
                shown = value if isinstance(value, bool | int | float) else str(value)[:100]
                details.append({"field": name, "value": shown, "expected": expected})
        if details:
            told = "; ".join(f"{each['field']}: expected {each['expected']}" for each in details)
            raise Problem(422, "invalid_input", told, details=details)
        return read

    def _find(self, req: Request, name: str | None) -> Service:
        return to_change(self._services, req, name, self.action)

    async def _ask(
        self, query: str, req: Request, *, patience: float = PATIENCE, **arguments: Any
    ) -> Any:
        return await self._services.ask(
            query, patience=patience, service=req.service, arguments=arguments
        )


class Activate(_Action):
    """Make another version the one that is served."""

    action = ACTIVATE

    async def on_post(
        self, req: Request, resp: falcon.asgi.Response, service: str | None = None
    ) -> None:
        """Activate `model_version`; answer as /list does once all answers are of that version."""
        self._find(req, service)
        given = await self._given(req, {"model_version": _VERSION})
        if "model_version" not in given:
            detail = {"field": "model_version", "expected": _VERSION[1]}
            raise Problem(400, "invalid_input", "model_version is missing", details=[detail])
        req.version = given["model_version"]
        told = await self._ask(
            "activate", req, patience=_PATIENCE, version=req.version, behalf=_behalf(req)
        )
        resp.data = dump(told)


class StoredVersion(_Action):
    """One stored version."""

    action = DELETE

    async def on_delete(
        self, req: Request, resp: falcon.asgi.Response, service: str, version: str
    ) -> None:
        """Delete it; answer as /list does."""
        self._find(req, service)
        try:
            number = _version(version)
        except ValueError as ex:
            raise Problem(404, "not_found", f"there is no version {version[:100]!r}") from ex
        req.version = number
        resp.data = dump(await self._ask("delete", req, version=number, behalf=_behalf(req)))


class Fit(_Action):
    """Fit the model anew."""

    action = FIT

    async def on_post(
        self, req: Request, resp: falcon.asgi.Response, service: str | None = None
    ) -> None:
        """Begin a job, and tell its id: 202."""
        found = self._find(req, service)
        given = await self._given(req, _FIT)
        job = await self._ask("fit", req, wanted=given, behalf=_behalf(req))
        req.action = None  # the job's own command records how the fit ends
        resp.status = 202
        resp.set_header("Location", f"/services/{found.name}/jobs/{job}")
        resp.data = dump({"job_id": job})


class UpdateModelCache(_Action):
    """Look for a new active version."""

    async def on_post(
        self, req: Request, resp: falcon.asgi.Response, service: str | None = None
    ) -> None:
        """Look at once, though it is seen within a second anyway; tell the id of a job.

        The job ends once the active version is in force, what Palladium's callers wait for.
        """
        self._find(req, service)
        await self._given(req, {})
        job = await self._ask("update-model-cache", req, behalf=_behalf(req))
        resp.data = dump({"job_id": job})


class JobList:
    """The newest jobs of a service."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(
        self, req: Request, resp: falcon.asgi.Response, service: str | None = None
    ) -> None:
        """List them, oldest first."""
        found = to_read(self._services, req, service)
        arguments = {"limit": Page.of(req).limit}
        told = await self._services.ask("jobs", service=found.name, arguments=arguments)
        resp.data = dump({"jobs": told})

    on_head = on_get


class OneJob:
    """One job."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(
        self, req: Request, resp: falcon.asgi.Response, job: str, service: str | None = None
    ) -> None:
        """Tell its state, its log and its result."""
        found = to_read(self._services, req, service)
        resp.data = dump(await self._ask("job", found, job))

    on_head = on_get

    async def on_delete(
        self, req: Request, resp: falcon.asgi.Response, job: str, service: str | None = None
    ) -> None:
        """Cancel it: 202, since its process ends a moment later."""
        found = to_change(self._services, req, service, CANCEL)
        resp.data = dump(await self._ask("cancel", found, job))
        resp.status = 202

    async def _ask(self, query: str, service: Service, job: str) -> Any:
        return await self._services.ask(query, service=service.name, arguments={"job": job})


def add_routes(
    app: falcon.asgi.App[Any, Any], services: Services, limits: Limits, dressing: Dressing
) -> None:
    """Add all of them, for the only or first service and for one by name."""
    for path, resource, decorators in (
        ("/activate", Activate(services, limits), "activate"),
        ("/fit", Fit(services, limits), "server_fit"),
        ("/update-model-cache", UpdateModelCache(services, limits), "update_model_cache"),
        ("/jobs", JobList(services), ""),
        ("/jobs/{job}", OneJob(services), ""),
    ):
        dressed = dressing.around(decorators, resource)
        app.add_route(path, dressed)
        app.add_route(f"/services/{{service}}{path}", dressed)
    app.add_route("/services/{service}/versions/{version}", StoredVersion(services, limits))


def _behalf(req: Request) -> dict[str, Any]:
    """Say who asks, for whoever does it."""
    peer = req.scope.get("client")
    address = str(next(iter(peer))) if peer else ""
    caller = req.caller
    if caller is None:
        return vars(OnBehalf(address=address))
    return vars(OnBehalf(caller.client_id, caller.user_id, address))


def _decoded(media: str, body: bytes) -> dict[str, Any]:
    """Read a form or a JSON object. Raises Problem: 400, 415, 422."""
    if media == _FORM:
        try:
            return dict(parse_query_string(body.decode(), keep_blank=True))
        except UnicodeDecodeError as ex:
            raise Problem(400, "invalid_form", "the form is not UTF-8") from ex
    if media != falcon.MEDIA_JSON:
        raise Problem(
            415,
            "unsupported_media_type",
            f"Content-Type {media[:100]!r}, expected {_FORM} or {falcon.MEDIA_JSON}",
        )
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as ex:
        raise Problem(400, "invalid_json", f"the body is no JSON: {ex}") from ex
    if not isinstance(found, dict):
        raise Problem(422, "invalid_input", "the body is no object of arguments")
    return found
