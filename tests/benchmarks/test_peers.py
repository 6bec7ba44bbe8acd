"""The benchmark of the peers: what it reads, compares and tells. No figure decides a test."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks import wrk
from benchmarks.iris import rows
from benchmarks.peers import environments
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.goals import goals
from benchmarks.peers.launch import DidNotServe, Server
from benchmarks.peers.ours import Ours
from benchmarks.peers.peer import COLUMNAR, RECORDS, TREE, Peer, Place
from benchmarks.peers.report import print_run
from benchmarks.peers.results import Found, Run
from benchmarks.peers.rounds import Plan, measure, prepare
from benchmarks.peers.verify import WrongAnswer, expected, verify
from benchmarks.wrk import Load, Request
from tests.requirements import need

PRINTED = """\
Running 2s test @ http://127.0.0.1:5000/
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.31ms  401.00us  12.04ms   93.11%
    Req/Sec    12.61k     1.20k   14.10k    85.00%
  Latency Distribution
     50%  812.00us
     75%    1.41ms
     90%    1.60ms
     99%    1.02s
  25110 requests in 2.00s, 8.91MB read
  Socket errors: connect 0, read 3, write 0, timeout 2
  Non-2xx or 3xx responses: 7
Requests/sec:  12543.21
Transfer/sec:      4.45MB
"""


def test_reads_what_wrk_prints() -> None:
    """Units become milliseconds, and every kind of failure counts."""
    assert Load(12543.21, 0.812, 1020.0, 25110, 12) == wrk.read(PRINTED)


def test_refuses_to_read_anything_else() -> None:
    """A figure is never made up."""
    with pytest.raises(SystemExit, match="Requests/sec"):
        wrk.read("unable to connect to 127.0.0.1:5000 Connection refused\n")


def test_medians_over_rounds_and_sums_of_failures() -> None:
    """One bad round moves no median, and hides no failure."""
    runs = [Load(100, 1.0, 2.0, 50, 0), Load(900, 0.1, 0.2, 450, 1), Load(110, 0.9, 3.0, 60, 2)]

    assert Load(110, 0.9, 2.0, 560, 3) == wrk.median(runs)


@need("wrk")
def test_wrk_sends_every_request_as_it_is(tmp_path: Path) -> None:
    """Methods, headers and any bytes arrive, one request after the other."""
    seen: set[tuple[str, str, bytes, str]] = set()

    class Recorder(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind = self.headers.get("Content-Type", "")
            seen.add((self.command, self.path, body, kind))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            pass

    requests = [
        Request("GET", "/a?x=1%202"),
        Request("POST", "/b", bytes(range(256)), {"Content-Type": "application/msgpack"}),
        Request("POST", "/c", '{"å": "\\"]]"}'.encode(), {"Content-Type": "application/json"}),
    ]
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            script = wrk.write_script(requests, tmp_path / "script.lua")
            run = wrk.load(f"http://127.0.0.1:{server.server_port}/", 1, 1, script)
        finally:
            server.shutdown()
            thread.join()

    wanted = {(r.method, r.target, r.body, r.headers.get("Content-Type", "")) for r in requests}
    assert wanted == seen
    assert run.failed == 0
    assert run.requests >= len(requests)


def _found(name: str, rate: float, p50: float = 1.0, model: str = TREE) -> Found:
    loads = {str(count): [Load(rate, p50, 2 * p50, 10, 0)] for count in (1, 16, 64)}
    large = {form: [Load(1, 10 * p50, 10 * p50, 10, 0)] for form in (RECORDS, COLUMNAR)}
    memory = [{"1 server": 200_000_000}]
    return Found(name, name, model, "", "", loads=loads, large=large, ready=[1.0], memory=memory)


def _run(**rates: float) -> Run:
    peers = [_found(name.replace("_", "-"), rate, 1000 / rate) for name, rate in rates.items()]
    return Run({"cores": "2"}, {"seconds": 1.0}, peers)


def test_compares_with_the_fastest_peer_and_never_with_ourselves() -> None:
    """Neither the bare response nor another way to ask ours is a peer."""
    run = _run(ours=12_000, ours_post=50_000, palladium=500, mlserver=1000, vetiver=700)
    run.peers.append(_found("bare", 20_000, model="no model"))

    first, bare = goals(run)[:2]

    assert ("the fastest peer: mlserver", 12.0, True) == (first.other, first.ratio, first.met)
    assert (0.6, True) == (bare.ratio, bare.met)


def test_tells_goals_that_were_missed_or_not_measured() -> None:
    """A goal without figures is neither met nor missed."""
    by_work = {(goal.work, goal.other): goal for goal in goals(_run(ours=1000, palladium=500))}

    first = by_work["one row, scikit-learn tree, 64 connections", "the fastest peer: palladium"]
    rpart = by_work["one row, R rpart, 64 connections", "plumber"]
    records = by_work["10,000 rows in one JSON POST, records", "Palladium, records"]
    assert [False, None, False] == [first.met, rpart.met, records.met]
    assert [2.0, None, 0.5] == [first.ratio, rpart.ratio, records.ratio]


def test_a_run_survives_its_json(tmp_path: Path) -> None:
    """What was saved can be printed again, and drawn."""
    run = _run(ours=1000, palladium=500)
    run.services = {"1": [100.0, 1.0], "2": [95.0, 0.97]}

    saved = tmp_path / "run.json"
    saved.write_text(json.dumps(run.to_json()))
    done = _benchmark("--from", str(saved), "--plot", str(tmp_path / "bars.svg"), "--json")

    assert run == Run.from_json(json.loads(done))
    drawn = (tmp_path / "bars.svg").read_text()
    assert "palladium (scikit-learn tree)" in drawn
    assert "<script" not in drawn


def test_tells_of_a_server_that_answered_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A server too slow for one load has no ratio, and the table is printed."""
    run = _run(ours=1000, palladium=500)
    run.peers[1].loads["64"] = [Load(0.0, 0.0, 0.0, 0, 5)]

    print_run(run, markdown=True)

    told = next(line for line in capsys.readouterr().out.splitlines() if "| palladium" in line)
    assert [" 0 ", "  "] == [f" {cell.strip()} " for cell in told.split("|")[5:7]]


