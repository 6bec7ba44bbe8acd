"""Usage is told to people, programs and clients: by whom, of what, when, how much."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runner.audit.projector import Projector
from runner.audit.question import BadQuestion, Question, moment
from runner.audit.statistics import statistics
from runner.store import Store
from tests.audit.test_projector import write
from tests.serving.project import run, tricky
from tests.serving.server import serving, until

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", "2026-03-03T12:00:00+00:00"),
        ("24h", "2026-03-09T12:00:00+00:00"),
        ("2w", "2026-02-24T12:00:00+00:00"),
        ("2026-02-01", "2026-02-01T00:00:00+00:00"),
        ("2026-02-01T05:00:00+01:00", "2026-02-01T05:00:00+01:00"),
    ],
)
def test_since(text: str, expected: str) -> None:
    """A time span or a date is read."""
    assert moment(text, NOW).isoformat() == expected


@pytest.mark.parametrize("text", ["", "d", "7 days", "-1d", "99999999d", "²d", "yesterday"])
def test_bad_since(text: str) -> None:
    """Anything else is refused, with what is expected."""
    with pytest.raises(BadQuestion, match="expected 7d"):
        moment(text, NOW)


@pytest.mark.parametrize("by", ["clients", "client,client", "day,hour", "client;service"])
def test_bad_by(by: str) -> None:
    """Names that usage is not told by, twice the same, and two kinds of time are refused."""
    with pytest.raises(BadQuestion, match="by: "):
        Question.of(by, None)


def test_statistics(tmp_path: Path) -> None:
    """Sums, means and shares are those of the records."""
    log = tmp_path / "log"
    for _ in range(9):
        write(log, 1, seconds=0.004, client="a", status=200, rows=3, service="iris")
    write(log, 1, seconds=0.4, client="b", status=503, rows=0, service="iris")
    with Store.open(f"sqlite:///{tmp_path}/db") as store:
        Projector(log, store).step()
        total, *_ = statistics(store, Question(("service",)))
        assert (total["service"], total["requests"], total["rows"], total["errors"]) == (
            "iris", 10, 27, 1,
        )  # fmt: skip
        assert (total["mean_ms"], total["p50_ms"], total["p95_ms"]) == (43.6, 5, 500)
        clients = statistics(store, Question.of("client,day", "1d"))
        assert [(row["client"], row["requests"]) for row in clients] == [("a", 9), ("b", 1)]
        assert {row["day"] for row in clients} <= {datetime.now(UTC).date().isoformat()}
        assert statistics(store, Question(("service",)), client="b")[0]["requests"] == 1
        assert statistics(store, Question((), datetime(2999, 1, 1, tzinfo=UTC))) == []


def asked(server: Any, path: str, client: str) -> tuple[int, Any]:
    status, body, _ = server.request("GET", path, **{"X-Client": client})
    return status, body


def test_a_server_and_the_command(tmp_path: Path) -> None:
    """A running server counts; /usage and the command tell the same; a client sees its own."""
    project = tricky(tmp_path / "tricks")
    with project.config.open("a") as file:
        file.write("auth: {trusted_header: X-Client, from: [127.0.0.1], grant: [predict]}\n")
    project.fit()
    config = ("-c", str(project.config))
    with serving(project, options=("--workers", "2")) as server:
        for number in range(30):
            assert asked(server, "/predict?x=2", "shop" if number % 3 else "billing")[0] == 200
        assert server.get("/predict", x=2)[0] in (401, 403)

        def counted() -> Any:
            _, body = asked(server, "/usage?by=client", "shop")
            assert "usage" in body, body
            return body["usage"] if sum(r["requests"] for r in body["usage"]) >= 20 else None

        told = until(counted, 20, "the records are counted")
        assert {row["client"]: row["requests"] for row in told} == {"shop": 20}
        status, body = asked(server, "/usage?by=clown", "shop")
        assert (status, body["metadata"]["details"][0]["field"]) == (422, "by")
    done = run("usage", *config, "--by", "client", "--json")
    found = {row["client"]: row["requests"] for row in done.json["usage"]}
    assert found == {"shop": 20, "billing": 10, "": 1}
    rows = list(
        csv.DictReader(io.StringIO(run("usage", *config, "--by", "client", "--csv").stdout))
    )
    assert {row["client"]: int(row["requests"]) for row in rows} == found
    before = run("usage", *config, "--by", "client,version,outcome,hour", "--json").json
    assert run("usage", "rebuild", *config, "--json").json == {"requests": 31}
    assert run("usage", *config, "--by", "client,version,outcome,hour", "--json").json == before
    table = run("usage", *config, "--by", "service").stdout
    assert "tricks" in table
    assert run("usage", *config, "--since", "soon").code == 2
    assert run("audit", "verify", *config).stdout.endswith(
        "0 of them newer than what the store knows.\n"
    )
