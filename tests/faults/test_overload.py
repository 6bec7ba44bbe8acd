"""More is asked than a service may hold: it says so at once, and nobody else notices."""

from __future__ import annotations

import http.client
import threading
from pathlib import Path

from benchmarks.serving.multiplier import NAP, multiplier
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


def _ask(server: Server, x: float) -> tuple[int, str | None]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", f"/services/slow/predict?x={x}")
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.getheader("Retry-After")
