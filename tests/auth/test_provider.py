"""The whole way, with a real authorization server: tokens, rotation, opaque tokens, an outage."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import psutil
import pytest

from runner.config import AuthSettings
from runner.config.auth import ALGORITHMS
from runner.config.settings import IntrospectionSettings
from runner.web.limits import Limits
from tests.auth.provider import AUDIENCE, OPAQUE, Provider, provider
from tests.requirements import need
from tests.serving.project import tricky
from tests.serving.server import serving as serving_all
from tests.serving.server import until
from tests.web.conftest import Server, serving

pytestmark = need("node")

ROW = "/predict?sepal%20length=20&sepal%20width=22"
REQUESTS = 10_000


@pytest.fixture(scope="module")
def issuer() -> Iterator[Provider]:
    with provider() as running:
        yield running


def settings_of(issuer: Provider, **changes: Any) -> AuthSettings:
    settings = AuthSettings(
        issuer=issuer.issuer,
        audience=(AUDIENCE,),
        resource=AUDIENCE,
        algorithms=ALGORITHMS,
        introspection=IntrospectionSettings("runner", "runner:secret", cache=1.0),
    )
    return replace(settings, **changes)


@pytest.fixture(scope="module")
def server(issuer: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two front-ends in front of a model in memory."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, Limits(), auth=settings_of(issuer), workers=2) as running:
        yield running


def ask(server: Server, token: str | None, path: str = ROW) -> tuple[int, Any, dict[str, str]]:
    """Ask on a new connection, which either front-end may get."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=_bearer(token))
        response = connection.getresponse()
        return response.status, json.loads(response.read()), dict(response.getheaders())


def _bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def test_token_by_client_credentials(issuer: Provider, server: Server) -> None:
    """A token of the real thing opens the door of every front-end; half of one does not."""
    token = issuer.token()
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    for _ in range(8):
        status, body, _ = ask(server, token)
        assert (status, body["result"]) == (200, 42.0)
    status, body, headers = ask(server, None)
    assert (status, body["metadata"]["error"]) == (401, "unauthenticated")
    pointer = headers["www-authenticate"].partition('resource_metadata="')[2].rstrip('"')
    told = ask(server, None, pointer.removeprefix(AUDIENCE))[1]
    assert told["authorization_servers"] == [issuer.issuer]
    status, body, _ = ask(server, token[:-2])
    assert (status, body["metadata"]["error"]) == (401, "invalid_token")


def test_scopes_and_audience_of_the_issuer(issuer: Provider, server: Server) -> None:
    """What the issuer has granted is what may be done; a token for somebody else opens nothing."""
    reader = issuer.token(scope="models:read")
    assert ask(server, reader, "/list")[0] == 200
    assert ask(server, reader)[0] == 403
    status, body, _ = ask(server, issuer.token("https://other.example"))
    assert (status, body["metadata"]["details"]) == (401, [{"reason": "audience"}])


def test_opaque_tokens(issuer: Provider, tmp_path: Path) -> None:
    """An opaque token is asked about; once it is revoked, it ends with the cache."""
    settings = settings_of(issuer, audience=(AUDIENCE, OPAQUE))
    with serving(tmp_path, Limits(), auth=settings) as server:
        token = issuer.token(OPAQUE, "predict")
        assert "." not in token
        for _ in range(3):
            assert ask(server, token)[0] == 200
        assert ask(server, token, "/list")[0] == 403
        issuer.revoke(token)
        status, body, _ = until(lambda: (got := ask(server, token))[0] != 200 and got, 10)
        assert (status, body["metadata"]["details"]) == (401, [{"reason": "inactive"}])
        assert token not in server.errors.read_text()


def test_no_token_in_the_log(issuer: Provider, server: Server) -> None:
    """No log line has a token, or a part of one, whatever became of it."""
    token = issuer.token()
    ask(server, token)
    ask(server, token[:-2])
    ask(server, None, f"/predict?access_token={token}")
    log = server.errors.read_text()
    assert '"client":"batch"' in log
    assert [part for part in token.split(".") if part in log] == []


