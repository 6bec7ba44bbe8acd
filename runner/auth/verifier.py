"""Recognise callers by their access tokens: at once if the token is known, else after a look."""

from __future__ import annotations

import contextlib
import hashlib
import re

from runner.auth.caller import Caller
from runner.auth.clock import Clock
from runner.auth.discovery import Issuer
from runner.auth.errors import InvalidToken, IssuerUnavailable
from runner.auth.http import Client
from runner.auth.introspection import Introspection
from runner.auth.keys import Key, Keys, read_keys
from runner.auth.known import KnownTokens
from runner.auth.shelf import Shelf
from runner.auth.tokens import Tokens
from runner.config import AuthSettings

LONGEST_TOKEN = 16_384
_JWT = re.compile(rb"[^.]*\.[^.]*\.[^.]*")
_ENCRYPTED = re.compile(rb"[^.]*(\.[^.]*){4}")


class Verifier:
    """Verify the access tokens of one issuer. Start it within a running loop, and close it."""

    def __init__(
        self,
        settings: AuthSettings,
        clock: Clock | None = None,
        client: Client | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        assert settings.issuer is not None
        clock = clock or Clock()
        self._settings = settings
        self._clock = clock
        self._client = client or Client()
        self._issuer = Issuer(self._client, settings.issuer, clock)
        self._keys = Keys(self._fetch_keys, settings.key_cache, clock)
        self._tokens = Tokens(settings, self._keys, clock)
        self._introspection = (
            Introspection(settings, self._introspect, clock) if settings.introspection else None
        )
        self._known = KnownTokens(clock)
        self._shelf = shelf

    async def start(self) -> None:
        """Begin to fetch the issuer's keys; requests that come meanwhile wait for them."""
        kept = None if self._shelf is None else self._shelf.get()
        stale = None
        if kept is not None:
            with contextlib.suppress(IssuerUnavailable):
                stale = read_keys(kept, self._settings.algorithms)
        await self._keys.start(stale)

    async def close(self) -> None:
        """Let go of the issuer."""
        await self._keys.close()
        await self._client.close()

    def known(self, token: bytes) -> Caller | None:
        """Give the caller if this very token was verified a short time ago."""
        return self._known.get(hashlib.sha256(token).digest())

    async def verify(self, token: bytes) -> Caller:
        """Give the caller. Raises InvalidToken, IssuerUnavailable."""
        if len(token) > LONGEST_TOKEN:
            raise InvalidToken(
                "too_large", f"the token has {len(token)} bytes, at most {LONGEST_TOKEN}"
            )
        digest = hashlib.sha256(token).digest()
        steady = self._clock.steady()
        if _JWT.fullmatch(token):
            caller, over = await self._tokens.verify(token)
            # A key that the issuer drops must not live on in what it has proved.
            until = self._keys.fresh_until
        elif _ENCRYPTED.fullmatch(token):
            raise InvalidToken("malformed", "the token is encrypted, which is not accepted")
        elif self._introspection is None or self._settings.introspection is None:
            raise InvalidToken("malformed", "the token is no JWT")
        else:
            caller, over = await self._introspection.verify(token)
            until = steady + self._settings.introspection.cache
        self._known.add(digest, caller, over, until)
        return caller

    async def _fetch_keys(self) -> list[Key]:
        metadata = await self._issuer.metadata()
        try:
            found = await self._client.get(metadata.jwks_uri)
        except IssuerUnavailable:
            self._issuer.doubt()  # the keys may have moved
            raise
        keys = read_keys(found, self._settings.algorithms)
        if self._shelf is not None:
            self._shelf.put(found)
        return keys

    async def _introspect(self, token: str) -> object:
        credentials = self._settings.introspection
        endpoint = (await self._issuer.metadata()).introspection_endpoint
        if endpoint is None or credentials is None:
            raise IssuerUnavailable("the issuer has no introspection endpoint")
        form = {"token": token, "token_type_hint": "access_token"}
        return await self._client.post(
            endpoint, form, credentials.client_id, credentials.client_secret
        )
