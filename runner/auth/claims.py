"""Make a caller of what an issuer says, in a token (RFC 9068) or when asked (RFC 7662)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from runner.auth.caller import Caller
from runner.auth.errors import InvalidToken
from runner.config import AuthSettings

_LONGEST_NAME = 256
_LONGEST_SCOPES = 8192


def check_times(claims: Mapping[str, Any], now: float, leeway: float) -> float:
    """Check exp, nbf and iat (RFC 7519 section 4.1); give when the token is over, leeway included.

    ``exp`` may be missing here. Done here and not by PyJWT, which cuts fractions off, takes texts
    for numbers, and cannot be told the time.
    """
    exp, nbf, iat = (_number(claims, name) for name in ("exp", "nbf", "iat"))
    if exp is not None and now >= exp + leeway:
        raise InvalidToken("expired", "the token has expired")
    if nbf is not None and now < nbf - leeway:
        raise InvalidToken("not_yet_valid", "the token is not valid yet")
    if iat is not None and now < iat - leeway:
        raise InvalidToken("issued_in_future", "the token was issued in the future")
    return math.inf if exp is None else exp + leeway


def _number(claims: Mapping[str, Any], name: str) -> float | None:
    found = claims.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise InvalidToken("claim", f"{name} is no number")
    # A whole number may be too large for a float, and 1e999 is infinite in JSON as Python reads it.
    if not -1e15 < found < 1e15:
        raise InvalidToken("claim", f"{name} is no time")
    return found


def caller_of(claims: Mapping[str, Any], settings: AuthSettings) -> Caller:
    """Give who the claims speak of. Raises InvalidToken."""
    if claims.get("cnf") is not None:
        # It belongs to the holder of a key (RFC 7800), and nothing here sees a proof of that.
        raise InvalidToken("bound", "the token is bound to a key, which is not checked here")
    client = _name(claims, settings.client_claim)
    if client is None:
        raise InvalidToken("missing_claim", f"the token has no {settings.client_claim}")
    user = _name(claims, "sub")
    scopes = _scopes(claims, settings.scope_claim)
    return Caller(client, None if user == client else user, scopes, _digest(claims.get("jti")))


def _digest(jti: object) -> str | None:
    """Give the sha256 of a token's name; JSON lets it hold half a surrogate pair."""
    if not isinstance(jti, str):
        return None
    return hashlib.sha256(jti.encode(errors="surrogatepass")).hexdigest()


def _name(claims: Mapping[str, Any], name: str) -> str | None:
    """Read a name that can stand in a record: not empty, without control characters."""
    found = claims.get(name)
    if found is None:
        return None
    fits = isinstance(found, str) and 0 < len(found) <= _LONGEST_NAME and found.isprintable()
    if not fits:
        raise InvalidToken("claim", f"{name} is no name")
    return str(found)


def _scopes(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """Read scopes: a text with spaces between (RFC 8693 section 4.2), or a list as some have it."""
    found = claims.get(name)
    if found is None:
        return frozenset()
    if isinstance(found, str) and len(found) <= _LONGEST_SCOPES:
        return frozenset(found.split(" ")) - {""}
    if isinstance(found, list) and all(isinstance(each, str) for each in found):
        return frozenset(found)
    raise InvalidToken("claim", f"{name} is no list of scopes")


def check_audience(claims: Mapping[str, Any], audience: tuple[str, ...]) -> None:
    """Check that an issuer's answer means this server. Raises InvalidToken."""
    found = claims.get("aud")
    meant = [found] if isinstance(found, str) else found
    if not isinstance(meant, list) or not any(each in audience for each in meant):
        raise InvalidToken("audience", "the token is meant for another audience")
