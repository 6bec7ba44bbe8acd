"""Whatever a server or a command does is in the log: real front-ends, workers and commands."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.issuer import issuer
from tests.audit.test_record import VALIDATOR
from tests.serving.project import Project, tricky
from tests.serving.server import serving, until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def records(folder: Path, name: str = "runner-audit.jsonl") -> list[dict[str, Any]]:
    """Give the log's records, each of them checked against the schema."""
    told = [json.loads(line) for line in (folder / name).read_bytes().splitlines()]
    for each in told:
        VALIDATOR.validate(each)
    return told


def by_id(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in records(folder):
        found.setdefault(each.get("http.request.id", ""), []).append(each)
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A fitted service."""
    made = tricky(tmp_path_factory.mktemp("audit") / "tricks")
    made.fit()
    return made


def test_a_life(project: Project) -> None:
    """Each prediction leaves one record with all that is known of it; health checks leave none."""
    with serving(project, options=("--workers", "2")) as server:
        rows = [{"x": 1.0}, {"x": 2.0}]
        headers = {"X-Request-Id": "two-rows", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        _, body, answered = server.request("POST", "/predict", rows, **headers)
        assert (body["result"], answered["x-request-id"]) == ([2.0, 4.0], "two-rows")
        status, _, _ = server.request("GET", "/predict?x=word", **{"X-Request-Id": "bad-input"})
        assert status == 422
        status, _, _ = server.request(
            "GET", "/services/none/predict?x=1", **{"X-Request-Id": "unknown"}
        )
        assert status == 404
        server.get("/health/ready")
        server.get("/list")
    found = by_id(project.folder)
    (good,), (bad,), (unknown,) = found["two-rows"], found["bad-input"], found["unknown"]
    assert (good["runner.rows"], good["runner.model.version"], good["trace.id"]) == (2, 1, TRACE)
    assert good["http.request.body.bytes"] == len(json.dumps(rows))
    assert good["runner.batch"] == 1
    assert good["runner.model_time"] + good["runner.queue_time"] <= good["event.duration"]
    assert (bad["http.response.status_code"], bad["error.code"]) == (422, "invalid_input")
    assert (unknown["event.outcome"], unknown["error.code"]) == ("failure", "unknown_service")
    actions = [each["event.action"] for each in records(project.folder)]
    assert sorted(actions) == ["fit", "predict", "predict", "predict", "start", "stop"]


JSON = "Content-Type: application/json"
WRONG = {
    "POST /predict": [
        (413, f"{JSON}\r\nContent-Length: 5000", b"x"),
        (413, f"{JSON}\r\nTransfer-Encoding: chunked", b"fff\r\n%b\r\n0\r\n\r\n" % (b"x" * 0xFFF)),
        (413, f"{JSON}\r\nContent-Length: 91", b"[%b]" % b",".join([b'{"x":1.0}'] * 9)),
        (408, f"{JSON}\r\nContent-Length: 500", b"["),
        (400, f"{JSON}\r\nContent-Length: 1", b"["),
        (400, f"{JSON}\r\nTransfer-Encoding: chunked", b"zz\r\n"),
        (415, "Content-Type: text/nonsense\r\nContent-Length: 1", b"["),
    ],
    "GET /predict?x=1": [
        (400, "X-Request-Timeout: -5", b""),
        (200, "Upgrade: websocket", b""),
        (200, "Accept: image/png", b""),
    ],
    "HEAD /predict?x=1": [(200, "Accept: */*", b"")],
    "TRACE /predict?x=1": [(405, "Accept: */*", b"")],
    "GET http://a//predict?x=1": [(200, "Accept: */*", b"")],
    "GET /services/%FF/predict?x=1": [(404, "Accept: */*", b"")],
    f"GET /predict?x={'1' * 60_000}": [(422, "Accept: */*", b"")],
}
"""Request line -> expected status, fields, body."""


def test_whatever_was_asked(tmp_path: Path) -> None:
    """However odd a request for predictions is, its answer has one record, of its status."""
    project = tricky(tmp_path / "tricks")
    with project.config.open("a") as file:
        file.write("server: {max_body: 2 KiB, max_rows: 8, body_timeout: 1}\n")
    project.fit()
    cases = [(line, *case) for line, several in WRONG.items() for case in several]
    with serving(project) as server:
        for number, (line, status, fields, body) in enumerate(cases):
            head = f"{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: w-{number}"
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
                connection.sendall(f"{head}\r\n{fields}\r\n\r\n".encode() + body)
                with connection.makefile("rb") as answer:
                    assert status == int(answer.readline().split()[1]), line
                    answer.read()
    found = by_id(project.folder)
    told = [[r["http.response.status_code"] for r in found[f"w-{n}"]] for n in range(len(cases))]
    assert told == [[status] for _, status, _, _ in cases]
    assert all(r["event.action"] == "predict" for n in range(len(cases)) for r in found[f"w-{n}"])


def test_no_values(project: Project) -> None:
    """No value of a feature, and no query string, is in the log."""
    log = project.folder / "runner-audit.jsonl"
    with serving(project) as server:
        server.get("/predict", x=31337.25)
        server.get("/predict", x="31337.25secret")
        server.request("POST", "/predict", [{"x": 31337.25}])
    assert b"31337" not in log.read_bytes()


def test_what_a_client_saw(tmp_path: Path) -> None:
    """Who asked from where, how long it took, what came back: as who asked has seen it himself."""
    project = tricky(tmp_path / "tricks")
    with project.config.open("a") as file:
        file.write(issuer().config())
    project.fit()
    token = issuer().token("shop")
    bad = token[:-8] + "AAAAAAAA"
    with serving(project, options=("--workers", "2")) as server:
        front_ends = [each.pid for each in server.front_ends()]
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        with contextlib.closing(connection):
            body = json.dumps([{"x": 1.0}, {"x": -6.0}, {"x": 3.0}])  # which takes a second
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            begun = time.time()
            connection.request("POST", "/services/tricks/predict", body, headers)
            response = connection.getresponse()
            text = response.read()
            ended = time.time()
        for query, bearer, status in [
            ("x=1", f"Bearer {bad}", 401),
            (f"x=1&access_token={token}", f"Bearer {token}", 400),
            (f"access_token={token}", "", 400),
            ("x=1", f"Basic {token}", 401),
            (f"token={token}", f"Bearer {token}", 400),
        ]:
            answer = server.request("GET", f"/predict?{query}", Authorization=bearer)
            assert status == answer[0]
            assert token.rpartition(".")[2] not in str(answer)
    told = next(r for r in records(project.folder) if r["event.action"] == "predict")
    assert begun <= datetime.fromisoformat(told["@timestamp"]).timestamp() <= ended
    assert 1e9 <= told["runner.model_time"] <= told["event.duration"] <= (ended - begun) * 1e9
    assert told["process.pid"] in front_ends
    digest = hashlib.sha256(b"1").hexdigest()  # of the jti
    assert told["runner.token.digest"] == digest[:16]
    assert told["http.request.id"] == response.headers["X-Request-Id"]
    assert response.headers["Server"] is None
    expected = {
        "host.name": socket.gethostname(),
        "event.outcome": "success",
        "http.request.method": "POST",
        "http.request.body.bytes": len(body),
        "http.response.status_code": 200,
        "http.response.body.bytes": len(text),
        "url.path": "/services/tricks/predict",
        "source.address": "127.0.0.1",
        "service.name": "tricks",
        "runner.model.version": 1,
        "runner.model.language": "python",
        "runner.rows": 3,
        "client.id": "shop",
    }
    assert expected == {name: told[name] for name in expected}
    # Of no token, good or bad, wherever it was, a part is in what the server wrote.
    written = (project.folder / "runner-audit.jsonl").read_text() + server.log.read_text()
    assert [part for part in [*token.split("."), *bad.split(".")] if part in written] == []


def test_commands(tmp_path: Path) -> None:
    """Fit, activate and delete are recorded with who did it, failures included."""
    project = tricky(tmp_path / "tricks")
    project.fit()
    project.fit()
    assert project.run("activate", "1").code == 0
    assert project.run("activate", "9").code == 3
    assert project.run("delete", "2").code == 0
    told = [
        (r["event.action"], r["event.outcome"], r.get("runner.model.version"), r.get("error.code"))
        for r in records(project.folder)
    ]
    assert told == [
        ("fit", "success", 1, None),
        ("fit", "success", 2, None),
        ("activate", "success", 1, None),
        ("activate", "failure", 9, "NotFound"),
        ("delete", "success", 2, None),
    ]
    assert records(project.folder)[2]["runner.model.former_version"] == 2
    assert all(r["user.name"] for r in records(project.folder))


def test_inputs(tmp_path: Path) -> None:
    """With inputs: true the values are in the record, under the names of the features."""
    project = tricky(tmp_path / "tricks")
    with project.config.open("a") as file:
        file.write("audit: {inputs: true, path: log/audit.jsonl, durability: disk}\n")
    (project.folder / "log").mkdir()
    project.fit()
    with serving(project) as server:
        assert server.predict("tricks", x=4.5)[0] == 200
    (told,) = (r for r in records(project.folder / "log", "audit.jsonl") if "runner.rows" in r
               and r["event.action"] == "predict")  # fmt: skip
    assert told["runner.inputs"] == {"x": [4.5]}


def test_both(tmp_path: Path) -> None:
    """With `to: both` each record is in the file and on stdout, once; a command's on stderr."""
    project = tricky(tmp_path / "tricks")
    with project.config.open("a") as file:
        file.write("audit: {to: both}\n")
    done = project.run("fit", "--json")
    assert (done.code, done.json["version"]) == (0, 1)
    printed = done.stderr.splitlines()
    with serving(project, options=("--workers", "2")) as server:
        for number in range(20):
            path = f"/predict?x={number if number % 4 else 'none'}"
            status, _, _ = server.request("GET", path, **{"X-Request-Id": f"r-{number}"})
            assert status == (200 if number % 4 else 422)
    printed += server.log.read_text().splitlines()
    printed = [line for line in printed if '"event.dataset":"runner.usage"' in line]
    log = project.folder / "runner-audit.jsonl"
    assert sorted(printed) == sorted(log.read_text().splitlines())
    told = [(r["event.action"], r.get("http.request.id")) for r in records(project.folder)]
    expected = [("predict", f"r-{number}") for number in range(20)]
    assert sorted(told, key=str) == sorted(
        [*expected, ("fit", None), ("start", None), ("stop", None)], key=str
    )


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = Path(tempfile.mkdtemp(prefix="audit-disk-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder)


@pytest.mark.parametrize("on_failure", ["refuse", "continue"])
def test_a_full_disk(tmp_path: Path, small_disk: Path, on_failure: str) -> None:
    """Predictions are refused or go on, other answers are given, and afterwards all is well."""
    project = tricky(tmp_path / "tricks")
    with project.config.open("a") as file:
        file.write(f"audit: {{path: {small_disk}/log, on_failure: {on_failure}}}\n")
    project.fit()
    with serving(project) as server:
        answers = []
        for number in range(120):
            status, body, _ = server.request(
                "GET", f"/predict?x={number + 1}", **{"X-Request-Id": f"r-{number}"}
            )
            answers.append(status)
            assert status != 200 or body["result"] == 2.0 * (number + 1)
            assert status == 200 or body["metadata"]["error"] == "unrecorded"
            assert server.get("/health/live")[0] == 200
        shutil.copy(small_disk / "log", tmp_path / "log.1")
        (small_disk / "log").unlink()
        status = until(lambda: server.get("/predict", x=1)[0])
        assert status == 200
    lines = [*(tmp_path / "log.1").read_bytes().splitlines()]
    told = {}
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        told[record.get("http.request.id")] = record
    answered = [f"r-{number}" for number, status in enumerate(answers) if status == 200]
    if on_failure == "refuse":
        assert 0 < len(answered) < 120
        assert [each for each in answered if each not in told] == []
    else:
        assert len(answered) == 120
    rest = records(small_disk, "log")
    (resumed,) = (each for each in rest if each["event.action"] == "resume")
    assert resumed["runner.lost"] == 120 - len([name for name in told if name and name[:2] == "r-"])
