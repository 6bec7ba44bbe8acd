"""Verify access tokens that are JWTs (RFC 9068), with the care of RFC 8725."""

from __future__ import annotations

from typing import Any

import jwt

from runner.auth.caller import Caller
from runner.auth.claims import caller_of, check_times
from runner.auth.clock import Clock
from runner.auth.errors import InvalidToken
from runner.auth.keys import Keys
from runner.config import AuthSettings

_REQUIRED = ("iss", "aud", "exp", "iat", "sub")  # and the client's claim, which has many names
_AT_JWT = ("at+jwt", "application/at+jwt")
_ANY_JWT = (*_AT_JWT, "jwt", "")
_FORBIDDEN = ("jku", "x5u", "jwk", "x5c")
"""Header parameters by which a token would choose the key that proves it."""

# Times are checked by `claims`, which says why.
_OPTIONS: Any = {
    "require": list(_REQUIRED),
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}

_REFUSALS: dict[type[jwt.PyJWTError], tuple[str, str]] = {
    jwt.InvalidSignatureError: ("signature", "the signature is not the issuer's"),
    jwt.InvalidAudienceError: ("audience", "the token is meant for another audience"),
    jwt.InvalidIssuerError: ("issuer", "the token is of another issuer"),
    jwt.InvalidAlgorithmError: ("algorithm", "the algorithm is not allowed"),
}
"""What PyJWT raises -> reason and message."""


class Tokens:
    """Verify the tokens of one issuer."""

    def __init__(self, settings: AuthSettings, keys: Keys, clock: Clock) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._types = _AT_JWT if settings.require_at_jwt else _ANY_JWT

    async def verify(self, token: bytes) -> tuple[Caller, float]:
        """Give the caller, and when (wall) the token is over. Raises AuthError."""
        header, claims = self._peek(token)
        self._check_header(header)
        # No key is looked for, and none fetched, for a token that does not even claim to be ours.
        if claims.get("iss") is not None and claims["iss"] != self._settings.issuer:
            raise InvalidToken(*_REFUSALS[jwt.InvalidIssuerError])
        key = await self._keys.find(header.get("kid"), header["alg"])
        claims = self._verified(token, key, header["alg"])
        over = check_times(claims, self._clock.wall(), self._settings.leeway)
        return caller_of(claims, self._settings), over

    @staticmethod
    def _peek(token: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read a token that nothing is known of yet."""
        try:
            found = jwt.decode_complete(token, options={"verify_signature": False})
        except jwt.PyJWTError as ex:
            raise InvalidToken("malformed", "the token is no JWT that can be read") from ex
        return found["header"], found["payload"]

    def _check_header(self, header: dict[str, Any]) -> None:
        if header.get("alg") not in self._settings.algorithms:
            raise InvalidToken(*_REFUSALS[jwt.InvalidAlgorithmError])
        for name in _FORBIDDEN:
            if name in header:
                raise InvalidToken("header", f"a header with {name} is not accepted")
        if "crit" in header or "b64" in header:
            raise InvalidToken("critical", "the header has an extension that is not understood")
        typ = header.get("typ", "")
        if not isinstance(typ, str) or typ.lower() not in self._types:
            raise InvalidToken("type", "the token's typ is not at+jwt")

    def _verified(self, token: bytes, key: Any, algorithm: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                options=_OPTIONS,
            )
        except jwt.MissingRequiredClaimError as ex:
            raise InvalidToken("missing_claim", f"the token has no {ex.claim}") from ex
        except jwt.PyJWTError as ex:
            reason, message = _REFUSALS.get(type(ex), ("claim", "a claim is of another type"))
            raise InvalidToken(reason, message) from ex
