"""Who may do what over HTTP, and how each refusal reads (RFC 6750, RFC 9728)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import falcon.asgi
import falcon.testing
import pytest

from runner.auth.verifier import Verifier
from runner.config import AuthSettings, ServiceSettings
from runner.config.settings import ScopeSettings
from runner.web import authenticate
from runner.web.app import create_app
from runner.web.policy import metadata_url
from tests.auth.conftest import SETTINGS, Issuer
from tests.auth.keyring import AUDIENCE, ISSUER, token
from tests.auth.test_tokens import BAD, KEYS
from tests.web.conftest import LIMITS, Application
from tests.web.twin import Log, Service, Services

ROW = "/predict?sepal length=1&sepal width=2"
POINTER = f'resource_metadata="{AUDIENCE}/.well-known/oauth-protected-resource"'
OPEN = {"/health/live", "/health/ready", "/alive", "/.well-known/oauth-protected-resource"}


def application(settings: AuthSettings, issuer: Issuer, *services: Service) -> Application:
    twin, log = Services(*services or (Service(),)), Log()
    app = create_app(twin, log, replace(LIMITS, actions=True))
    verifier = Verifier(settings, client=issuer) if settings.issuer else None  # type: ignore[arg-type]
    authenticate.install(app, settings, log, verifier)
    return Application(twin, log, falcon.testing.TestClient(AsUvicorn(app)))


class AsUvicorn:
    """Give an application lists in its scope, as uvicorn does; Falcon's client gives iterators."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["headers"] = [tuple(pair) for pair in scope["headers"]]
            scope["client"] = tuple(scope.get("client", ("127.0.0.1", 40_000)))
        await self.app(scope, receive, send)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def guarded(issuer: Issuer) -> Application:
    """One service, which only callers with tokens may use."""
    return application(SETTINGS, issuer)


def bearer(**changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(**changes)}"}


def _error(got: falcon.testing.Result) -> tuple[int, str, str | None]:
    return got.status_code, got.json["metadata"]["error"], got.headers.get("www-authenticate")


