"""Say who may do what, and how a refusal reads (RFC 6750)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from runner.auth.caller import Caller
from runner.config import AuthSettings
from runner.web.problems import Problem

if TYPE_CHECKING:
    from runner.web.request import Request
    from runner.workers.services import Service

WELL_KNOWN = "/.well-known/oauth-protected-resource"


class Policy:
    """The rules of one server: scopes for each kind of action, clients and scopes of services."""

    def __init__(self, settings: AuthSettings) -> None:
        self._scopes = settings.scopes
        parameters = {}
        if settings.resource is not None:
            parameters["resource_metadata"] = metadata_url(settings.resource)
        self._parameters = parameters
        self._tokens = settings.issuer is not None

    def check_predict(self, req: Request, service: Service | None) -> None:
        """Check that the caller may predict, with this service. Raises Problem: 401, 403."""
        caller = self._check_scope(req, self._scopes.predict)
        if service is None:
            return
        clients, scopes = service.settings.allow_clients, service.settings.allow_scopes
        if not (clients or scopes) or caller.client_id in clients:
            return
        if caller.scopes.isdisjoint(scopes):
            req.service = service.name
            needed = f"{self._scopes.predict} {scopes[0]}" if scopes else None
            raise self._forbidden(needed, f"service {service.name} is not for this client")

    def check_read(self, req: Request) -> None:
        """Check that the caller may see models, versions and usage. Raises Problem: 401, 403."""
        self._check_scope(req, self._scopes.read)

    def check_write(self, req: Request) -> None:
        """Check that the caller may change what is served. Raises Problem: 401, 403."""
        self._check_scope(req, self._scopes.write)

    def may_read(self, req: Request) -> bool:
        """Whether the caller may see models, versions and usage."""
        return req.caller is not None and self._scopes.read in req.caller.scopes

    def _check_scope(self, req: Request, scope: str) -> Caller:
        if req.caller is None:
            raise self.unknown()
        if scope not in req.caller.scopes:
            raise self._forbidden(scope, f"this needs the scope {scope}")
        return req.caller

    def _forbidden(self, scope: str | None, message: str) -> Problem:
        if scope is None:
            return Problem(403, "forbidden", message)
        told = {"error": "insufficient_scope", "error_description": message, "scope": scope}
        return Problem(403, "insufficient_scope", message, headers=self._challenge(**told))

    def unknown(self) -> Problem:
        """Give the answer to who does not say who they are: no error, only what is asked for."""
        message = (
            "who are you? expected Authorization: Bearer TOKEN"
            if self._tokens
            else "the request did not come through the proxy that tells who calls"
        )
        return Problem(401, "unauthenticated", message, headers=self._challenge())

    def malformed(self, message: str) -> Problem:
        """Give the answer to a request that does not carry its token as it should."""
        headers = self._challenge(error="invalid_request", error_description=message)
        return Problem(400, "invalid_request", message, headers=headers)

    def invalid_token(self, reason: str, message: str) -> Problem:
        """Give the answer to a token that is refused."""
        return Problem(
            401,
            "invalid_token",
            message,
            details=[{"reason": reason}],
            headers=self._challenge(error="invalid_token", error_description=message),
        )

    def _challenge(self, **parameters: str) -> dict[str, str]:
        """Give WWW-Authenticate (RFC 6750 section 3, RFC 9728 section 5.1)."""
        if not self._tokens:
            return {}
        told = ", ".join(
            f'{name}="{_quotable(value)}"'
            for name, value in {**parameters, **self._parameters}.items()
        )
        return {"WWW-Authenticate": f"Bearer {told}"}


def _quotable(text: str) -> str:
    """Leave what may stand between quotes there (RFC 6750 section 3)."""
    return "".join(each if " " <= each <= "~" and each not in '"\\' else "'" for each in text)


def metadata_url(resource: str) -> str:
    """Give where a resource's metadata are (RFC 9728 section 3.1)."""
    parts = urlsplit(resource)
    return urlunsplit((parts.scheme, parts.netloc, metadata_path(resource), "", ""))


def metadata_path(resource: str) -> str:
    """Give the path of `metadata_url`."""
    return WELL_KNOWN + urlsplit(resource).path.rstrip("/")
