"""Limits of clients, over HTTP and across real front-ends."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving.project import tricky
from tests.serving.server import Server, serving

LIMIT = 200
ROWS = 1000
_CONFIG = f"""
auth: {{trusted_header: X-Client, from: [127.0.0.1]}}
limits:
  counted: {{requests_per_minute: {LIMIT}}}
  rows: {{rows_per_day: {ROWS}}}
  told: {{requests_per_minute: {LIMIT}, rows_per_day: {ROWS}}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    project = tricky(tmp_path_factory.mktemp("limits"))
    project.config.write_text(project.config.read_text() + _CONFIG)
    project.fit()
    with serving(project, options=("--workers", "3")) as server:
        yield server


def ask(server: Server, client: str, rows: int = 1) -> tuple[int, Any, dict[str, str]]:
    body = [{"x": float(x)} for x in range(1, rows + 1)]
    return server.request("POST", "/predict", body, **{"X-Client": client})


def test_three_front_ends_count_as_one(server: Server) -> None:
    """Of many requests at once the limit is answered, within 5 %, and the rest hear 429."""
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(lambda _: ask(server, "counted"), itertools.repeat(None, 2 * LIMIT))
        )
    statuses = Counter(status for status, _, _ in answers)
    assert [] == [body for status, body, _ in answers if status not in (200, 429)]
    assert 0.95 * LIMIT <= statuses[200] <= LIMIT
    _, body, headers = next(answer for answer in answers if answer[0] == 429)
    assert "quota_exceeded" == body["metadata"]["error"]
    assert "200 requests a minute" in body["metadata"]["error_message"]
    assert 1 <= int(headers["retry-after"]) <= 60
    assert '"requests";q=200;w=60' == headers["ratelimit-policy"]
    assert headers["ratelimit"].startswith('"requests";r=0;t=')


def test_rows_count_and_others_do_not_notice(server: Server) -> None:
    """Rows are counted over requests of any size; a client without limits goes on."""
    answered = 0
    for rows in itertools.islice(itertools.cycle((90, 7, 31)), 60):
        status, _, _ = ask(server, "rows", rows)
        answered += rows if status == 200 else 0
        assert status in (200, 429)
    assert 0.95 * ROWS <= answered <= ROWS
    status, _, headers = ask(server, "another", 5000)
    assert 200 == status
    assert "ratelimit" not in headers


def test_answers_tell_what_is_left(server: Server) -> None:
    """A 200 has the limits and what is left, one request and its rows less than the last one."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"X-Client": "told", "Content-Type": "application/json"}
    requests, rows = LIMIT, ROWS
    with contextlib.closing(connection):  # one connection is one front-end, which knows it all
        for count in (1, 5, 1, 40, *[1] * 12, 200):
            connection.request("POST", "/predict", json.dumps([{"x": 1.0}] * count), headers)
            response = connection.getresponse()
            response.read()
            requests, rows = requests - 1, rows - count
            policy = f'"requests";q={LIMIT};w=60, "rows";q={ROWS};w=86400'
            assert (200, policy) == (response.status, response.headers["RateLimit-Policy"])
            found = re.fullmatch(
                r'"requests";r=(\d+);t=(\d+), "rows";r=(\d+);t=(\d+)', response.headers["RateLimit"]
            )
            assert found is not None
            left, minute, left_rows, day = map(int, found.groups())
            assert (requests, rows) == (left, left_rows)
            assert 0 < minute <= 60
            assert 60 < day <= 86_400
        connection.request("POST", "/predict", json.dumps([{"x": 1.0}] * (rows + 1)), headers)
        response = connection.getresponse()
        response.read()
    # What was refused counts for nothing.
    assert 429 == response.status
    assert f'"requests";r={requests};' in response.headers["RateLimit"]
    assert f'"rows";r={rows};' in response.headers["RateLimit"]
