"""More is asked than a service may hold: it says so at once, and nobody else notices."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path

import psutil

from benchmarks.serving.ledger import asked, with_ledger
from benchmarks.serving.multiplier import NAP, multiplier
from benchmarks.serving.project import Project
from benchmarks.serving.server import Server, serving, until

ASKED = 12
ROOM = 3


def test_a_full_queue_refuses_at_once(tmp_path: Path) -> None:
    """Beyond `max_queue` a request gets 503 and Retry-After while the others still wait."""
    slow = multiplier(tmp_path / "slow", name="slow", service=f"max_queue: {ROOM}")
    other = multiplier(tmp_path / "other", name="other")
    slow.fit()
    other.fit()
    with serving(slow, other) as server:
        answers: list[tuple[int, str | None]] = []
        threads = [
            threading.Thread(target=lambda: answers.append(_ask(server, NAP))) for _ in range(ASKED)
        ]
        for thread in threads:
            thread.start()
        until(lambda: len(answers) >= ASKED - ROOM, 30)
        refused = list(answers)
        assert 200 == server.predict("other", x=3.0)[0]
        for thread in threads:
            thread.join(30)
        assert [(503, "1")] * (ASKED - ROOM) == sorted(refused)
        assert [200] * ROOM == [status for status, _ in answers if status != 503]
        assert 200 == until(lambda: server.predict("slow", x=3.0)[0])


def test_what_nobody_waits_for_never_reaches_the_model(tmp_path: Path) -> None:
    """Requests whose own deadline has passed, or whose client has gone, are dropped in the queue.

    The first two of them wait in the worker's socket, the others in the front-end.
    """
    project = with_ledger(multiplier(tmp_path / "slow", name="slow"))
    project.fit()
    impatient, gone, last = [21.0, 22.0, 23.0], [31.0, 32.0], 41.0
    with serving(project) as server:
        (pid,) = server.worker_pids("slow")
        worker = psutil.Process(pid)
        worker.suspend()
        try:
            told = [_ask(server, x, **{"X-Request-Timeout": "0.2"})[0] for x in impatient]
            for x in gone:
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
                connection.request("GET", f"/services/slow/predict?x={x}")
                connection.close()
            until(lambda: _hung_up(project) == len(gone), what="the clients are gone")
        finally:
            worker.resume()
        assert 200 == _ask(server, last)[0]
        assert [pid] == server.worker_pids("slow")
    assert [504] * len(impatient) == told
    assert [last] == [x for x in asked(project) if x > 20]


def _hung_up(project: Project) -> int:
    """How many clients left before their answer, as the audit log tells."""
    lines = (project.folder / "runner-audit.jsonl").read_text(encoding="utf-8").splitlines()
    return sum(json.loads(line).get("error.code") == "client_gone" for line in lines)


def _ask(server: Server, x: float, **headers: str) -> tuple[int, str | None]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", f"/services/slow/predict?x={x}", headers=headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.getheader("Retry-After")
