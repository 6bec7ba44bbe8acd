"""What a real client on a real socket gets, slow, broken and hostile ones too."""

import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from runner.web.limits import Limits
from tests.web.conftest import Server, everything, one_answer, serving

BODY = b'[{"sepal length": 0, "sepal width": -1}]'
GET = b"GET /predict?sepal%20length=1&sepal%20width=-3 HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"


def sized(body: bytes, size: int | None = None, more: bytes = b"") -> bytes:
    length = len(body) if size is None else size
    return POST + more + b"Content-Length: %d\r\n\r\n" % length + body


def failure(answer: bytes) -> tuple[int, str]:
    """Give status and code of a failure, which must be JSON."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    return int(head.split()[1]), orjson.loads(body)["metadata"]["error"]


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, 20 seconds at most."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_get_and_keep_alive(server: Server) -> None:
    """A connection serves many requests, and no header names the server."""
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(GET + b"\r\n")
            status, fields, body = one_answer(connection)
            assert (status, orjson.loads(body)["result"]) == (200, -2.0)
            assert "server" not in fields


def test_pipelining(server: Server) -> None:
    """Requests that come together are answered in order."""
    with server.connect() as connection:
        connection.sendall(
            GET + b"\r\n" + sized(BODY) + b"GET /x HTTP/1.1\r\nHost: x\r\n" + CLOSE + b"\r\n"
        )
        answers = everything(connection)
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"404"]


def test_body_in_pieces(server: Server) -> None:
    """A body may come in as many pieces as it likes."""
    with server.connect() as connection:
        connection.sendall(sized(b"", len(BODY)))
        for at in range(len(BODY)):
            connection.sendall(BODY[at : at + 1])
        assert one_answer(connection)[0] == 200


def test_chunked_body(server: Server) -> None:
    """A chunked body is a body."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, BODY[at : at + 1]) for at in range(len(BODY)))
    answer = server.say(
        POST + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200")


def test_head(server: Server) -> None:
    """HEAD sends no body, so that the next answer is not misread."""
    with server.connect() as connection:
        connection.sendall(b"HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n" + GET + CLOSE + b"\r\n")
        answers = everything(connection)
    head, _, rest = answers.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert rest.startswith(b"HTTP/1.1 200")


def test_http_1_0(server: Server) -> None:
    """HTTP/1.0 gets an answer and the end of the connection."""
    assert server.say(GET.replace(b"1.1", b"1.0") + b"\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "request_",
    [
        sized(b'[{"sepal length": 0, "sepal width": -1}', len(BODY)),
        sized(BODY, len(BODY) + 1),
        POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(BODY) + BODY + b"\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (len(BODY) + 9) + BODY,
    ],
)
def test_cut_off_bodies_are_not_executed(server: Server, request_: bytes) -> None:
    """A body shorter than announced never reaches the model, even if it is whole JSON."""
    name = secrets.token_hex(8)
    with server.connect() as connection:
        connection.sendall(request_.replace(b"Host: x", b"X-Request-Id: " + name.encode()))
    eventually(lambda: server.line_of(name) is not None)
    line = server.line_of(name)
    assert line is not None
    assert (line["error"], line["rows"]) == ("incomplete_body", None)


@pytest.mark.parametrize(
    "request_",
    [sized(b"[", 40), sized(b"", 40), POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n"],
)
def test_bodies_that_do_not_end(impatient: Server, request_: bytes) -> None:
    """A body that stalls is a 408 after the body's deadline, and the connection ends."""
    with impatient.connect() as connection:
        connection.sendall(request_)
        assert failure(everything(connection)) == (408, "body_timeout")


@pytest.mark.parametrize("sent", [b"", b"GET", GET, GET + b"X: " + b"y" * 100])
def test_heads_that_do_not_end(impatient: Server, sent: bytes) -> None:
    """A connection that says nothing, or half a head, is closed without an answer."""
    with impatient.connect() as connection:
        connection.sendall(sent)
        assert everything(connection) == b""


def test_a_second_head_that_does_not_end(impatient: Server) -> None:
    """The deadline of heads holds for later requests of a connection, too."""
    with impatient.connect() as connection:
        connection.sendall(GET + b"\r\n")
        assert one_answer(connection)[0] == 200
        connection.sendall(GET)
        assert everything(connection) == b""


def test_a_slow_answer_has_no_deadline_of_heads(impatient: Server) -> None:
    """While a request is being answered, no deadline closes its connection."""
    with impatient.connect() as connection:
        connection.sendall(GET.replace(b"=-3", b"=1.5") + b"\r\n")
        status, _, body = one_answer(connection)
    assert (status, orjson.loads(body)["result"]) == (200, 2.5)


def test_body_over_the_limit_is_not_awaited(server: Server) -> None:
    """A Content-Length over the limit is refused before the body comes."""
    with server.connect() as connection:
        connection.sendall(sized(b"", 10**12, b"Expect: 100-continue\r\n"))
        status, _, body = one_answer(connection)
    assert (status, orjson.loads(body)["metadata"]["error"]) == (413, "body_too_large")


def test_refusal_of_a_long_body_can_be_read(server: Server) -> None:
    """A client that sends all before it listens still learns that it was too much."""
    with server.connect() as connection:
        connection.sendall(sized(b" " * 200_000))
        assert one_answer(connection)[0] == 413
        connection.sendall(GET + CLOSE + b"\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 200")


def test_chunked_body_over_the_limit(server: Server) -> None:
    """A body of unknown length is refused once it is too long."""
    chunk = b"%x\r\n%b\r\n" % (1000, b" " * 1000)
    with server.connect() as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 120)
        assert one_answer(connection)[0] == 413


def test_endless_bodies_are_cut_off(server: Server) -> None:
    """What is thrown away after a refusal is bounded as well."""
    with server.connect() as connection:
        connection.sendall(sized(b"", 10**12))
        with pytest.raises(ConnectionError):
            flood(connection)


def flood(connection: socket.socket) -> None:
    for _ in range(1000):
        connection.sendall(b" " * 100_000)


def test_continue(server: Server) -> None:
    """Expect: 100-continue is answered once somebody wants the body."""
    with server.connect() as connection:
        connection.sendall(sized(b"", len(BODY), b"Expect: 100-continue\r\n"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert one_answer(connection)[0] == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /predict?" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        GET + b"X: " + b"y" * 9000 + b"\r\n\r\n",
        GET + b"X: y\r\n" * 3000 + b"\r\n",
    ],
)
def test_long_heads(server: Server, head: bytes) -> None:
    """A head over the limit is a 431 in JSON."""
    assert failure(server.say(head)) == (431, "head_too_large")


def test_endless_heads(server: Server) -> None:
    """A header field without end is not kept in memory."""
    with server.connect() as connection:
        connection.sendall(GET + b"X: ")
        with pytest.raises(ConnectionError):
            flood(connection)


def test_endless_trailers(server: Server) -> None:
    """Nor is a field without end behind a body's last chunk."""
    with server.connect() as connection:
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ")
        with pytest.raises(ConnectionError):
            flood(connection)


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET /health/live\r\n\r\n",  # HTTP/0.9
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /predict?sepal%20length=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n[]  ",
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_no_http(server: Server, request_: bytes) -> None:
    """What is no HTTP, or contradicts itself about its length, is a 400 in JSON."""
    assert failure(server.say(request_)) == (400, "bad_request")


def test_header_that_is_no_utf8(server: Server) -> None:
    """Bytes that are no text in header fields harm nobody."""
    answer = server.say(GET + CLOSE + b"X-Request-Id: \xff\xfe\r\nX: \xff\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


def test_websockets_are_not_spoken(server: Server) -> None:
    """An upgrade is not granted; the request is answered as it is."""
    with server.connect() as connection:
        connection.sendall(GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert one_answer(connection)[0] == 200


def test_a_broken_client_disturbs_nobody(server: Server) -> None:
    """While some clients stall, others are answered."""
    stalled = [server.connect() for _ in range(50)]
    for connection in stalled:
        connection.sendall(sized(b"[", 100))
    assert server.say(GET + CLOSE + b"\r\n").startswith(b"HTTP/1.1 200")
    for connection in stalled:
        connection.close()


def test_idle_connections_end(impatient: Server) -> None:
    """A connection that is idle for longer than `keep_alive` is closed."""
    with impatient.connect() as connection:
        connection.sendall(GET + b"\r\n")
        assert one_answer(connection)[0] == 200
        assert everything(connection) == b""


def test_graceful_end(tmp_path: Path) -> None:
    """At its end the server finishes what it has begun, and closes idle connections."""
    with serving(tmp_path, Limits()) as server:
        with server.connect() as idle, server.connect() as busy:
            idle.sendall(GET + b"\r\n")
            one_answer(idle)
            busy.sendall(sized(b"", len(BODY), b"Expect: 100-continue\r\n"))
            assert busy.recv(100).startswith(b"HTTP/1.1 100")
            server.process.terminate()
            assert everything(idle) == b""
            busy.sendall(BODY)
            status, fields, _ = one_answer(busy)
        assert (status, fields["connection"]) == (200, "close")
        assert server.process.wait(20) == 0
