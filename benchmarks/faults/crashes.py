"""Kill workers under load: from outside, from model code, by a row that always kills."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.faults.leftovers import Inventory
from benchmarks.faults.load import Answer, Load
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import EXIT, SEGFAULT, fit_factors, multiplier
from benchmarks.serving.server import Server, serving, until

NOTHING = "0 failed, 0 wrong, 0 crossed; nothing left behind"


class Recovery:
    """Measure from a fault to the first answer of a request sent after it."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._since: float | None = None

    def begin(self) -> None:
        self.worst, self._since = self.worst, time.monotonic()

    def note(self, answer: Answer) -> None:
        since = self._since
        if since is not None and answer.sent > since and not answer.fault:
            self._since = None
            self.worst = max(self.worst, answer.sent + answer.seconds - since)


@contextmanager
def loaded(
    folder: Path,
    outcome: Outcome,
    language: str = "python",
    service: str = "",
    options: tuple[str, ...] = (),
) -> Iterator[tuple[Server, Load, Recovery]]:
    """Serve a multiplier under 32 connections; afterwards judge what the load and the tree saw."""
    project = multiplier(folder / language, language, service=service)
    factors = fit_factors(project, [2.0])
    recovery = Recovery()
    with serving(project, options=options) as server:
        until(lambda: settled(server, language), what="all workers and spares are there")
        before = at_rest(server, language, factors)
        load = Load(server.port, language, factors, connections=32, on_answer=recovery.note)
        with load:
            load.wait_for(100)
            yield server, load, recovery
        outcome.requests, outcome.failed, outcome.wrong = (
            outcome.requests + load.requests,
            outcome.failed + load.failed,
            outcome.wrong + load.wrong,
        )
        outcome.notes += load.complaints()
        outcome.worst_seconds = max(outcome.worst_seconds or 0.0, recovery.worst)
        until(lambda: settled(server, language), 60, what="all workers and spares are back")
        outcome.breaches += before.differences(server)
    outcome.breaches += before.remains()


def at_rest(server: Server, service: str, factors: Mapping[int, float]) -> Inventory:
    """Take stock once every front-end has opened what it opens at a first request: its records.

    On a busy machine one front-end may take all connections, and the other none of a hundred.
    """

    def all_have_answered() -> bool:
        with Load(server.port, service, factors, connections=32) as load:
            load.wait_for(100)
        return all(_records(each) for each in server.front_ends())

    until(all_have_answered, 60, "every front-end has answered")
    return Inventory.settled(server)


def _records(front_end: psutil.Process) -> bool:
    return any(each.path.endswith("-audit.jsonl") for each in front_end.open_files())


def settled(server: Server, language: str) -> bool:
    """Whether every worker is ready, and so is the spare that Julia has."""
    _, body = server.get("/alive")
    ready = all(worker["state"] == "ready" for worker in body["workers"])
    return ready and len(body["spares"]) == (language == "julia")


@scenario(
    1, "SIGKILL an adapter worker 50 times under 32 connections", NOTHING, trials=5, requests=0
)
def sigkill_worker(
    folder: Path, trials: int = 50, requests: int = 20_000, language: str = "python"
) -> Outcome:
    """``worst_seconds``: from a kill to the first answer of a request sent after it."""
    outcome = Outcome(trials)
    with loaded(folder, outcome, language) as (server, load, recovery):
        for _ in range(trials):
            load.wait_for(max(100, requests // trials))
            (pid,) = until(lambda: server.worker_pids(language))
            recovery.begin()
            psutil.Process(pid).kill()
        load.wait_for(500)
    return outcome.judge()


@scenario(1, "SIGKILL both of two replicas at once", NOTHING, trials=3, requests=0)
def sigkill_both_replicas(folder: Path, trials: int = 20, requests: int = 20_000) -> Outcome:
    """``worst_seconds``: from the kills to the first answer of a request sent after them."""
    outcome = Outcome(trials)
    options = ("--workers", "2")
    with loaded(folder, outcome, service="replicas: 2", options=options) as found:
        server, load, recovery = found
        for _ in range(trials):
            load.wait_for(max(100, requests // trials))
            pids = until(lambda: len(p := server.worker_pids("python")) == 2 and p)
            recovery.begin()
            for pid in pids:
                psutil.Process(pid).kill()
        load.wait_for(500)
    return outcome.judge()


@scenario(
    2,
    "exit(0) from model code in mid-request; segfault in native code",
    "502 model_crashed after one retry for that request, 0 failed and 0 wrong for all others",
    trials=1,
    requests=0,
)
def dying_model(
    folder: Path,
    trials: int = 5,
    requests: int = 20_000,
    languages: Sequence[str] = ("python", "r", "julia"),
) -> Outcome:
    """``worst_seconds``: from a deadly request to the first answer of one sent after it."""
    outcome = Outcome(2 * trials * len(languages))
    for language in languages:
        for deadly in (EXIT, SEGFAULT):
            place = folder / f"{language}{deadly:g}"
            with loaded(place, outcome, language) as (server, load, recovery):
                for trial in range(trials):
                    load.wait_for(max(100, requests // (2 * trials * len(languages))))
                    recovery.begin()
                    # Another row each time: the same one would be remembered.
                    rows = [{"x": deadly}] * (trial + 1)
                    told = _ask(server, language, rows)
                    outcome.check(told == (502, "model_crashed"), f"{language} {deadly:g}: {told}")
                load.wait_for(100)
                restarts = _restarts(server)
                said = f"{restarts} restarts for {trials} requests, one retry each"
                outcome.check(restarts == 2 * trials, said)
    return outcome.judge()


@scenario(
    3,
    "rows that always kill the model, sent among good ones",
    "0 good ones failed; a deadly one is tried alone, answered 502, kills no more for a while",
    trials=3,
    requests=0,
)
def poison(folder: Path, trials: int = 25, requests: int = 20_000) -> Outcome:
    """Three kinds at once, at two front-ends, each of them sent again and again."""
    outcome = Outcome(trials)
    options = ("--workers", "2")
    with loaded(folder, outcome, options=options) as (server, load, recovery):
        with ThreadPoolExecutor() as threads:
            for trial in range(trials):
                load.wait_for(max(100, requests // trials))
                recovery.begin()
                kinds = [EXIT, SEGFAULT, -5.0]
                asked = [[{"x": kind}, {"x": 1.0 + trial // 5}] for kind in kinds]
                for told in threads.map(lambda rows: _ask(server, "python", rows), asked):
                    outcome.check(told == (502, "model_crashed"), f"poison: {told}")
        load.wait_for(500)
        # Each of three kinds, in each of five variants at most, may kill twice in each front-end.
        most = 3 * (1 + (trials - 1) // 5) * 2 * 2
        restarts = _restarts(server)
        outcome.check(restarts <= most, f"{restarts} restarts, at most {most}")
        outcome.notes.append(f"{3 * trials} deadly requests, {restarts} restarts")
    return outcome.judge()


def _ask(server: Server, service: str, rows: list[dict[str, float]]) -> tuple[int, str]:
    status, body, _ = server.request("POST", f"/services/{service}/predict", rows)
    return status, body["metadata"].get("error", "")


def _restarts(server: Server) -> int:
    _, body = server.get("/alive")
    return sum(worker["restarts"] for worker in body["workers"])
