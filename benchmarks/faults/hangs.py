"""Stop workers, let models loop or eat memory, beside a service that must not notice."""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import psutil

from benchmarks.faults.load import Answer, Load
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import HANG, fit_factors, multiplier
from benchmarks.serving.project import write_project
from benchmarks.serving.server import Server, serving, until

DEADLINE = 1.0


@scenario(
    4,
    "SIGSTOP of a worker; an endless loop in R, Julia, Python",
    "504 within the deadline + 0.3 s, the worker replaced, 0 late answers; others' p99 within 2 x",
    trials=1,
    languages=("python",),
)
def hangs(
    folder: Path,
    trials: int = 5,
    languages: Sequence[str] = ("python", "r", "julia"),
    timed: bool = True,
) -> Outcome:
    """``worst_seconds``: until the 504. The counted requests are those of the service beside it.

    ``timed``: whether seconds are judged; on a busy machine they tell nothing.
    """
    outcome = Outcome(2 * trials * len(languages), limit_seconds=DEADLINE + 0.3 if timed else None)
    worst = 0.0
    for language in languages:
        project = multiplier(folder / language, language, service=f"timeout: {DEADLINE}")
        other = multiplier(folder / f"other-{language}", name="other")
        factors, factors_of_other = fit_factors(project, [2.0]), fit_factors(other, [3.0])
        answers: list[Answer] = []
        with serving(project, other) as server:
            beside = Load(
                server.port, "other", factors_of_other, connections=8, rate=200,
                on_answer=answers.append,
            )  # fmt: skip
            with beside, Load(server.port, language, factors, connections=4, rate=50) as load:
                beside.wait_for(400)
                calm, answers[:] = _p99(answers), []
                for cause in (_stop, _loop):
                    for _ in range(trials):
                        (pid,) = until(partial(_ready, server, language))
                        seconds, told = cause(server, language, pid)
                        worst = max(worst, seconds)
                        outcome.check(told == 504, f"{language} {cause.__name__}: {told}")
                        until(partial(_replaced, server, language, pid), 60)
                        outcome.check(not psutil.pid_exists(pid), f"process {pid} is still there")
                beside.wait_for(100)
        hung = _p99(answers)
        outcome.notes.append(
            f"{language}: p99 beside it {calm * 1e3:.1f} ms, then {hung * 1e3:.1f}"
        )
        outcome.check(hung <= 2 * calm or not timed, f"{language}: p99 {calm:.4f} to {hung:.4f} s")
        outcome.requests += beside.requests
        outcome.failed += beside.failed
        outcome.wrong += beside.wrong + load.wrong
        outcome.notes += beside.complaints()
    outcome.worst_seconds = worst
    return outcome.judge()


def _stop(server: Server, service: str, pid: int) -> tuple[float, int]:
    psutil.Process(pid).send_signal(signal.SIGSTOP)
    return _timed(lambda: server.predict(service, x=1.0)[0])


def _loop(server: Server, service: str, pid: int) -> tuple[float, int]:
    return _timed(lambda: server.predict(service, x=HANG)[0])


def _timed(ask: Callable[[], int]) -> tuple[float, int]:
    began = time.monotonic()
    status = ask()
    return time.monotonic() - began, status


def _ready(server: Server, service: str) -> list[int]:
    _, body = server.get("/alive")
    return [
        each["pid"]
        for each in body["workers"]
        if each["service"] == service and each["state"] == "ready"
    ]


def _replaced(server: Server, service: str, pid: int) -> bool:
    return _ready(server, service) not in ([], [pid])


def _p99(answers: Sequence[Answer]) -> float:
    return statistics.quantiles([each.seconds for each in answers], n=100)[98]


_EATER = '''
class Eater:
    """Keeps a list of what it was asked; -1 makes it eat 400 MB."""
    def __init__(self):
        self.eaten = []

    def fit(self, X, y):
        self.fitted = True
        return self

    def predict(self, X):
        import time
        if (X[:, 0] == -1.0).any():
            for _ in range(40):
                self.eaten.append(bytearray(b"x" * 10_000_000))
                time.sleep(0.02)
            time.sleep(5)
        return X[:, 0] * 2
'''


@scenario(
    5,
    "a worker over its memory limit",
    "that worker alone is killed, the log says so; others serve on",
    trials=1,
)
def memory_limit(folder: Path, trials: int = 3) -> Outcome:
    """The counted requests are those of the service beside it."""
    rows = "\n".join(f"{x}.0,{2 * x}.0" for x in range(1, 11))
    eater = write_project(
        folder / "eater",
        """\
        service_metadata: {service_name: eater, service_version: "1.0"}
        dataset_loader_train: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
        model: {"!": eater.Eater}
        adapter: {memory_limit: 250 MiB}
        """,
        data__csv=f"x,y\n{rows}\n",
        eater__py=_EATER,
    )
    eater.fit()
    other = multiplier(folder / "other", name="other")
    factors = fit_factors(other, [3.0])
    outcome = Outcome(trials)
    with serving(eater, other) as server:
        (beside,) = _ready(server, "other")
        with Load(server.port, "other", factors, connections=8) as load:
            for trial in range(trials):
                load.wait_for(50)
                status, body, _ = server.request(
                    "POST", "/services/eater/predict", [{"x": -1.0}] * (trial + 1)
                )
                told = (status, body["metadata"].get("error"))
                outcome.check(told == (502, "model_crashed"), f"the eater is told {told}")
                status, body = server.predict("eater", x=4.0)
                outcome.check((status, body.get("result")) == (200, 8.0), f"afterwards {status}")
        outcome.check(_ready(server, "other") == [beside], "another worker was replaced, too")
        killed = [each for each in server.events if "exceed memory_limit" in str(each.get("line"))]
        services = {each.get("service") for each in killed}
        outcome.check(len(killed) == 2 * trials, f"{len(killed)} lines in the log")
        outcome.check(services == {"eater"}, f"the log names {services}")
        outcome.requests, outcome.failed, outcome.wrong = load.requests, load.failed, load.wrong
        outcome.notes += load.complaints()
    return outcome.judge()
