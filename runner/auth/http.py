"""Ask an issuer over HTTP: bounded in time and size, JSON or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

import aiohttp

from runner.auth.errors import IssuerUnavailable

TIMEOUT = 5.0
"""Seconds that an answer may take, connection included."""
_MAX_BODY = 1024 * 1024
_MAX_CONNECTIONS = 20


class Client:
    """An HTTP client; made within a running loop, at the first request.

    Redirects are not followed: an issuer's documents are where it says they are. Certificates are
    checked against those of the system (or $SSL_CERT_FILE); $HTTPS_PROXY is used where it is set.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str) -> Any:
        """Give the JSON at a URL. Raises IssuerUnavailable."""
        return await self._ask("GET", url)

    async def post(self, url: str, form: Mapping[str, str], user: str, password: str) -> Any:
        """Send a form with Basic authentication (RFC 6749 section 2.3.1); give the JSON."""
        # The RFC has both encoded as forms are, before they are joined.
        login = aiohttp.encode_basic_auth(quote_plus(user), quote_plus(password))
        return await self._ask("POST", url, data=form, headers={"Authorization": login})

    async def _ask(self, method: str, url: str, **options: Any) -> Any:
        session = self._session
        if session is None:
            session = self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS),
                headers={"Accept": "application/json"},
                trust_env=True,
            )
        try:
            async with session.request(method, url, allow_redirects=False, **options) as response:
                if response.status != 200:
                    raise IssuerUnavailable(f"{url} answered {response.status}")
                body = bytearray()
                async for part in response.content.iter_chunked(65_536):
                    body += part
                    if len(body) > _MAX_BODY:
                        raise IssuerUnavailable(f"{url} answered more than {_MAX_BODY} bytes")
                return json.loads(body)
        except (aiohttp.ClientError, OSError, TimeoutError) as ex:
            raise IssuerUnavailable(f"{url}: {type(ex).__name__} {ex}".rstrip()) from ex
        except (ValueError, RecursionError) as ex:
            raise IssuerUnavailable(f"{url} answered no JSON") from ex

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
