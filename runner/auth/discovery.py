"""Find an issuer's endpoints (RFC 8414; where that is not there, OpenID Connect Discovery)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from runner.auth.clock import Clock
from runner.auth.errors import IssuerUnavailable
from runner.auth.http import Client
from runner.config import is_loopback

_SECONDS = 3600.0
_REST = 2.0  # seconds after a failure


@dataclass(frozen=True)
class Metadata:
    """What an issuer tells of itself, as far as it matters here."""

    jwks_uri: str
    introspection_endpoint: str | None


def places(issuer: str) -> Iterator[str]:
    """Give the URLs at which an issuer's metadata may be (RFC 8414 section 3.1; OIDC 4.1)."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    root = (parts.scheme, parts.netloc)
    yield urlunsplit((*root, f"/.well-known/oauth-authorization-server{path}", "", ""))
    yield urlunsplit((*root, f"{path}/.well-known/openid-configuration", "", ""))


class Issuer:
    """Know an issuer's metadata: an hour old at most, or older while it does not answer."""

    def __init__(self, client: Client, issuer: str, clock: Clock) -> None:
        self._client = client
        self._issuer = issuer
        self._steady = clock.steady
        self._metadata: Metadata | None = None
        self._until = self._not_before = -math.inf
        self._failure = ""
        self._lock = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Give the metadata; one asks, the others wait. Raises IssuerUnavailable."""
        async with self._lock:
            if self._steady() >= max(self._until, self._not_before):
                try:
                    self._metadata = await discover(self._client, self._issuer)
                    self._until = self._steady() + _SECONDS
                except IssuerUnavailable as ex:
                    self._failure = str(ex)
                    self._not_before = self._steady() + _REST
            if self._metadata is None:
                raise IssuerUnavailable(self._failure)
            return self._metadata

    def doubt(self) -> None:
        """Ask anew next time: what was told did not hold."""
        self._until = -math.inf


async def discover(client: Client, issuer: str) -> Metadata:
    """Give the issuer's metadata. Raises IssuerUnavailable with what was wrong at each place."""
    faults = []
    for place in places(issuer):
        try:
            return _read(await client.get(place), issuer)
        except IssuerUnavailable as ex:
            faults.append(str(ex) if place in str(ex) else f"{place}: {ex}")
    raise IssuerUnavailable("; ".join(faults))


def _read(found: Any, issuer: str) -> Metadata:
    if not isinstance(found, dict):
        raise IssuerUnavailable("the metadata is no JSON object")
    # SECURITY: or one issuer's metadata could lead to another one's keys (RFC 8414 section 3.3).
    if found.get("issuer") != issuer:
        raise IssuerUnavailable(f"the metadata is of issuer {str(found.get('issuer'))[:200]!r}")
    jwks_uri = _endpoint(found, "jwks_uri", issuer)
    if jwks_uri is None:
        raise IssuerUnavailable("the metadata has no jwks_uri")
    return Metadata(jwks_uri, _endpoint(found, "introspection_endpoint", issuer))


def _endpoint(found: dict[str, Any], name: str, issuer: str) -> str | None:
    url = found.get(name)
    if url is None:
        return None
    if not _is_safe(url, issuer):
        raise IssuerUnavailable(f"{name} is no https URL")
    return str(url)


def _is_safe(url: Any, issuer: str) -> bool:
    """Whether a URL is https; or http on this machine, where the issuer is there too."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    local = issuer.startswith("http:") and parts.scheme == "http"
    return parts.scheme == "https" or (local and is_loopback(parts.hostname or ""))
