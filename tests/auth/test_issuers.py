"""Asking an issuer: its metadata, its word about opaque tokens, and all that may go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from runner.auth import http
from runner.auth.caller import Caller
from runner.auth.discovery import Issuer as Discovered
from runner.auth.discovery import discover, places
from runner.auth.errors import InvalidToken, IssuerUnavailable
from runner.auth.http import Client
from runner.auth.known import KnownTokens
from runner.auth.verifier import Verifier
from runner.config.settings import IntrospectionSettings
from tests.auth.conftest import SETTINGS, Issuer, Time
from tests.auth.keyring import AUDIENCE, ISSUER, token


@pytest.mark.parametrize(
    ("issuer", "urls"),
    [
        (
            "https://a.example",
            [
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration",
            ],
        ),
        (
            "https://a.example:8443/realms/main/",
            [
                "https://a.example:8443/.well-known/oauth-authorization-server/realms/main",
                "https://a.example:8443/realms/main/.well-known/openid-configuration",
            ],
        ),
    ],
)
def test_places(issuer: str, urls: list[str]) -> None:
    """Metadata are where RFC 8414 section 3.1 and OpenID Connect Discovery section 4 have them."""
    assert list(places(issuer)) == urls


class Documents:
    """An issuer's documents by URL."""

    def __init__(self, **found: Any) -> None:
        self.found = {f"{ISSUER}/.well-known/{name}": value for name, value in found.items()}
        self.asked = 0

    async def get(self, url: str) -> Any:
        self.asked += 1
        if url not in self.found:
            raise IssuerUnavailable(f"{url} answered 404")
        return self.found[url]


SOUND = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"}
OAUTH, OPENID = "oauth-authorization-server", "openid-configuration"


async def test_the_first_place_counts() -> None:
    """Where RFC 8414's place has metadata, OpenID's is not looked at."""
    documents = Documents(**{OAUTH: SOUND, OPENID: {**SOUND, "jwks_uri": "https://b.example"}})
    assert (await discover(documents, ISSUER)).jwks_uri == f"{ISSUER}/jwks"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "first",
    [None, "<html>", [], {}, {**SOUND, "issuer": "https://evil.example"}, {"issuer": ISSUER}],
)
async def test_the_second_place(first: Any) -> None:
    """What is no metadata of this very issuer is passed over for OpenID's place."""
    found = {OPENID: SOUND} | ({} if first is None else {OAUTH: first})
    assert (await discover(Documents(**found), ISSUER)).jwks_uri == f"{ISSUER}/jwks"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": f"{ISSUER}/"},
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 5},
        {"jwks_uri": "http://issuer.example/jwks"},
        {"jwks_uri": "http://127.0.0.1/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://["},
        {"introspection_endpoint": "http://issuer.example/"},
    ],
)
async def test_metadata_that_is_refused(changes: dict[str, Any]) -> None:
    """Another issuer's metadata, and endpoints that are not https, are refused, and say so."""
    documents = Documents(**{OAUTH: {**SOUND, **changes}})
    with pytest.raises(IssuerUnavailable) as caught:
        await discover(documents, ISSUER)  # type: ignore[arg-type]
    assert f"{ISSUER}/.well-known/{OAUTH}: " in str(caught.value)


async def test_metadata_are_kept(time: Time) -> None:
    """Metadata are asked for once an hour, once at a time, and older ones serve while they must."""
    documents = Documents(**{OAUTH: SOUND})
    issuer = Discovered(documents, ISSUER, time.clock)  # type: ignore[arg-type]
    await asyncio.gather(*(issuer.metadata() for _ in range(10)))
    assert documents.asked == 1
    time.move(3601.0)
    documents.found.clear()
    for _ in range(10):
        assert (await issuer.metadata()).jwks_uri == f"{ISSUER}/jwks"
    assert documents.asked == 3


# --- introspection ---

ACTIVE = {"active": True, "client_id": "batch", "sub": "anna", "aud": AUDIENCE, "scope": "predict"}


@pytest.fixture
def asking(issuer: Issuer, time: Time) -> Verifier:
    credentials = IntrospectionSettings("runner", "s3cret", cache=20.0)
    settings = replace(SETTINGS, introspection=credentials)
    return Verifier(settings, time.clock, issuer)  # type: ignore[arg-type]


async def test_opaque_token(asking: Verifier, issuer: Issuer, time: Time) -> None:
    """The issuer's word gives the caller, and is believed as long as the config says."""
    issuer.about["opaque"] = {**ACTIVE, "exp": time.wall + 300}
    caller = await asking.verify(b"opaque")
    assert (caller.client_id, caller.user_id, caller.scopes) == ("batch", "anna", {"predict"})
    time.move(19.9)
    assert asking.known(b"opaque") is caller
    time.move(0.2)
    assert asking.known(b"opaque") is None


