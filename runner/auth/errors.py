"""Why a caller is not recognised.

    AuthError
    ├── InvalidToken         the token is none that we accept; `reason` says why, for programs
    ├── MalformedRequest     the request does not carry its token as it should
    └── IssuerUnavailable    nobody can say at this moment whether the token is good

No message repeats anything of a token.
"""

from __future__ import annotations


class AuthError(Exception):
    """A caller could not be recognised."""


class InvalidToken(AuthError):
    """A token that is refused; ``reason`` is one word of `runner.auth.tokens.REASONS`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message


class MalformedRequest(AuthError):
    """A request that names its caller in no way, or in more ways, than one can follow."""


class IssuerUnavailable(AuthError):
    """The issuer does not answer, or not as it should, and nothing that is cached will do."""
