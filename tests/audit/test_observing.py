"""What is recorded of a request, and what is not: an application in memory, a real trail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import falcon.testing
import pytest

from runner.audit.opening import open_audit
from runner.auth.caller import Caller
from runner.config.settings import AuditSettings
from runner.web.app import create_app
from runner.web.problems import Problem
from tests.audit.test_record import VALIDATOR
from tests.web.twin import Log, Service, Services

QUERY = "/predict?sepal length=1&sepal width=2"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Doorman:
    """Middleware that knows one caller, and lets nobody else in."""

    async def process_request(self, req: Any, resp: Any) -> None:
        if req.get_header("Authorization") != "Bearer good":
            raise Problem(401, "invalid_token", "who are you?")
        req.caller = Caller("billing", "anna", frozenset(), "ab" * 32)


def answered(folder: Path, path: str, doorman: bool = False, **headers: str) -> list[Any]:
    """Ask once; give the records, each of them checked against the schema."""
    audit = open_audit(AuditSettings(path=folder / "log"))
    assert audit is not None
    app = create_app(Services(Service()), Log(), audit=audit)
    if doorman:
        app.add_middleware(Doorman())
    falcon.testing.TestClient(app).simulate_get(
        path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    audit.close()
    told = [json.loads(line) for line in (folder / "log").read_bytes().splitlines()]
    for each in told:
        VALIDATOR.validate(each)
    return told


def test_a_caller(tmp_path: Path) -> None:
    """Client and user stand in the record; of the token the beginning of its digest."""
    (told,) = answered(tmp_path, QUERY, doorman=True, Authorization="Bearer good")
    assert (told["client.id"], told["user.id"]) == ("billing", "anna")
    assert told["runner.token.digest"] == "ab" * 8
    assert "good" not in json.dumps(told)


@pytest.mark.parametrize(
    ("path", "action"), [(QUERY, "predict"), ("/list", "access"), ("/nothing", "access")]
)
def test_refused_access(tmp_path: Path, path: str, action: str) -> None:
    """Who is not let in leaves a record, and the token that was tried does not."""
    (told,) = answered(tmp_path, path, doorman=True, Authorization="Bearer stolen")
    assert (told["event.action"], told["http.response.status_code"]) == (action, 401)
    assert told["error.code"] == "invalid_token"
    assert "stolen" not in json.dumps(told)


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