async def test_opaque_tokens_fail_closed(asking: Verifier, issuer: Issuer, time: Time) -> None:
    """When the issuer is down, nothing is let through but what it has said a moment ago."""
    issuer.about["opaque"] = ACTIVE
    await asking.verify(b"opaque")
    issuer.down = True
    assert asking.known(b"opaque") is not None
    with pytest.raises(IssuerUnavailable):
        await asking.verify(b"another")
    time.move(20.0)
    assert asking.known(b"opaque") is None
    with pytest.raises(IssuerUnavailable):
        await asking.verify(b"opaque")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"active": False}, "inactive"),
        ({**ACTIVE, "active": False}, "inactive"),
        ({**ACTIVE, "aud": "https://other.example"}, "audience"),
        ({**ACTIVE, "aud": None}, "audience"),
        ({**ACTIVE, "aud": {AUDIENCE: 1}}, "audience"),
        ({**ACTIVE, "iss": "https://evil.example"}, "issuer"),
        ({**ACTIVE, "exp": 1}, "expired"),
        ({**ACTIVE, "exp": "tomorrow"}, "claim"),
        ({**ACTIVE, "nbf": 9_000_000_000}, "not_yet_valid"),
        ({**ACTIVE, "token_type": "DPoP"}, "type"),
        ({**ACTIVE, "cnf": {"jkt": "a"}}, "bound"),
        ({**ACTIVE, "client_id": None}, "missing_claim"),
        ({**ACTIVE, "client_id": "a\nb"}, "claim"),
    ],
)
async def test_opaque_token_refused(
    asking: Verifier, issuer: Issuer, answer: dict[str, Any], reason: str
) -> None:
    """What an issuer says of a token is checked as a token's own claims are."""
    issuer.about["opaque"] = answer
    with pytest.raises(InvalidToken) as caught:
        await asking.verify(b"opaque")
    assert caught.value.reason == reason
    assert asking.known(b"opaque") is None


@pytest.mark.parametrize("answer", [None, [], {}, {"active": "true"}, {"active": 1}, "active"])
async def test_no_answer_is_no_yes(asking: Verifier, issuer: Issuer, answer: Any) -> None:
    """An answer that has no clear `active` lets nobody through."""
    issuer.about["opaque"] = answer
    with pytest.raises(IssuerUnavailable):
        await asking.verify(b"opaque")


async def test_one_question_at_a_time(asking: Verifier, issuer: Issuer) -> None:
    """Many requests with the same new token are one question; JWTs are never asked about."""
    issuer.about["opaque"] = ACTIVE
    await asyncio.gather(*(asking.verify(b"opaque") for _ in range(20)))
    assert issuer.asked.count("/introspect") == 1
    with pytest.raises(InvalidToken):
        await asking.verify(token(exp=1).encode())
    assert issuer.asked.count("/introspect") == 1


async def test_an_issuer_without_introspection(asking: Verifier, issuer: Issuer) -> None:
    """Without an endpoint nobody can say."""
    del issuer.metadata["introspection_endpoint"]
    with pytest.raises(IssuerUnavailable):
        await asking.verify(b"opaque")


def test_known_tokens_are_bounded(time: Time) -> None:
    """Only so many tokens are remembered; those asked for last stay; a minute is the most."""
    known = KnownTokens(time.clock, size=3)
    for number in range(3):
        known.add(bytes([number]), Caller(str(number)), time.wall + 999, time.steady + 999)
    assert known.get(b"\0") is not None
    known.add(b"\3", Caller("3"), time.wall + 999, time.steady + 999)
    assert [known.get(bytes([n])) is not None for n in range(4)] == [True, False, True, True]
    time.move(59.9)
    assert known.get(b"\3") is not None
    time.move(0.2)
    assert known.get(b"\3") is None
    assert len(known) == 2


def test_setting_the_clock_back_lengthens_nothing(time: Time) -> None:
    """A clock that is set back by an hour does not make a memory last an hour more."""
    known = KnownTokens(time.clock)
    known.add(b"a", Caller("a"), time.wall + 999, time.steady + 999)
    time.wall -= 3600.0
    time.steady += 61.0
    assert known.get(b"a") is None


# --- the HTTP client, against a real server that misbehaves ---

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def server() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Serve a handler on a free port; gives the URL."""
    runners = []

    async def serve(handler: Handler) -> str:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/"

    yield serve
    for runner in runners:
        await runner.cleanup()


async def _slow(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(5.0)
    return web.json_response({})


async def _redirect(request: web.Request) -> web.StreamResponse:
    if request.path == "/else":
        return web.json_response({"reached": True})
    raise web.HTTPFound("/else")


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"{")
    assert request.transport is not None
    request.transport.abort()
    return response


async def _huge(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b" " * 65_536)
    return response


def _answering(**answer: Any) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(**answer)

    return handler


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (_slow, "TimeoutError"),
        (_redirect, "answered 302"),
        (_cut, "Payload"),
        (_huge, "more than 1048576 bytes"),
        (_answering(text="<html>"), "no JSON"),
        (_answering(body=b"\xff"), "no JSON"),
        (_answering(text="[" * 100_000), "no JSON"),
        (_answering(status=500, text="{}"), "answered 500"),
        (_answering(status=204), "answered 204"),
    ],
)
async def test_issuers_that_misbehave(
    handler: Handler, told: str, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a server does instead of answering JSON in time is one kind of failure."""
    monkeypatch.setattr(http, "TIMEOUT", 0.5)
    client = Client()
    with pytest.raises(IssuerUnavailable) as caught:
        await client.get(await server(handler))
    await client.close()
    assert told in str(caught.value)


async def test_nobody_there() -> None:
    """A port where nobody listens is that failure, too."""
    client = Client()
    with pytest.raises(IssuerUnavailable):
        await client.get("http://127.0.0.1:1/")
    await client.close()


async def test_credentials(server: Any) -> None:
    """Credentials travel by HTTP Basic, encoded as RFC 6749 section 2.3.1 has it."""
    seen = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((request.headers["Authorization"], dict(await request.post())))
        return web.json_response({"active": False})

    client = Client()
    await client.post(await server(handler), {"token": "a b"}, "a:b", "ü c")
    await client.close()
    # base64 of "a%3Ab:%C3%BC+c"
    assert seen == [("Basic YSUzQWI6JUMzJUJDK2M=", {"token": "a b"})]
