"""Switch versions back and forth under load, and activate what cannot start."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from benchmarks.faults.crashes import at_rest
from benchmarks.faults.load import Answer, Load
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import fit_factors, multiplier
from benchmarks.serving.project import Project, write_project
from benchmarks.serving.server import Server, serving, until
from runner.store import Store
from runner.workers.acknowledged import wait


@scenario(
    7,
    "200 activations back and forth under 32 connections, two front-ends",
    "0 failed, 0 wrong; 0 answers of the old version to requests sent after the acknowledgement",
    trials=6,
)
def activations(folder: Path, trials: int = 200) -> Outcome:
    """``worst_seconds``: from an activation to its acknowledgement."""
    project = multiplier(folder / "python")
    factors = fit_factors(project, [2.0, 3.0])
    outcome = Outcome(trials)
    acknowledged: list[tuple[float, int]] = []
    answers: list[Answer] = []
    with (
        serving(project, options=("--workers", "2")) as server,
        Store.open(f"sqlite:///{project.folder / 'runner.db'}") as store,
    ):
        before = at_rest(server, "python", factors)
        with Load(server.port, "python", factors, connections=32, on_answer=answers.append) as load:
            load.wait_for(100)
            worst = 0.0
            for trial in range(trials):
                number = 1 + trial % 2
                began = time.monotonic()
                store.activate("python", number, by="faults")
                wait(store, "python", number, timeout=60.0)
                acknowledged.append((time.monotonic(), number))
                worst = max(worst, acknowledged[-1][0] - began)
                load.wait_for(50)
                ended = time.monotonic()
                late = [
                    each
                    for each in answers
                    if acknowledged[-1][0] <= each.sent
                    and each.sent + each.seconds <= ended
                    and each.version != number
                ]
                outcome.check(not late, f"{len(late)} answers of the former version at {trial}")
                answers.clear()
        outcome.requests, outcome.failed, outcome.wrong = load.requests, load.failed, load.wrong
        outcome.notes += load.complaints()
        outcome.worst_seconds = worst
        outcome.check(set(load.versions) >= {1, 2}, f"versions seen: {dict(load.versions)}")
        outcome.breaches += before.differences(server, 20.0)
    outcome.breaches += before.remains()
    return outcome.judge()


_BOMB = '''
"""A model that can be fitted and stored, and ends its process when it is loaded."""
import os

class Bomb:
    def fit(self, X, y):
        self.fitted = True  # or there would be no state to set
        return self

    def predict(self, X):
        return X[:, 0]

    def __setstate__(self, state):
        if os.path.exists({fuse!r}):
            os._exit(7)
        self.__dict__.update(state)
'''


@scenario(
    6,
    "a model that cannot start (crash loop), with and without a former version; others beside it",
    "at most 5 tries a minute, failed with the reason in /alive and runner list; others serve on",
    seconds=25.0,
)
def crash_loop(folder: Path, seconds: float = 60.0) -> Outcome:
    """``trials`` are the tries that were seen."""
    good = multiplier(folder / "good", name="good")
    factors = fit_factors(good, [2.0])
    fuse = folder / "fuse"
    renewed, broken = (_bomb(folder / name, name, fuse) for name in ("renewed", "broken"))
    fit_good_then_bomb(renewed)
    broken.fit()
    fuse.touch()
    outcome = Outcome(0)
    with serving(good, renewed, broken, wait=False) as server:
        until(lambda: _state(server, "good") == "ready", what="the good service is ready")
        began = time.monotonic()
        with Load(server.port, "good", factors, connections=8) as load:
            done = renewed.run("activate", "2")
            outcome.check(done.code == 1, f"activate: exit code {done.code}, {done.stdout}")
            outcome.check("exit code 7" in done.stderr, f"activate says {done.stderr!r}")
            while time.monotonic() < began + seconds:
                time.sleep(0.5)
                status, body = server.predict("renewed", x=3.0)
                outcome.check(
                    (status, body.get("result")) == (200, 6.0), f"the former version: {status}"
                )
            for project, name, serves in ((renewed, "renewed", 1), (broken, "broken", None)):
                (told,) = project.run("list", "--json").json["servers"]
                said = (told["version"], told["state"], "exit code 7" in told["reason"])
                outcome.check(said == (serves, "failed", True), f"list of {name}: {told}")
                failures = server.get("/alive")[1]["failures"]
                found = [each for each in failures if each["service"] == name]
                outcome.check(
                    len(found) == 1 and "exit code 7" in found[0]["reason"], f"/alive: {failures}"
                )
        for name in ("renewed", "broken"):
            tries = [
                event
                for event in server.events
                if event.get("event") == "version cannot start" and event.get("service") == name
            ]
            outcome.trials += len(tries)
            most = 5 * max(1.0, seconds / 60.0)
            outcome.check(2 <= len(tries) <= most, f"{len(tries)} tries in {seconds:g} s")
        outcome.requests, outcome.failed, outcome.wrong = load.requests, load.failed, load.wrong
        outcome.notes += load.complaints()
    return outcome.judge()


def _bomb(folder: Path, name: str, fuse: Path) -> Project:
    rows = "\n".join(f"{x}.0,{x}.0" for x in range(1, 11))
    return write_project(
        folder,
        f"""\
        service_metadata: {{service_name: {name}, service_version: "1.0"}}
        dataset_loader_train: {{"!": runner.datasets.CSV, path: data.csv, target_column: y}}
        model: {{"!": bomb.Bomb}}
        """,
        data__csv=f"x,y\n{rows}\n",
        bomb__py=_BOMB.format(fuse=str(fuse)),
    )


def fit_good_then_bomb(project: Project) -> None:
    """Make version 1 a multiplier, which serves, and version 2 the bomb, which is not active."""
    kept = project.config.read_text()
    former = multiplier(project.folder.parent / "former", name=project.folder.name)
    shutil.copy(former.folder / "tricks.py", project.folder)
    project.config.write_text(former.config.read_text())
    project.fit()
    project.config.write_text(kept)
    project.fit("--no-activate")


def _state(server: Server, service: str) -> str:
    try:
        return str(server.get("/alive")[1]["services"][service]["state"])
    except (OSError, KeyError):
        return ""