def test_with_a_token(guarded: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token with the scope is verified once, and answered then and later; the log has who."""
    verify, verified = Verifier.verify, []

    async def counted(self: Verifier, token: bytes) -> Any:
        verified.append(token)
        return await verify(self, token)

    monkeypatch.setattr(Verifier, "verify", counted)
    headers = bearer()
    for _ in range(2):
        got = guarded.client.simulate_get(ROW, headers=headers)
        assert (got.status_code, got.json["result"]) == (200, 3.0)
    assert [line["client"] for line in guarded.log.of("request")] == ["batch", "batch"]
    assert headers["Authorization"][7:] not in str(guarded.log.lines)
    assert len(verified) == 1


@pytest.mark.parametrize("given", [None, "Basic YTpi", "DPoP abc", "bearerabc", ""])
def test_without_a_token(guarded: Application, given: str | None) -> None:
    """Who brings no bearer token gets a bare challenge, without an error (RFC 6750 section 3.1)."""
    headers = {} if given is None else {"Authorization": given}
    got = guarded.client.simulate_get(ROW, headers=headers)
    assert _error(got) == (401, "unauthenticated", f"Bearer {POINTER}")
    assert guarded.services.asked == []


@pytest.mark.parametrize(
    "given", ["Bearer", "Bearer ", "Bearer a b", "Bearer ü", 'Bearer "a"', "Bearer a,b", "Bearer ="]
)
def test_malformed(guarded: Application, given: str) -> None:
    """A token that no token looks like is a request that is wrong."""
    got = guarded.client.simulate_get(ROW, headers={"Authorization": given})
    assert _error(got)[:2] == (400, "invalid_request")
    assert 'error="invalid_request"' in got.headers["www-authenticate"]


def test_two_fields(guarded: Application) -> None:
    """Two Authorization fields are refused, even if one of them is good, and known."""
    (good,) = bearer().items()
    guarded.client.simulate_get(ROW, headers=[good])
    for other in (good, ("Authorization", "Bearer x"), ("Authorization", "Basic YTpi")):
        for pair in ([good, other], [other, good]):
            got = guarded.client.simulate_get(ROW, headers=pair)
            assert _error(got)[:2] == (400, "invalid_request")


@pytest.mark.parametrize("with_header", [True, False])
@pytest.mark.parametrize("query", ["access_token={}", "sepal length=1&access_token={}"])
def test_token_in_the_query(guarded: Application, with_header: bool, query: str) -> None:
    """A token in a query string is never taken, and refused beside a good one too."""
    got = guarded.client.simulate_get(
        "/predict?" + query.format(token()), headers=bearer() if with_header else {}
    )
    assert _error(got)[:2] == (400, "invalid_request")


def test_token_in_a_form(guarded: Application) -> None:
    """A token in a body is not taken."""
    got = guarded.client.simulate_post(
        "/predict",
        body=f"access_token={token()}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert _error(got)[:2] == (401, "unauthenticated")


def test_bad_token(guarded: Application) -> None:
    """A token that is refused is a 401 that says why, to programs and to people."""
    got = guarded.client.simulate_get(ROW, headers=bearer(exp=1))
    told = 'error="invalid_token", error_description="the token has expired"'
    assert _error(got) == (401, "invalid_token", f"Bearer {told}, {POINTER}")
    assert got.json["metadata"]["details"] == [{"reason": "expired"}]
    assert [line["error"] for line in guarded.log.of("request")] == ["invalid_token"]


@pytest.mark.filterwarnings("ignore:The RSA key is 1024")
@pytest.mark.parametrize("name", BAD)
def test_every_class_of_bad_tokens(name: str, issuer: Issuer) -> None:
    """Over HTTP each class is a 401 `invalid_token` with its reason: no 500, and no answer."""
    issuer.keys = KEYS  # type: ignore[assignment]
    guarded = application(SETTINGS, issuer)
    reason, make = BAD[name]
    bad = make()
    got = guarded.client.simulate_get(ROW, headers={"Authorization": f"Bearer {bad}"})
    told = (got.status_code, got.json["metadata"]["error"])
    if "=." in bad:  # that cannot even stand in the field (RFC 6750 section 2.1)
        assert told == (400, "invalid_request")
        return
    assert told == (401, "invalid_token")
    assert got.json["metadata"]["details"] == [{"reason": reason}]
    assert 'error="invalid_token"' in got.headers["www-authenticate"]
    assert guarded.services.asked == []
    assert len(bad) < 3 or bad not in got.text + str(guarded.log.lines)


def test_oversized_token(guarded: Application) -> None:
    """A token too large to be one is refused, and looked at no further."""
    got = guarded.client.simulate_get(ROW, headers={"Authorization": "Bearer " + "a" * 20_000})
    assert (_error(got)[:2], got.json["metadata"]["details"]) == (
        (401, "invalid_token"),
        [{"reason": "too_large"}],
    )


def test_issuer_down(guarded: Application, issuer: Issuer) -> None:
    """If nobody can say whether a token is good, that is a 503, no 401: it may be good."""
    issuer.down = True
    got = guarded.client.simulate_get(ROW, headers=bearer())
    assert _error(got) == (503, "issuer_unavailable", None)
    assert got.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("path", "scope"), [(ROW, "predict"), ("/list", "models:read"), ("/services", "models:read")]
)
def test_scopes(guarded: Application, path: str, scope: str) -> None:
    """Each action needs its scope, and says which."""
    assert guarded.client.simulate_get(path, headers=bearer(scope=scope)).status_code == 200
    got = guarded.client.simulate_get(path, headers=bearer(scope="openid models:write"))
    status, code, challenge = _error(got)
    assert (status, code) == (403, "insufficient_scope")
    assert challenge is not None
    assert challenge.startswith('Bearer error="insufficient_scope", error_description="')
    assert challenge.endswith(f'scope="{scope}", {POINTER}')


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/fit"),
        ("POST", "/activate?model_version=1"),
        ("POST", "/update-model-cache"),
        ("POST", "/services/iris/fit"),
        ("DELETE", "/services/iris/versions/1"),
        ("DELETE", "/jobs/1"),
    ],
)
def test_scope_of_changes(guarded: Application, method: str, path: str) -> None:
    """Whoever may only predict and read changes nothing: nobody is asked to."""
    headers = bearer(scope="predict models:read")
    got = guarded.client.simulate_request(method, path, headers=headers)
    status, code, challenge = _error(got)
    assert (status, code) == (403, "insufficient_scope")
    assert 'scope="models:write"' in str(challenge)
    assert guarded.client.simulate_request(method, path).status_code == 401
    headers = bearer(scope="models:write")
    assert guarded.client.simulate_request(method, path, headers=headers).status_code < 300


def test_names_of_scopes(issuer: Issuer) -> None:
    """Scopes may have other names."""
    settings = replace(SETTINGS, scopes=ScopeSettings(predict="api://models/use"))
    guarded = application(settings, issuer)
    assert guarded.client.simulate_get(ROW, headers=bearer()).status_code == 403
    got = guarded.client.simulate_get(ROW, headers=bearer(scope="api://models/use"))
    assert got.status_code == 200


@pytest.mark.parametrize(
    ("client", "scope", "status", "code"),
    [
        ("batch", "predict", 200, None),
        ("other", "predict", 403, "insufficient_scope"),
        ("other", "predict iris:use", 200, None),
        ("batch", "models:read", 403, "insufficient_scope"),
        ("batch", "iris:use", 403, "insufficient_scope"),
    ],
)
def test_who_may_use_a_service(
    issuer: Issuer, client: str, scope: str, status: int, code: str | None
) -> None:
    """A service that names clients or scopes is for these alone, by whatever path."""
    settings = ServiceSettings(
        allow_clients=("batch",), allow_scopes=("iris:use",), entry_point="/flowers"
    )
    guarded = application(SETTINGS, issuer, Service(settings=settings), Service("free"))
    headers = bearer(client_id=client, scope=scope)
    query = ROW.partition("?")[2]
    for path in ("/predict", "/services/iris/predict", "/flowers", "/predict_proba"):
        got = guarded.client.simulate_get(f"{path}?{query}", headers=headers)
        assert (got.status_code, got.json["metadata"].get("error")) == (status, code)
    got = guarded.client.simulate_get(f"/services/free/predict?{query}", headers=headers)
    assert (got.status_code == 200) == ("predict" in scope)


def test_a_service_for_clients_only(issuer: Issuer) -> None:
    """Where no scope would help, none is asked for."""
    settings = ServiceSettings(allow_clients=("one",))
    guarded = application(SETTINGS, issuer, Service(settings=settings))
    got = guarded.client.simulate_get(ROW, headers=bearer())
    assert _error(got) == (403, "forbidden", None)
    assert got.json["metadata"]["service_name"] == "iris"


def test_services_are_not_told_to_those_who_may_not_predict(guarded: Application) -> None:
    """Which services there are is not to be found out by asking for them."""
    answers = [
        guarded.client.simulate_get(f"/services/{name}/predict", headers=bearer(scope="other"))
        for name in ("iris", "none")
    ]
    told = [{**got.json["metadata"], "request_id": ""} for got in answers]
    assert told[0] == told[1]


def _paths(app: falcon.asgi.App[Any, Any]) -> Iterator[str]:
    def walk(nodes: Any) -> Iterator[str]:
        for node in nodes:
            if node.uri_template:
                yield node.uri_template
            yield from walk(node.children)

    return walk(app._router._roots)


def test_every_route_wants_a_caller(guarded: Application) -> None:
    """Whatever is not named as open, routes of tomorrow and unknown paths too, wants a token."""
    paths = {path.replace("{service}", "iris") for path in _paths(guarded.client.app.app)}
    assert len(paths) >= 11
    for path in {*paths, "/nowhere", "/health/live/", "//alive", "/Health/live"} - OPEN:
        for method in ("GET", "POST", "HEAD", "OPTIONS", "DELETE"):
            got = guarded.client.simulate_request(method, path)
            assert (path, method, got.status_code) == (path, method, 401)


def test_every_route_wants_a_scope(guarded: Application) -> None:
    """A token without scopes opens nothing that one has to be known for."""
    headers = bearer(scope=None)
    paths = {path.replace("{service}", "iris") for path in _paths(guarded.client.app.app)} - OPEN
    paths -= {"/usage"}  # tells who may not read of their own use, which is theirs to know
    for path in paths:
        answers = {
            guarded.client.simulate_request(method, path, headers=headers).status_code
            for method in ("GET", "POST", "DELETE")
        }
        assert 403 in answers, path
        assert answers <= {403, 405}, path


@pytest.mark.parametrize("path", ["/alive", "/health/ready"])
def test_details_only_to_those_who_may_read(guarded: Application, path: str) -> None:
    """Whether a server is well, anybody may know; what is in it, only those who may read."""
    guarded.services.services["b"] = Service("b", state="starting", reason="s3cret reason")
    got = guarded.client.simulate_get(path)
    assert (got.status_code, "iris" in got.text, "s3cret" in got.text) == (503, False, False)
    guarded.services.services.pop("b")
    got = guarded.client.simulate_get(path)
    assert (got.status_code, "iris" in got.text) == (200, False)


def test_alive(guarded: Application) -> None:
    """/alive tells all to who may read, and refuses a bad token as everything does."""
    got = guarded.client.simulate_get("/alive", headers=bearer())
    assert (got.status_code, list(got.json["services"])) == (200, ["iris"])
    assert (
        "services"
        not in guarded.client.simulate_get("/alive", headers=bearer(scope="predict")).json
    )
    assert guarded.client.simulate_get("/alive", headers=bearer(exp=1)).status_code == 401


def test_probes_need_no_issuer(guarded: Application, issuer: Issuer) -> None:
    """Probes are answered whatever they bring, while the issuer is down too."""
    issuer.down = True
    for path in ("/health/live", "/health/ready"):
        for headers in ({}, {"Authorization": "Bearer x"}, bearer()):
            assert guarded.client.simulate_get(path, headers=headers).status_code == 200


def test_metadata(guarded: Application) -> None:
    """Clients are told where to get a token (RFC 9728 section 3.2)."""
    got = guarded.client.simulate_get("/.well-known/oauth-protected-resource")
    assert got.headers["content-type"] == "application/json"
    assert got.json == {
        "resource": AUDIENCE,
        "authorization_servers": [ISSUER],
        "scopes_supported": ["predict", "models:read", "models:write"],
        "bearer_methods_supported": ["header"],
    }


def test_metadata_of_a_resource_with_a_path(issuer: Issuer) -> None:
    """A path of the resource stands behind the well-known one (RFC 9728 section 3.1)."""
    guarded = application(replace(SETTINGS, resource="https://a.example/models/"), issuer)
    pointer = "https://a.example/.well-known/oauth-protected-resource/models"
    assert metadata_url("https://a.example/models/") == pointer
    got = guarded.client.simulate_get(ROW)
    assert _error(got)[2] == f'Bearer resource_metadata="{pointer}"'
    path = pointer.removeprefix("https://a.example")
    assert guarded.client.simulate_get(path).json["resource"] == "https://a.example/models/"


PROXY = AuthSettings(
    trusted_header="X-Forwarded-Client",
    trusted_from=("127.0.0.1/32", "10.0.0.0/8", "::1/128"),
    grant=("predict",),
)


@pytest.fixture
def proxied() -> Application:
    """One service behind a proxy that tells who calls."""
    return application(PROXY, Issuer())


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "::ffff:127.0.0.1", "::1"])
def test_word_of_the_proxy(proxied: Application, peer: str) -> None:
    """The client that the proxy names is the caller, with the scopes that are granted."""
    headers = {"X-Forwarded-Client": "CN=batch, O=Example"}
    got = proxied.client.simulate_get(ROW, headers=headers, remote_addr=peer)
    assert got.status_code == 200
    assert proxied.log.of("request")[0]["client"] == "CN=batch, O=Example"
    got = proxied.client.simulate_get("/list", headers=headers, remote_addr=peer)
    assert (got.status_code, got.json["metadata"]["error"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("peer", ["192.0.2.1", "127.0.0.2", "::ffff:192.0.2.1", "nonsense"])
def test_word_of_anybody(proxied: Application, peer: str) -> None:
    """The field is not believed from elsewhere."""
    got = proxied.client.simulate_get(
        ROW, headers={"X-Forwarded-Client": "batch"}, remote_addr=peer
    )
    assert _error(got) == (401, "unauthenticated", None)


def test_a_proxy_that_names_nobody(proxied: Application) -> None:
    """Without the field nobody is known; a token does not help where none is looked at."""
    assert proxied.client.simulate_get(ROW).status_code == 401
    assert proxied.client.simulate_get(ROW, headers=bearer()).status_code == 401
    assert proxied.client.simulate_get("/alive").json["result"] == "alive"


@pytest.mark.parametrize(
    "values", [["a", "b"], ["a", "a"], [""], [" "], ["x" * 300], ["a\x01b"], ["ü"]]
)
def test_a_proxy_that_is_unclear(proxied: Application, values: list[str]) -> None:
    """A field that comes twice, or with something that is no name, is refused."""
    headers = [("X-Forwarded-Client", value) for value in values]
    got = proxied.client.simulate_get(ROW, headers=headers)
    assert _error(got)[:2] == (400, "invalid_request")


def test_nobody_is_asked_who_they_are_without_auth(web: Application) -> None:
    """Without the setting nothing changes, and tokens are not looked at."""
    assert web.client.simulate_get(ROW, headers={"Authorization": "Bearer x"}).status_code == 200
    assert web.client.simulate_get("/.well-known/oauth-protected-resource").status_code == 404
