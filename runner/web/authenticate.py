"""Find out who calls before anything else is done with a request.

Installed only where `auth` is configured. Without a caller nothing is answered but what `OPEN` and
`PARTLY` name; what a caller may do is up to `policy`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import falcon.asgi

from runner.auth.caller import Caller
from runner.auth.errors import InvalidToken, IssuerUnavailable, MalformedRequest
from runner.auth.proxy import TrustedProxy
from runner.auth.shelf import Shelf
from runner.config import AuthSettings
from runner.signature.text import dump
from runner.web.observe import Logger
from runner.web.policy import WELL_KNOWN, Policy, metadata_path
from runner.web.problems import Problem
from runner.web.request import Request

if TYPE_CHECKING:
    from runner.auth.verifier import Verifier

OPEN = frozenset({"/health/live", "/health/ready", WELL_KNOWN})
"""Answered to anybody, whatever they say of themselves: probes must not hang on an issuer."""

PARTLY = frozenset({"/alive"})
"""Answered without a caller too, but with all details only to those who may read."""

_BEARER = re.compile(rb"(?i:bearer) +([A-Za-z0-9._~+/-]+=*)")
_BEARER_AT_ALL = re.compile(rb"(?i:bearer)(?: |$)")
_RETRY = {"Retry-After": "5"}


def install(
    app: falcon.asgi.App[Any, Any],
    settings: AuthSettings,
    log: Logger,
    verifier: Verifier | None = None,
    folder: Path | None = None,
) -> None:
    """Have an application know its callers, by a verifier made of the settings unless given.

    ``folder`` is for what one front-end may leave to the next.
    """
    policy = Policy(settings)
    if settings.resource is not None:
        metadata = ProtectedResource(settings)
        for path in dict.fromkeys((WELL_KNOWN, metadata_path(settings.resource))):
            app.add_route(path, metadata)
    if settings.issuer is None:
        app.add_middleware(ByProxy(TrustedProxy(settings), policy))
        return
    paths = OPEN if settings.resource is None else OPEN | {metadata_path(settings.resource)}
    app.add_middleware(ByToken(verifier or make_verifier(settings, folder), policy, log, paths))


def make_verifier(settings: AuthSettings, folder: Path | None = None) -> Verifier:
    """Give a verifier of an issuer's tokens, not started yet."""
    # PyJWT and aiohttp take 25 MB and a tenth of a second: not of servers that need neither.
    from runner.auth.verifier import Verifier  # noqa: PLC0415

    assert settings.issuer is not None
    shelf = None if folder is None else Shelf(folder, settings.issuer)
    return Verifier(settings, shelf=shelf)


class ByToken:
    """Falcon middleware: callers by their access tokens, in the Authorization field only."""

    def __init__(
        self, verifier: Verifier, policy: Policy, log: Logger, paths: frozenset[str] = OPEN
    ) -> None:
        self._verifier = verifier
        self._policy = policy
        self._log = log
        self._open = paths

    async def process_startup(self, scope: Any, event: Any) -> None:
        """Begin to fetch the issuer's keys."""
        await self._verifier.start()

    async def process_shutdown(self, scope: Any, event: Any) -> None:
        """Let go of the issuer."""
        await self._verifier.close()

    async def process_request(self, req: Request, resp: falcon.asgi.Response) -> None:
        """Set `req.caller`. Raises Problem: 400, 401, 503."""
        req.policy = self._policy
        if req.path in self._open:
            return
        # RFC 6750 section 2.3 has it, with all reasons not to: a URL is in every log on its way.
        query = req.query_string
        if query.startswith("access_token=") or "&access_token=" in query:
            raise self._policy.malformed("a token belongs into the Authorization field only")
        # Falcon would take the last of several fields, and what stands in front of us the first.
        given = [value for name, value in req.scope["headers"] if name == b"authorization"]
        if len(given) == 1:
            value = given[0]
            # PERF: a token that was verified a moment ago costs a digest and a look, no more.
            if value.startswith(b"Bearer ") and (caller := self._verifier.known(value[7:])):
                req.caller = caller
                return
        if len(given) == 1 and (found := _BEARER.fullmatch(given[0])):
            req.caller = await self._verify(found[1])
        elif len(given) > 1:
            raise self._policy.malformed("there is more than one Authorization field")
        elif given and _BEARER_AT_ALL.match(given[0]):
            raise self._policy.malformed("expected Authorization: Bearer TOKEN")
        elif req.path not in PARTLY:
            raise self._policy.unknown()

    async def _verify(self, token: bytes) -> Caller:
        try:
            return self._verifier.known(token) or await self._verifier.verify(token)
        except InvalidToken as ex:
            raise self._policy.invalid_token(ex.reason, ex.message) from ex
        except IssuerUnavailable as ex:
            self._log.error("cannot verify a token", reason=str(ex))
            message = "nobody can say at this moment whether the token is good: ask again"
            raise Problem(503, "issuer_unavailable", message, headers=_RETRY) from ex


class ByProxy:
    """Falcon middleware: callers by the word of a proxy."""

    def __init__(self, proxy: TrustedProxy, policy: Policy) -> None:
        self._proxy = proxy
        self._policy = policy

    async def process_request(self, req: Request, resp: falcon.asgi.Response) -> None:
        """Set `req.caller`. Raises Problem: 400, 401."""
        req.policy = self._policy
        if req.path in OPEN:
            return
        given = [value for name, value in req.scope["headers"] if name == self._proxy.header]
        try:
            # SECURITY: where the connection comes from, not what a field says of it.
            peer = req.scope.get("client")
            caller = self._proxy.caller(peer[0] if peer else None, given)
        except MalformedRequest as ex:
            raise self._policy.malformed(str(ex)) from ex
        if caller is not None:
            req.caller = caller
        elif req.path not in PARTLY:
            raise self._policy.unknown()


class ProtectedResource:
    """Tell clients where to get a token (RFC 9728)."""

    def __init__(self, settings: AuthSettings) -> None:
        scopes = settings.scopes
        self._told = dump(
            {
                "resource": settings.resource,
                "authorization_servers": [settings.issuer],
                "scopes_supported": [scopes.predict, scopes.read, scopes.write],
                "bearer_methods_supported": ["header"],
            }
        )

    async def on_get(self, req: Request, resp: falcon.asgi.Response) -> None:
        """Tell it."""
        resp.data = self._told
        resp.set_header("Cache-Control", "max-age=3600")

    on_head = on_get
