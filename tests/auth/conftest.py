"""An issuer in memory, whose clock and keys a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from runner.auth.clock import Clock
from runner.auth.errors import IssuerUnavailable
from runner.auth.verifier import Verifier
from runner.config import AuthSettings
from runner.config.auth import ALGORITHMS
from tests.auth.keyring import AUDIENCE, ISSUER, jwk

SETTINGS = AuthSettings(
    issuer=ISSUER, audience=(AUDIENCE,), resource=AUDIENCE, algorithms=ALGORITHMS
)


@dataclass
class Issuer:
    """The in-memory twin of runner.auth.http.Client: documents by URL, and what was asked."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: [jwk("rsa-1")])
    metadata: dict[str, Any] = field(
        default_factory=lambda: {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/jwks",
            "introspection_endpoint": f"{ISSUER}/introspect",
        }
    )
    about: dict[str, Any] = field(default_factory=dict)
    """Answers to introspection, by token."""
    down: bool = False
    asked: list[str] = field(default_factory=list)

    async def get(self, url: str) -> Any:
        self.asked.append(url.removeprefix(ISSUER))
        if self.down:
            raise IssuerUnavailable("the issuer is down")
        documents = {
            f"{ISSUER}/.well-known/oauth-authorization-server": self.metadata,
            f"{ISSUER}/jwks": {"keys": self.keys},
        }
        if url not in documents:
            raise IssuerUnavailable(f"{url} answered 404")
        return documents[url]

    async def post(self, url: str, form: dict[str, str], user: str, password: str) -> Any:
        self.asked.append(url.removeprefix(ISSUER))
        if self.down:
            raise IssuerUnavailable("the issuer is down")
        assert (user, password, form["token_type_hint"]) == ("runner", "s3cret", "access_token")
        return self.about.get(form["token"], {"active": False})

    async def close(self) -> None:
        pass

    @property
    def fetches(self) -> int:
        """How often the keys were fetched."""
        return self.asked.count("/jwks")


@dataclass
class Time:
    """Two clocks that stand still until they are moved."""

    wall: float = 1_700_000_000.0
    steady: float = 1000.0

    def move(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.steady)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def verifier(issuer: Issuer) -> AsyncIterator[Verifier]:
    """A verifier of that issuer, by the real clocks."""
    found = Verifier(SETTINGS, client=issuer)  # type: ignore[arg-type]
    yield found
    await found.close()
