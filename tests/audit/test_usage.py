"""Usage is told to people, programs and clients: by whom, of what, when, how much."""

from __future__ import annotations

import csv
import io
import os
import pty
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from benchmarks.issuer import issuer
from runner.audit.projector import Projector
from runner.audit.question import BadQuestion, Question, moment
from runner.audit.statistics import statistics
from runner.store import Store
from tests.audit.test_projector import write
from tests.serving.project import RUNNER, Project, run, tricky
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


def test_who_may_read_sees_what_the_command_tells(tmp_path: Path) -> None:
    """With models:read /usage is the command's JSON, of all clients; without, a client's own."""
    project = tricky(tmp_path / "tricks")
    with project.config.open("a") as file:
        file.write(issuer().config())
    project.fit()
    by = "client,service,version,outcome,day"

    with serving(project, options=("--workers", "2")) as server:

        def ask(path: str, client: str, scope: str = "predict") -> tuple[int, Any]:
            bearer = f"Bearer {issuer().token(client, scope)}"
            status, body, _ = server.request("GET", path, Authorization=bearer)
            return status, body

        for client, path, count, status in [
            ("shop", "/predict?x=2", 7, 200),
            ("billing", "/predict?x=2", 5, 200),
            ("billing", "/predict?x=two", 3, 422),
        ]:
            assert [status] * count == [ask(path, client)[0] for _ in range(count)]
        told = until(
            lambda: (
                (body := ask(f"/usage?by={by}", "auditor", "models:read")[1])
                and sum(row["requests"] for row in body["usage"]) == 15
                and body
            ),
            what="all is counted",
        )
        status, own = ask(f"/usage?by={by}", "billing")
        assert 200 == status
        assert 401 == server.get("/usage")[0]
        commanded = run("usage", "-c", str(project.config), "--by", by, "--json").json

    assert commanded == {name: told[name] for name in ("by", "usage")}
    assert [("billing", "failure", 3), ("billing", "success", 5), ("shop", "success", 7)] == [
        (row["client"], row["outcome"], row["requests"]) for row in told["usage"]
    ]
    assert own["usage"] == [row for row in told["usage"] if row["client"] == "billing"]


def days(log: Path, *ages: int) -> list[str]:
    """Write a request more for each age than for the one before; give the days that they are of."""
    now, lines, names = datetime.now(UTC), [], []
    for number, age in enumerate(ages, 1):
        write(log, number, client="a", status=200, rows=2, service="iris", version=1, seconds=0.004)
        names.append((now - timedelta(days=age)).date().isoformat())
        for line in log.read_bytes().splitlines(keepends=True):
            at = line.index(b"T")
            lines.append(b'{"@timestamp":"' + names[-1].encode() + line[at:])
        log.unlink()
    log.write_bytes(b"".join(lines))
    return names


@pytest.fixture(scope="module")
def of_days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[str]]:
    """A log with requests of three days: 1 of 20 days ago, 2 of the day before, 3 of today."""
    project = tricky(tmp_path_factory.mktemp("days") / "tricks")
    return project, days(project.folder / "runner-audit.jsonl", 20, 1, 0)


def on_a_terminal(*arguments: str) -> str:
    """Run `runner usage` on a terminal of 100 columns; give what it shows, without colours."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    subprocess.run([*RUNNER, "usage", *arguments], stdout=theirs, env=environ, check=True)
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "\x1b[" in shown
    return click.unstyle(shown)


def test_a_chart_on_a_terminal(of_days: tuple[Project, list[str]]) -> None:
    """On a terminal each row has a bar as long as its share of the most; elsewhere none has."""
    project, (first, second, third) = of_days
    arguments = ("-c", str(project.config), "--by", "day")
    shown = on_a_terminal(*arguments)
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert ["day", first, second, third] == list(lines)
    assert [8, 16, 24] == [lines[day].count("█") for day in (first, second, third)]
    assert lines["day"].split() == ["day", "requests", "rows", "errors", "mean", "ms", "p95", "ms"]
    assert lines[third].split()[:7] == [third, "3", "6", "0", "4.0", "≤", "5"]
    plain = run("usage", *arguments).stdout
    assert ("█" in plain, third in plain) == (False, True)


def test_days_and_since(of_days: tuple[Project, list[str]]) -> None:
    """`--by day` tells days apart, `--since 7d` leaves out older ones, `--csv` is for programs."""
    project, (first, second, third) = of_days
    arguments = ("-c", str(project.config), "--by", "day", "--csv")
    for since, expected in [
        ((), {first: 1, second: 2, third: 3}),
        (("--since", "7d"), {second: 2, third: 3}),
        (("--since", "3w"), {first: 1, second: 2, third: 3}),
        (("--since", third), {third: 3}),
        (("--since", "2999-01-01"), {}),
    ]:
        reader = csv.DictReader(io.StringIO(run("usage", *arguments, *since).stdout))
        told = list(reader)
        assert ["day", "requests", "rows"] == list(reader.fieldnames or ())[:3]
        assert expected == {row["day"]: int(row["requests"]) for row in told}
        assert all(int(row["rows"]) == 2 * int(row["requests"]) for row in told)
    assert "No usage yet." in run("usage", *arguments[:-1], "--since", "2999-01-01").stdout
