"""Ask the issuer about tokens that tell nothing themselves (RFC 7662)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from runner.auth.caller import Caller
from runner.auth.claims import caller_of, check_audience, check_times
from runner.auth.clock import Clock
from runner.auth.errors import InvalidToken, IssuerUnavailable
from runner.config import AuthSettings


class Introspection:
    """Ask about opaque tokens; about one token once at a time. It fails closed.

    ``ask`` sends a token to the issuer and gives its answer, or raises IssuerUnavailable.
    """

    def __init__(
        self, settings: AuthSettings, ask: Callable[[str], Awaitable[Any]], clock: Clock
    ) -> None:
        self._settings = settings
        self._ask = ask
        self._clock = clock
        self._asking: dict[bytes, asyncio.Task[tuple[Caller, float]]] = {}

    async def verify(self, token: bytes) -> tuple[Caller, float]:
        """Give the caller, and when (wall) the token is over. Raises AuthError."""
        task = self._asking.get(token)
        if task is None:
            task = self._asking[token] = asyncio.create_task(self._verify(token))
            task.add_done_callback(lambda done: self._finish(token, done))
        # Whoever goes away must not take the answer along from those who wait for it too.
        return await asyncio.shield(task)

    def _finish(self, token: bytes, done: asyncio.Task[tuple[Caller, float]]) -> None:
        del self._asking[token]
        if not done.cancelled():
            done.exception()  # asyncio would complain if all who waited are gone

    async def _verify(self, token: bytes) -> tuple[Caller, float]:
        found = await self._ask(token.decode("ascii"))
        if not isinstance(found, Mapping) or not isinstance(found.get("active"), bool):
            raise IssuerUnavailable("the issuer's answer about a token has no `active`")
        if not found["active"]:
            raise InvalidToken("inactive", "the issuer says that the token is not active")
        issuer = found.get("iss")
        if issuer is not None and issuer != self._settings.issuer:
            raise InvalidToken("issuer", "the token is of another issuer")
        kind = found.get("token_type")
        if kind is not None and str(kind).lower() not in ("bearer", "access_token"):
            raise InvalidToken("type", "the token is no bearer token")
        check_audience(found, self._settings.audience)
        over = check_times(found, self._clock.wall(), self._settings.leeway)
        return caller_of(found, self._settings), over