def test_a_dropped_key(issuer: Provider, tmp_path: Path) -> None:
    """A key that the issuer publishes no more stops within the time that keys are kept."""
    with serving(tmp_path, Limits(), auth=settings_of(issuer, key_cache=3.0)) as server:
        old = issuer.token()
        assert ask(server, old)[0] == 200
        dropped = time.monotonic()
        issuer.rotate(drop=True)
        status, body, _ = until(lambda: (got := ask(server, old))[0] != 200 and got, 20)
        # A fetch takes its time, and comes at most once in five seconds.
        assert time.monotonic() - dropped < 3.0 + 5.0 + 5.0
        assert (status, body["metadata"]["details"]) == (401, [{"reason": "unknown_key"}])
        assert ask(server, issuer.token())[0] == 200


def test_an_outage(issuer: Provider, server: Server) -> None:
    """While the issuer is away known keys serve on; a token of an unknown key is a 503, no 401."""
    tokens = [issuer.token() for _ in range(10)]
    for _ in range(8):
        assert ask(server, tokens[0])[0] == 200
    with provider() as other:
        stranger = other.token()
    issuer.stop()
    try:
        assert [ask(server, token)[0] for token in tokens * 3] == [200] * 30
        for front_end in psutil.Process(server.process.pid).children():
            front_end.kill()  # those that gunicorn starts in their place have never seen the issuer
        assert [_again(server, token) for token in tokens * 3] == [200] * 30
        assert ask(server, "opaque")[0] == 503
        assert ask(server, stranger)[0] == 401  # another issuer's, which needs no asking
    finally:
        issuer.start()  # with new keys
    until(lambda: ask(server, issuer.token())[0] == 200, 15)


def _again(server: Server, token: str) -> int:
    """Ask until there is an answer: front-ends that are killed take connections along."""

    def status() -> int:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return ask(server, token)[0]
        return 0

    found: int = until(status, 30, "the server answers")
    return found


class Clients(threading.Thread):
    """A client that gets a new token every few requests, as clients with short tokens do."""

    def __init__(self, issuer: Provider, server: Server, count: int) -> None:
        super().__init__()
        self.statuses: Counter[tuple[int, str]] = Counter()
        self.wrong = 0
        self._issuer, self._server, self._count = issuer, server, count

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        for number in range(self._count):
            if number % 50 == 0:
                token = self._issuer.token()
            x = 1000 + number
            path = f"/predict?sepal%20length={x}&sepal%20width=1"
            status, error = 503, "issuer_unavailable"
            while (status, error) == (503, "issuer_unavailable"):
                # An issuer on a busy machine may be slower than it is waited for: ask again.
                connection.request("GET", path, headers=_bearer(token))
                response = connection.getresponse()
                body = json.loads(response.read())
                status, error = response.status, body["metadata"].get("error", "")
            self.statuses[status, error] += 1
            self.wrong += status == 200 and body["result"] != x + 1.0
        connection.close()


def test_rotation_under_load(issuer: Provider, server: Server) -> None:
    """10,000 requests while the keys rotate again and again: not one is refused falsely."""
    clients = [Clients(issuer, server, REQUESTS // 8) for _ in range(8)]
    rotations = 0
    for client in clients:
        client.start()
    while any(client.is_alive() for client in clients):
        # All keys stay published: whoever refuses one, refuses falsely.
        time.sleep(1.5)
        issuer.rotate()
        rotations += 1
    for client in clients:
        client.join()
    statuses = sum((client.statuses for client in clients), Counter[tuple[int, str]]())
    assert (statuses, sum(client.wrong for client in clients)) == ({(200, ""): REQUESTS}, 0)
    assert rotations >= 2


def test_a_whole_server(issuer: Provider, tmp_path: Path) -> None:
    """`runner serve` with the config's `auth`: real front-end, real worker, real issuer."""
    project = tricky(tmp_path / "tricks", service="allow_clients: [batch]")
    with project.config.open("a") as config:
        config.write(f"\nauth: {{issuer: {issuer.issuer}, audience: {AUDIENCE}}}\n")
    project.fit()
    with serving_all(project, options=("--host", "0.0.0.0")) as server:
        assert server.get("/predict?x=1")[0] == 401
        got = server.request("GET", "/predict?x=4", Authorization=f"Bearer {issuer.token()}")
        assert (got[0], got[1]["result"]) == (200, 8.0)
        (told,) = [event for event in server.events if event["event"] == "authentication"]
        assert (told["issuer"], told["read_from"]) == (issuer.issuer, str(project.config))
