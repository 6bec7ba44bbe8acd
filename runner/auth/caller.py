"""Name who a request comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that was recognised, on behalf of a user or of itself."""

    client_id: str
    user_id: str | None = None
    """The token's subject; None where a client acts for itself (RFC 9068 section 2.2)."""
    scopes: frozenset[str] = frozenset()
    token_digest: str | None = None
    """sha256 (hex) of the token's jti, for records; None if it has none."""
