"""Every answer has its request's id, and leaves one line of log."""

import re
import subprocess
import sys

import pytest

from runner.web.app import create_app
from tests.web.conftest import Application
from tests.web.twin import Log, Service, Services

QUERY = "/predict?sepal length=1&sepal width=2"


def test_id_of_the_caller(web: Application) -> None:
    """A caller's id is kept, in the header, the answer and the log."""
    given = "abc.DEF_1-2"
    got = web.client.simulate_get(QUERY, headers={"X-Request-Id": given})
    assert got.headers["x-request-id"] == given
    assert got.json["metadata"]["request_id"] == given
    assert [line["request_id"] for line in web.log.of("request")] == [given]


@pytest.mark.parametrize("given", ["", "a b", "ü", "x" * 129, 'a"b', "a\tb"])
def test_ids_that_cannot_stand_in_a_log(web: Application, given: str) -> None:
    """Any other id is replaced by a new one."""
    got = web.client.simulate_get(QUERY, headers={"X-Request-Id": given})
    assert re.fullmatch("[0-9a-f]{32}", got.headers["x-request-id"])


def test_ids_differ(web: Application) -> None:
    """Two requests do not share an id."""
    ids = {web.client.simulate_get("/health/live").headers["x-request-id"] for _ in range(10)}
    assert len(ids) == 10


def test_line_of_an_answer(web: Application) -> None:
    """The line tells who asked whom for how much, how it went and how long it took."""
    rows = [{"sepal length": 1, "sepal width": 2}] * 3
    web.client.simulate_post("/predict?x=secret", json=rows, remote_addr="203.0.113.5")
    (line,) = web.log.of("request")
    assert line.pop("milliseconds") > 0
    assert len(line.pop("request_id")) == 32
    assert line == {
        "client": None,
        "address": "203.0.113.5",
        "method": "POST",
        "path": "/predict",
        "service": "iris",
        "version": 7,
        "rows": 3,
        "status": 200,
        "error": None,
    }


def test_line_of_a_failure(web: Application) -> None:
    """A failure leaves its line too, with its code and without the values of features."""
    web.client.simulate_get("/predict?sepal length=secret&sepal width=2")
    (line,) = web.log.of("request")
    assert (line["status"], line["error"]) == (422, "invalid_input")
    assert "secret" not in str(web.log.lines)


def test_line_of_an_unknown_path(web: Application) -> None:
    """What matches no route is told as well, cut to a decent length."""
    web.client.simulate_get("/" + "x" * 1000)
    (line,) = web.log.of("request")
    assert (line["status"], len(line["path"])) == (404, 200)


async def test_life() -> None:
    """Services start before the first request and are closed after the last."""
    services = Services(Service())
    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive() -> object:
        return next(events)

    async def send(event: dict[str, object]) -> None:
        sent.append((event["type"], services.started, services.closed))

    await create_app(services, Log())(
        {"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send
    )
    assert sent == [
        ("lifespan.startup.complete", True, False),
        ("lifespan.shutdown.complete", True, True),
    ]


def test_no_heavy_imports() -> None:
    """A front-end has neither numpy nor pandas, scikit-learn or SQLAlchemy."""
    code = (
        "import sys, runner.web.frontend, runner.web.worker;"
        "print({'numpy', 'pandas', 'sklearn', 'sqlalchemy'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
