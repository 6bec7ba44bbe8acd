"""Ask a server many things at once and keep every answer."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from tests.serving.server import Server


@dataclass(frozen=True)
class Asked:
    """One request: what was asked, what came back."""

    x: float
    status: int
    body: Any


class Clients:
    """Threads that ask a service for distinct x until told to stop, each on its own connection."""

    def __init__(self, server: Server, service: str, count: int) -> None:
        self.answers: list[Asked] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(server.port, service, number, count))
            for number in range(count)
        ]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def wait_for(self, count: int, seconds: float = 60) -> None:
        """Wait until so many answers are there."""
        deadline = time.monotonic() + seconds
        while len(self.answers) < count:
            assert time.monotonic() < deadline, f"{len(self.answers)} answers of {count}"
            time.sleep(0.01)

    def _ask(self, port: int, service: str, number: int, step: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        x = 1.0 + number
        while not self._stop.is_set():
            try:
                connection.request("GET", f"/services/{service}/predict?x={x}")
                response = connection.getresponse()
                self.answers.append(Asked(x, response.status, json.loads(response.read())))
            except (OSError, http.client.HTTPException) as ex:
                self.answers.append(Asked(x, 0, repr(ex)))
                connection.close()
            x += step
        connection.close()
