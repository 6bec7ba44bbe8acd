"""The listening socket, and gunicorn's command line."""

import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from runner.errors import Unavailable
from runner.web.limits import Limits
from runner.web.server import HTTP, command, limits, listen, url
from tests.web.conftest import Server, one_answer, serving


def test_port_in_use() -> None:
    """A port that is taken is one clear line."""
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(Unavailable) as caught:
            listen("127.0.0.1", port)
        assert str(caught.value) == f"cannot listen on 127.0.0.1:{port}: Address already in use"


@pytest.mark.parametrize(
    ("host", "port"), [("203.0.113.1", 0), ("no.such.host.invalid", 0), ("127.0.0.1", 70_000)]
)
def test_addresses_that_are_not_ours(host: str, port: int) -> None:
    """An address that cannot be bound is refused, and told."""
    with pytest.raises(Unavailable) as caught:
        listen(host, port)
    assert str(caught.value).startswith(f"cannot listen on {host}:{port}: ")


def test_port_zero() -> None:
    """Port 0 takes a free one, and the address tells which."""
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert url(listener) == f"http://127.0.0.1:{port}"


def test_address_of_ipv6() -> None:
    """An IPv6 address stands in brackets."""
    try:
        listener = listen("::1", 0)
    except Unavailable:
        pytest.skip("this machine has no IPv6")
    with listener:
        assert url(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_command(tmp_path: Path) -> None:
    """gunicorn gets the socket's descriptor, no control socket, and what the front-ends need."""
    with socket.socket() as listener:
        argv, env = command(listener, tmp_path / "control", workers=3, within=Limits(max_body=5))
        assert argv[argv.index("--bind") + 1] == f"fd://{listener.fileno()}"
    assert argv[argv.index("--workers") + 1] == "3"
    assert "--no-control-socket" in argv
    assert env["RUNNER_CONTROL"] == str(tmp_path / "control")
    assert Limits.from_json(env["RUNNER_HTTP"]) == Limits(max_body=5)
    assert env["PATH"] == os.environ["PATH"]


def test_limits_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A front-end's limits are the command's, and the usual ones without it."""
    monkeypatch.setenv(HTTP, Limits(max_body=5).to_json())
    assert limits() == Limits(max_body=5)
    monkeypatch.delenv(HTTP)
    assert limits() == Limits()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /health/live HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /nowhere HTTP/1.0\r\n\r\n", b"404"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 10_000 + b" HTTP/1.0\r\n\r\n", b"431"),
    ],
)
def test_no_answer_tells_what_answers(server: Server, request_: bytes, status: bytes) -> None:
    """No answer, whoever makes it, has a Server header or names software and its version."""
    head = server.say(request_).partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"http/1.1 " + status)
    assert b"\r\nserver:" not in head
    assert not any(name in head for name in (b"gunicorn", b"uvicorn", b"falcon", b"python"))


def test_the_end_answers_what_has_connected(tmp_path: Path) -> None:
    """Connections that no front-end had accepted when SIGTERM came are served, not reset."""
    with serving(tmp_path, Limits()) as server:
        (front_end,) = psutil.Process(server.process.pid).children()
        front_end.suspend()  # the kernel goes on connecting
        connections = [server.connect() for _ in range(500)]
        for connection in connections:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n")
        server.process.terminate()
        front_end.send_signal(signal.SIGTERM)
        front_end.resume()
        for connection in connections:
            with connection:
                assert 200 == one_answer(connection)[0]
        assert 0 == server.process.wait(20)
