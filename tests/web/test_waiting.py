"""How long a caller waits: its own deadline, and its end."""

from __future__ import annotations

import secrets

import pytest

from runner.config.settings import ServiceSettings
from tests.web.conftest import Application, Server
from tests.web.test_connection import GET, POST, eventually
from tests.web.twin import Service

QUERY = "/predict?sepal length=5.5&sepal%20width=2"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(None, 5.0), ("2", 2.0), ("0.25", 0.25), ("5", 5.0), ("60", 5.0), ("000000003", 3.0)],
)
def test_the_shorter_of_two_deadlines_holds(
    web: Application, given: str | None, seconds: float
) -> None:
    """The caller's deadline counts, unless the service's own is shorter."""
    web.services.change("iris", settings=ServiceSettings(timeout=5.0))
    headers = {} if given is None else {"X-Request-Timeout": given}
    assert 200 == web.client.simulate_get(QUERY, headers=headers).status_code
    assert (
        200
        == web.client.simulate_post(
            "/predict", json=[{"sepal length": 5, "sepal width": 2}], headers=headers
        ).status_code
    )
    assert [seconds, seconds] == web.services.timeouts


@pytest.mark.parametrize(
    "given",
    ["", "0", "0.0", "-1", "+1", "1e3", "inf", "nan", "1,5", ".5", "5.", "2 s", "²", "9" * 99],
)
def test_what_is_no_deadline_is_refused(web: Application, given: str) -> None:
    """Anything but a positive decimal number is the caller's fault, and the model is not asked."""
    got = web.client.simulate_get(QUERY, headers={"X-Request-Timeout": given})
    assert (400, "invalid_timeout") == (got.status_code, got.json["metadata"]["error"])
    assert "X-Request-Timeout" in got.json["metadata"]["error_message"]
    assert [] == web.services.asked


def test_who_hangs_up_is_not_waited_for(server: Server) -> None:
    """The end of a connection ends the wait for its prediction, and the log says so."""
    for head, body in (
        (GET.replace(b"length=1", b"length=9"), b""),
        (POST, b'[{"sepal length": 9, "sepal width": -3}]'),
    ):
        number = secrets.token_hex(16)
        with server.connect() as connection:
            connection.sendall(
                head
                + b"X-Request-Id: %b\r\nContent-Length: %d\r\n\r\n" % (number.encode(), len(body))
                + body
            )
        eventually(lambda number=number: server.line_of(number) is not None)
        line = server.line_of(number)
        assert line is not None
        assert (499, "client_gone") == (line["status"], line["error"])
    assert "Traceback" not in server.errors.read_text()


def test_a_service_keeps_its_own_bounds() -> None:
    """Queues are bounded by number and by bytes, unless told otherwise."""
    settings = Service().settings
    assert (1024, 256 * 1024**2) == (settings.max_queue, settings.max_queue_bytes)
