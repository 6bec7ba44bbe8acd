"""Keep an issuer's public keys (JWKS, RFC 7517).

1. One fetch at a time, and none within `COOLDOWN` seconds of the one before: all who need one
   wait for the same.
2. Keys older than four fifths of their time are fetched anew while they serve on; those older than
   all of it, before they do: a key that the issuer has dropped stops within that time.
3. While the issuer does not answer, the keys that are there serve on, however old.
4. An unknown kid is looked for in keys that were fetched after it was asked for, never in older
   ones: a key that has only just been published is not refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

import jwt

from runner.auth.clock import Clock
from runner.auth.errors import InvalidToken, IssuerUnavailable
from runner.logs import get_logger

COOLDOWN = 5.0
_EARLY = 0.8  # of a key's time
_PATIENCE = 2.0  # seconds that a request waits for new keys where old ones would do
_MAX_WAITING = 256  # requests with unknown kids, which anybody can send
_MAX_KEYS = 100
_MIN_RSA_BITS = 2048  # RFC 7518 section 3.3
_ALGORITHMS = {
    ("RSA", None): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA",),
    ("OKP", "Ed448"): ("EdDSA",),
}
"""Type and curve of a key -> what it can have signed."""

_log = get_logger("runner.auth")


@dataclass(frozen=True)
class Key:
    """A public key, in PyJWT's form for each algorithm that it is for."""

    kid: str | None
    forms: dict[str, Any]


def read_keys(found: Any, algorithms: Collection[str]) -> list[Key]:
    """Read a JWKS; what cannot be used is left out. Raises IssuerUnavailable if it is none."""
    if not isinstance(found, dict) or not isinstance(found.get("keys"), list):
        raise IssuerUnavailable("the answer is no set of keys")
    keys = []
    for each in found["keys"][:_MAX_KEYS]:
        key = _read_key(each, algorithms) if isinstance(each, dict) else None
        if key is not None and key.forms:
            keys.append(key)
    return keys


def _read_key(found: dict[str, Any], algorithms: Collection[str]) -> Key | None:
    kid = found.get("kid")
    operations = found.get("key_ops", ["verify"])
    fits = (
        (kid is None or isinstance(kid, str))
        and found.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in found  # a private key that is published is nobody's any more
    )
    if not fits:
        return None
    curve = None if found.get("kty") == "RSA" else found.get("crv")
    forms = {}
    for algorithm in _ALGORITHMS.get((str(found.get("kty")), curve), ()):
        if algorithm not in algorithms or found.get("alg", algorithm) != algorithm:
            continue
        try:
            form = jwt.PyJWK(found, algorithm=algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            return None
        if found["kty"] == "RSA" and form.key_size < _MIN_RSA_BITS:
            return None
        forms[algorithm] = form
    return Key(kid, forms)


class Keys:
    """The keys of one issuer. ``fetch`` gives them anew, or raises IssuerUnavailable."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[list[Key]]],
        seconds: float,
        clock: Clock,
        cooldown: float = COOLDOWN,
    ) -> None:
        self._fetch = fetch
        self._seconds = seconds
        self._clock = clock
        self._cooldown = cooldown
        self._keys: list[Key] | None = None
        self._begun = self._attempted = float("-inf")
        self._failure = ""
        self._task: asyncio.Task[None] | None = None
        self._waiting = 0
        self._absent: set[str | None] = set()

    @property
    def fresh_until(self) -> float:
        """Until when (steady) nothing that these keys prove needs to be proved again."""
        least = self._clock.steady() + self._cooldown
        return max(self._begun + self._seconds, least) if self._failure else self._expiry

    @property
    def _expiry(self) -> float:
        return self._begun + self._seconds

    async def find(self, kid: str | None, algorithm: str) -> Any:
        """Give the key that ``kid`` names; without it, the only one for the algorithm.

        Raises InvalidToken, and IssuerUnavailable where that cannot be known.
        """
        asked = self._clock.steady()
        await self._keep_fresh(asked)
        while (keys := self._named(kid, algorithm)) is None:
            known_absent = kid in self._absent and asked < self._attempted + self._cooldown
            if self._begun >= asked or known_absent:
                if len(self._absent) < _MAX_WAITING:
                    self._absent.add(kid)
                raise InvalidToken("unknown_key", "the issuer has no such key")
            await self._fetched()
        for key in keys:
            if algorithm in key.forms:
                return key.forms[algorithm]
        raise InvalidToken("algorithm", "the algorithm is not that of the key")

    def _named(self, kid: str | None, algorithm: str) -> list[Key] | None:
        keys = self._keys or []
        if kid is not None:
            return [key for key in keys if key.kid == kid] or None
        fitting = [key for key in keys if algorithm in key.forms]
        if len(fitting) > 1:
            raise InvalidToken("unknown_key", "the token names no key, and the issuer has several")
        return fitting or None

    async def _keep_fresh(self, now: float) -> None:
        if self._keys is None or now < self._begun + _EARLY * self._seconds:
            return  # what is not there at all, is waited for by `find`
        if self._failure and now < self._attempted + self._cooldown:
            return
        task = self._refresh()
        if now >= self._expiry and not self._failure:
            await asyncio.wait([task], timeout=_PATIENCE)

    async def _fetched(self) -> None:
        """Wait for the next fetch. Raises IssuerUnavailable if it fails."""
        resting = self._clock.steady() < self._attempted + self._cooldown
        fetching = self._task is not None and not self._task.done()
        if self._failure and resting and not fetching:
            raise IssuerUnavailable(self._failure)
        if self._waiting >= _MAX_WAITING:
            raise IssuerUnavailable("too many tokens with unknown keys")
        self._waiting += 1
        try:
            await asyncio.wait([self._refresh()])
        finally:
            self._waiting -= 1
        if self._failure:
            raise IssuerUnavailable(self._failure)

    def _refresh(self) -> asyncio.Task[None]:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return self._task

    async def _run(self) -> None:
        rest = self._attempted + self._cooldown - self._clock.steady()
        if rest > 0:
            await asyncio.sleep(rest)
        self._attempted = begun = self._clock.steady()
        try:
            keys = await self._fetch()
        except Exception as ex:
            self._failure = str(ex) or type(ex).__name__
            _log.warning("cannot fetch the issuer's keys", reason=self._failure)
            return
        if self._failure or self._keys is None:
            _log.info("fetched the issuer's keys", keys=[key.kid for key in keys])
        self._keys, self._begun, self._failure = keys, begun, ""
        self._absent.clear()

    async def start(self, stale: list[Key] | None = None) -> None:
        """Begin to fetch, without waiting for it; ``stale`` keys serve if that fails."""
        self._keys = self._keys or stale
        self._refresh()

    async def close(self) -> None:
        """Fetch no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