def test_names_what_cannot_be_installed_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such a peer stays in the table, and the others are measured."""

    class Nowhere(Ours):
        name = "nowhere"
        title = "Nowhere"
        environment = "nowhere"
        requirements = (str(tmp_path / "no-such-package"),)

    plan = Plan(1, 1, tmp_path / "environments", tmp_path / "scratch", lambda _: None)
    entrants = prepare([Nowhere()], plan)
    measure(entrants, plan)
    print_run(Run({}, {}, [entrants[0].found]), markdown=True)

    assert "not installed: " in entrants[0].found.reason
    assert "no-such-package" in capsys.readouterr().out


class _Liar(Server):
    """A server that says the same of every flower."""

    def __init__(self, peer: Peer, strict: bool = True) -> None:
        super().__init__(peer, 0, 0, 0.0)
        self.strict = strict

    def ask(self, request: Request) -> bytes:
        if "Authorization" not in request.headers and self.strict:
            raise DidNotServe("/predict gave 401: no token")
        return b'{"result": "Iris-setosa"}'


def test_refuses_to_load_a_server_that_answers_wrongly() -> None:
    """The same class for the same row, or no figure."""
    with pytest.raises(WrongAnswer, match="ours, one row: 150 answers to 150 rows, wrong at"):
        verify(_Liar(Ours()))
    with pytest.raises(WrongAnswer, match="ours answers without a token"):
        verify(_Liar(Ours(), strict=False))
    assert {"Iris-setosa", "Iris-versicolor", "Iris-virginica"} == set(expected(TREE))


def test_every_peer_is_pinned_and_says_how_it_runs() -> None:
    """Nothing is installed that is not of one version; every page is linked."""
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    for peer in PEERS:
        assert all("==" in requirement for requirement in peer.requirements), peer.name
        assert peer.settings
        place = Place(Path("/nowhere/bin"), Path("/nowhere"))
        assert "5000" in " ".join([*peer.argv(place, 5000), *peer.environ(place, 5000).values()])
        if peer.requirements or peer.debian:
            assert peer.documentation.startswith("https://")


def test_knows_the_versions_of_this_environment() -> None:
    """They are part of the record."""
    found = environments.versions(Ours(), Path(sys.executable).parent)

    assert "scikit-learn" in found


def _benchmark(*arguments: str) -> str:
    argv = [sys.executable, "-m", "benchmarks.peers", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=280, check=True).stdout


@need("wrk")
def test_measures_ours_beside_the_bare_response() -> None:
    """Every load of the quick form is there, none of its requests failed."""
    run = Run.from_json(json.loads(_benchmark("--quick", "--only", "ours,bare", "--json")))

    assert ["ours", "bare"] == [found.name for found in run.peers]
    for found in run.peers:
        assert found.reason == ""
        assert {"1": 1, "16": 1, "64": 1} == {key: len(runs) for key, runs in found.loads.items()}
        assert all(load.requests > 150 for runs in found.loads.values() for load in runs)
        assert found.failed == 0
        assert found.memory
        assert found.ready[0] > 0
    assert {RECORDS, COLUMNAR} == set(run.peers[0].large)
    ratios = {goal.other: goal.ratio for goal in goals(run)}
    assert ratios["bare Falcon response"] is not None
    assert len(rows()) == 150
