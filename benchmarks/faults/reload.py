"""Change a server's configs, or stop it, while clients ask."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.faults.leftovers import Inventory
from benchmarks.faults.load import Answer, Load
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import fit_factors, multiplier
from benchmarks.serving.project import Project
from benchmarks.serving.server import Server, serving, until

_REFUSED = "new config refused, serving on with the former one"


@scenario(
    10,
    "SIGHUP under load: a service more, one fewer, other replicas, other limits, a faulty config",
    "0 failed; a faulty config is refused whole, with all its faults",
    trials=5,
)
def sighup(folder: Path, trials: int = 50, connections: int = 16) -> Outcome:
    """``worst_seconds``: from the signal until the new config is in force."""
    project = multiplier(folder / "python", service="replicas: 1", more="server: {max_rows: 1000}")
    factors = fit_factors(project, [2.0])
    other = multiplier(folder / "other", name="other", more="server: {max_rows: 1000}")
    other.fit()
    aside = other.config.with_suffix(".off")
    other.config.rename(aside)
    all_of_them = Project(project.folder)
    all_of_them.config = folder / "*" / "runner.yaml"
    changes = [
        lambda server: _replicas(server, project),
        lambda server: _another(server, aside, other.config),
        lambda server: _one_fewer(server, aside, other.config),
        lambda server: _limits(server, project, aside),
        lambda server: _faulty(server, project),
    ]
    outcome = Outcome(trials, worst_seconds=0.0)
    with serving(all_of_them) as server:
        with Load(server.port, "python", factors, connections=connections) as load:
            for trial in range(trials):
                load.wait_for(connections)
                began = time.monotonic()
                changes[trial % len(changes)](server)
                outcome.worst_seconds = max(outcome.worst_seconds or 0, time.monotonic() - began)
            load.wait_for(connections)
        before = Inventory.settled(server)
        outcome.notes += load.complaints()
    for name, count in load.counts().items():
        setattr(outcome, name, count)
    outcome.breaches += before.remains()
    return outcome.judge()


def _hup(server: Server, effect: Callable[[], object], what: str) -> None:
    server.process.send_signal(signal.SIGHUP)
    until(effect, 120, what)


def _rewrite(config: Path, *pairs: tuple[str, str]) -> None:
    text = config.read_text(encoding="utf-8")
    for old, new in pairs:
        if old in text:
            config.write_text(text.replace(old, new), encoding="utf-8")
            return
    raise ValueError(f"{config} has none of {pairs}")


def _replicas(server: Server, project: Project) -> None:
    former = set(server.worker_pids("python"))
    _rewrite(project.config, ("replicas: 1", "replicas: 2"), ("replicas: 2", "replicas: 1"))
    wanted = 3 - len(former)

    def replaced() -> bool:
        now = set(server.worker_pids("python"))
        return len(now) == wanted and not now & former

    _hup(server, replaced, f"{wanted} new workers in place of {former}")


def _another(server: Server, aside: Path, config: Path) -> None:
    aside.rename(config)
    _hup(server, lambda: server.predict("other", x=2.0)[0] == 200, "the new service answers")


def _one_fewer(server: Server, aside: Path, config: Path) -> None:
    config.rename(aside)

    def gone() -> bool:
        return server.predict("other", x=2.0)[0] == 404 and not server.worker_pids("other")

    _hup(server, gone, "the removed service is gone, its worker too")


def _limits(server: Server, project: Project, aside: Path) -> None:
    former = {process.pid for process in server.front_ends()}
    for config in (project.config, aside):  # all services of a server say the same
        _rewrite(config, ("max_rows: 1000", "max_rows: 2000"), ("max_rows: 2000", "max_rows: 1000"))

    def replaced() -> bool:
        now = {process.pid for process in server.front_ends()}
        return bool(now) and not now & former

    _hup(server, replaced, "new front-ends serve, the former ones have ended")


def _faulty(server: Server, project: Project) -> None:
    good = project.config.read_text(encoding="utf-8")
    told = sum(event.get("event") == _REFUSED for event in server.events)
    project.config.write_text(good.replace("replicas: ", "replica: ") + "\nscorin: r2\n")

    def refused() -> bool:
        found = [event for event in server.events if event.get("event") == _REFUSED]
        return len(found) > told and len(found[-1]["faults"]) == 2

    _hup(server, refused, "both faults are in the log")
    project.config.write_text(good, encoding="utf-8")


@scenario(
    10,
    "SIGTERM under load",
    "0 failed, on connections that had been answered before and on new ones; within the grace time",
    trials=2,
)
def sigterm(folder: Path, trials: int = 20, connections: int = 32, grace: float = 10.0) -> Outcome:
    """``worst_seconds``: from the signal to the server's end."""
    project = multiplier(folder / "python", more=f"server: {{graceful_timeout: {grace}}}")
    factors = fit_factors(project, [2.0])
    outcome = Outcome(trials, worst_seconds=0.0, limit_seconds=grace)
    refused = reset = 0

    def count(answer: Answer) -> None:
        nonlocal refused, reset
        if answer.status == 0 and "ConnectionRefused" in answer.fault:
            refused += 1
        elif answer.status == 0 and answer.fresh:
            reset += 1

    for _ in range(trials):
        with (
            serving(project, options=("--workers", "2")) as server,
            Load(server.port, "python", factors, connections=connections, on_answer=count) as load,
        ):
            before = Inventory.of(server)  # its processes are asked for alone
            load.wait_for(10 * connections)
            began = time.monotonic()
            code = server.end(timeout=grace + 30)
            outcome.worst_seconds = max(outcome.worst_seconds or 0, time.monotonic() - began)
            outcome.check(code == 0, f"exit code {code}")
        outcome.count(load)
        outcome.notes += [
            f"{fault.status}: {fault.fault}"
            for fault in load.faults
            if "ConnectionRefused" not in fault.fault
        ][:3]
        outcome.breaches += before.remains()
    outcome.notes.append(f"{reset} of the failed on connections that had not been answered before")
    # Once nobody listens any more, connections are refused: these were no server's requests.
    outcome.requests -= refused
    outcome.failed -= refused
    return outcome.judge()
