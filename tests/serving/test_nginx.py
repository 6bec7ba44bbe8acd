"""nginx as docs/deployment.md shows it, in front of `runner serve`."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults.load import Load
from tests.requirements import need
from tests.serving.nginx import Nginx, nginx
from tests.serving.project import Project, tricky
from tests.serving.server import Server, serving, until

pytestmark = need("nginx")

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    found = tricky(tmp_path_factory.mktemp("projects") / "tricks", service="timeout: 30")
    assert found.fit() == 1
    return found


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[Server]:
    with serving(project) as found:
        yield found


@pytest.fixture(scope="module")
def proxy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("proxy") / "nginx", server.port) as found:
        yield found


def ask(
    proxy: Nginx, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    """Ask through nginx, with TLS; give status, header and JSON."""
    connection = proxy.connect()
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection.request("GET" if body is None else "POST", path, body, sent)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), json.loads(answer.read())
    finally:
        connection.close()


def records(project: Project) -> list[dict[str, Any]]:
    lines = (project.folder / "runner-audit.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_prediction_with_its_ids(project: Project, proxy: Nginx) -> None:
    """A caller's request id and trace are in the answer, in nginx's log and in the record."""
    status, headers, told = ask(
        proxy,
        "/predict?x=7",
        X_Request_Id="caller-7",
        traceparent=f"00-{TRACE}-00f067aa0ba902b7-01",
    )

    assert (status, told["result"]) == (200, 14.0)
    assert told["metadata"]["request_id"] == headers["x-request-id"] == "caller-7"
    (record,) = (each for each in records(project) if "caller-7" in json.dumps(each))
    assert TRACE in json.dumps(record)
    line = until(lambda: [each for each in proxy.log if "caller-7" in each])[0]
    logged = json.loads(line)
    assert (logged["path"], logged["status"]) == ("/predict", 200)
    assert "x=7" not in line


@pytest.mark.parametrize("given", ["", "not one'\"", "x" * 129])
def test_id_of_nginx(proxy: Nginx, given: str) -> None:
    """Without an id that can stand in a log, nginx's own is that of the answer and both logs."""
    _, headers, told = ask(proxy, "/predict?x=1", X_Request_Id=given)

    found = told["metadata"]["request_id"]
    assert len(found) == 32
    assert headers["x-request-id"] == found
    assert until(lambda: [line for line in proxy.log if found in line])


def test_rows(proxy: Nginx) -> None:
    """Row "serve": a body of many rows, which nginx keeps in a file, is answered whole."""
    rows = [{"x": float(x)} for x in range(1, 100_001)]

    status, _, told = ask(proxy, "/services/tricks/predict", json.dumps(rows))

    assert (status, len(told["result"]), told["result"][-1]) == (200, 100_000, 200_000.0)


@pytest.mark.parametrize(("size", "row"), [(16 * MIB + 1, True), (18 * MIB, False)])
def test_too_large(proxy: Nginx, size: int, row: bool) -> None:
    """A body beyond the server's limit, and one beyond nginx's, are 413 in the one shape."""
    status, headers, told = ask(proxy, "/predict", b" " * size)

    metadata = told["metadata"]
    assert (status, metadata["error"], metadata["error_code"]) == (413, "body_too_large", -1)
    assert metadata["status"] == "ERROR"
    assert metadata["request_id"] == headers.get("x-request-id", headers.get("X-Request-Id"))
    assert ("service_name" in metadata) == row  # the server's own answer, or nginx's
    assert headers["Content-Type"].startswith("application/json")


def test_long_url(proxy: Nginx) -> None:
    """A URL that the server takes passes nginx, too; a longer one is a 431 in the one shape."""
    assert ask(proxy, f"/predict?x=1&y={'a' * 30_000}")[0] == 200

    status, _, told = ask(proxy, f"/predict?x=1&y={'a' * 70_000}")
    assert (status, told["metadata"]["error"]) == (431, "head_too_large")


def test_slow_client(proxy: Nginx, server: Server) -> None:
    """A body that comes byte by byte does not reach the server before it is whole."""
    body = json.dumps([{"x": 3.0}]).encode()
    slow = proxy.connect()
    slow.putrequest("POST", "/predict")
    slow.putheader("Content-Type", "application/json")
    slow.putheader("Content-Length", str(len(body)))
    slow.endheaders()
    with Load(proxy.plain, "tricks", {1: 2.0}, connections=4) as load:
        for byte in body:
            slow.send(bytes([byte]))
            time.sleep(0.05)
        load.wait_for(20)
    answer = slow.getresponse()

    assert (answer.status, json.loads(answer.read())["result"]) == (200, [6.0])
    assert (load.failed, load.wrong) == (0, 0)
    slow.close()


def test_caller_that_hangs_up(proxy: Nginx, server: Server) -> None:
    """nginx hangs up for a caller that has: the server's log has a 499."""
    connection = proxy.connect()
    connection.request("GET", "/predict?x=-6", headers={"X-Request-Id": "gone-1"})
    time.sleep(0.3)
    connection.close()

    until(lambda: [line for line in proxy.log if '"gone-1"' in line and '"status":499' in line])


def test_reload_under_load(project: Project, server: Server, proxy: Nginx) -> None:
    """SIGHUP with another `server` section, thus new front-ends: not one request fails."""
    text = project.config.read_text()
    posts = {"connections": 8, "rows": (1, 5)}
    with Load(proxy.plain, "tricks", {1: 2.0}, **posts) as load:  # type: ignore[arg-type]
        load.wait_for(100)
        for number in (1, 2):
            before = {each.pid for each in server.masters()}
            project.config.write_text(f"{text}\nserver: {{keep_alive: {70 + number}}}\n")
            server.process.send_signal(signal.SIGHUP)
            until(lambda: not before & {each.pid for each in server.masters()}, 60)  # noqa: B023
            load.wait_for(200)
    project.config.write_text(text)
    assert (load.failed, load.wrong, load.faults) == (0, 0, [])


def test_no_server(tmp_path: Path) -> None:
    """While no server listens, nginx answers 503 with Retry-After, in the one shape."""
    with nginx(tmp_path / "nginx", 9) as proxy:
        status, headers, told = ask(proxy, "/predict?x=1")
    assert (status, told["metadata"]["error"]) == (503, "unavailable")
    assert headers["Retry-After"] == "1"
    assert headers["X-Request-Id"] == told["metadata"]["request_id"]
