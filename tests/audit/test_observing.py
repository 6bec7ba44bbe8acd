"""What is recorded of a request, and what is not: an application in memory, a real trail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import falcon.testing
import pytest

from runner.audit.opening import open_audit
from runner.auth.caller import Caller
from runner.auth.verifier import Verifier
from runner.config.settings import AuditSettings, AuthSettings, ServiceSettings
from runner.web import authenticate
from runner.web.app import create_app
from runner.web.problems import Problem
from tests.audit.test_record import VALIDATOR
from tests.auth.conftest import SETTINGS, Issuer
from tests.auth.keyring import token
from tests.web.conftest import LIMITS
from tests.web.test_authenticate import AsUvicorn
from tests.web.twin import Log, Service, Services

QUERY = "/predict?sepal length=1&sepal width=2"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Doorman:
    """Middleware that knows one caller, and lets nobody else in."""

    async def process_request(self, req: Any, resp: Any) -> None:
        if req.get_header("Authorization") != "Bearer good":
            raise Problem(401, "invalid_token", "who are you?")
        req.caller = Caller("billing", "anna", frozenset(), "ab" * 32)


def guarded(app: Any) -> None:
    app.add_middleware(Doorman())


def answered(
    folder: Path,
    path: str,
    *,
    method: str = "GET",
    body: Any = None,
    inputs: bool = False,
    install: Callable[[Any], None] = lambda _: None,
    **headers: str | list[str],
) -> list[Any]:
    """Ask once; give the records, each of them checked against the schema."""
    audit = open_audit(AuditSettings(path=folder / "log"))
    assert audit is not None
    services = Services(
        Service(),
        Service("flowers", settings=ServiceSettings(entry_point="/flowers")),
    )
    limits = replace(LIMITS, actions=True, max_body=10_000_000, max_rows=100_000)
    app = create_app(services, Log(), limits, audit=audit, inputs=inputs)
    install(app)
    falcon.testing.TestClient(AsUvicorn(app)).simulate_request(
        method,
        path,
        json=body,
        headers=[
            (name.replace("_", "-"), value)
            for name, values in headers.items()
            for value in ([values] if isinstance(values, str) else values)
        ],
    )
    audit.close()
    told = [json.loads(line) for line in (folder / "log").read_bytes().splitlines()]
    for each in told:
        VALIDATOR.validate(each)
    return told


def test_a_caller(tmp_path: Path) -> None:
    """Client and user stand in the record; of the token the beginning of its digest."""
    (told,) = answered(tmp_path, QUERY, install=guarded, Authorization="Bearer good")
    assert (told["client.id"], told["user.id"]) == ("billing", "anna")
    assert told["runner.token.digest"] == "ab" * 8
    assert "good" not in json.dumps(told)


@pytest.mark.parametrize(
    ("path", "action"),
    [
        (QUERY, "predict"),
        ("/services/iris/predict_proba", "predict"),
        ("/flowers", "predict"),  # an entry point
        ("/list", "access"),
        ("/nothing", "access"),
        ("/nothing/predict", "access"),
    ],
)
def test_refused_access(tmp_path: Path, path: str, action: str) -> None:
    """Who is not let in leaves a record, and the token that was tried does not."""
    (told,) = answered(tmp_path, path, install=guarded, Authorization="Bearer stolen")
    assert (told["event.action"], told["http.response.status_code"]) == (action, 401)
    assert told["error.code"] == "invalid_token"
    assert "stolen" not in json.dumps(told)


@pytest.mark.parametrize(
    ("given", "query", "status", "code"),
    [
        (["Bearer a b"], "", 400, "invalid_request"),
        (["Bearer a", "Bearer b"], "", 400, "invalid_request"),
        ([], "?access_token=a", 400, "invalid_request"),
        ([f"Bearer {token()}"], "", 503, "issuer_unavailable"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path", "action"),
    [("GET", "/predict", "predict"), ("POST", "/activate", "access"), ("GET", "/list", "access")],
)
def test_callers_who_cannot_be_known(
    tmp_path: Path,
    method: str,
    path: str,
    action: str,
    given: list[str],
    query: str,
    status: int,
    code: str,
) -> None:
    """What is answered before anybody knows who asks leaves a record as well."""
    issuer = Issuer()
    issuer.down = True
    verifier = Verifier(SETTINGS, client=issuer)  # type: ignore[arg-type]
    (told,) = answered(
        tmp_path, path + query, method=method, Authorization=given,
        install=lambda app: authenticate.install(app, SETTINGS, Log(), verifier),
    )  # fmt: skip
    found = told["event.action"], told["http.response.status_code"], told["error.code"]
    assert found == (action, status, code)


def test_what_a_proxy_says_in_two_ways(tmp_path: Path) -> None:
    """The same where a proxy tells who asks."""
    settings = AuthSettings(trusted_header="X-Client", trusted_from=("127.0.0.0/8",))
    (told,) = answered(
        tmp_path, "/predict", X_Client=["a", "b"],
        install=lambda app: authenticate.install(app, settings, Log()),
    )  # fmt: skip
    assert (told["event.action"], told["error.code"]) == ("predict", "invalid_request")


@pytest.mark.parametrize("path", ["/predict", "/services/iris/predict", "/flowers"])
def test_a_method_that_predicts_nothing(tmp_path: Path, path: str) -> None:
    """A wrong method is a prediction that failed."""
    (told,) = answered(tmp_path, path, method="PUT")
    assert (told["event.action"], told["http.response.status_code"]) == ("predict", 405)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_bytes_that_leave(tmp_path: Path, method: str) -> None:
    """What HEAD does not send is not counted; the prediction is."""
    (told,) = answered(tmp_path, QUERY, method=method)
    assert (told["runner.rows"], told["http.response.status_code"]) == (1, 200)
    assert (told["http.response.body.bytes"] > 0) == (method == "GET")


def test_no_record(tmp_path: Path) -> None:
    """What is neither a prediction nor refused leaves none."""
    assert answered(tmp_path, "/list") == []
    assert answered(tmp_path, "/nowhere") == []


def test_trace_of_the_caller(tmp_path: Path) -> None:
    """A caller's trace is kept."""
    (told,) = answered(tmp_path, QUERY, traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    assert told["trace.id"] == TRACE


def test_trace_made_here(tmp_path: Path) -> None:
    """Without one, or with a bad one, a trace is made: the request's own id if that is ours."""
    (told,) = answered(tmp_path, QUERY, traceparent=f"00-{TRACE}-bad")
    assert told["trace.id"] == told["http.request.id"]


def test_trace_beside_a_given_id(tmp_path: Path) -> None:
    """A caller's request id is no trace."""
    (told,) = answered(tmp_path, QUERY, X_Request_Id="order-17")
    assert told["http.request.id"] == "order-17"
    assert len(told["trace.id"]) == 32


@pytest.mark.parametrize("rows", [50_000, 50_001])
def test_inputs_of_a_large_request(tmp_path: Path, rows: int) -> None:
    """Values are recorded up to 100,000 of them; of a larger request the record has none."""
    body = [{"sepal length": 1.0, "sepal width": 2.0}] * rows
    (told,) = answered(tmp_path, "/predict", method="POST", body=body, inputs=True)
    assert (told["runner.rows"], told["http.response.status_code"]) == (rows, 200)
    values = {"sepal length": [1.0] * rows, "sepal width": [2.0] * rows}
    assert told.get("runner.inputs") == (values if rows == 50_000 else None)
