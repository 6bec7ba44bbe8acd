"""Load a server with a bit of everything for long, and see that nothing grows."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import random
import statistics
import time
from collections import defaultdict
from pathlib import Path

import psutil

from benchmarks.faults.crashes import settled
from benchmarks.faults.http_shapes import BODIES
from benchmarks.faults.leftovers import Inventory, role_of
from benchmarks.faults.load import Load
from benchmarks.faults.memory import resident
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import LANGUAGES, fit_factors, multiplier
from benchmarks.serving.project import Project
from benchmarks.serving.server import Server, serving, until

MIB = 1024 * 1024
LARGE = 150_000
"""Rows of the large requests: more than 1 MiB, so that they travel beside their frame."""

_TICK = 0.2
_BAD = [(media, body) for media, body in BODIES if len(body) < 100_000]


@scenario(
    16,
    "one hour of mixed load: three languages, GET and POST, small and large, bad requests, "
    "activations, a kill now and then",
    "0 failed; descriptors and memory flat",
    minutes=0.5,
    every=3.0,
    flat=0.5,
)
def soak(
    folder: Path,
    minutes: float = 60.0,
    rate: float = 60.0,
    every: float = 20.0,
    flat: float = 0.05,
    languages: tuple[str, ...] = LANGUAGES,
) -> Outcome:
    """``rate`` is requests a second for each language; ``every`` so many seconds one version is
    activated and one worker killed. A role's memory is flat if the line fitted through the second
    half of its samples rises by no more than ``flat`` of their mean, or 4 MiB. Samples are of
    resident memory: a proportional share (PSS) rises as soon as another process ends.
    """
    projects = {each: multiplier(folder / each, each) for each in languages}
    factors = {each: fit_factors(projects[each], [2.0, 3.0]) for each in languages}
    with serving(*projects.values()) as server:
        before = _warm(server, languages)
        with contextlib.ExitStack() as stack:
            loads = [
                stack.enter_context(
                    Load(server.port, each, factors[each], connections=4, rate=rate, rows=rows)
                )
                for each in languages
                for rows in ((1, 1, 5, 1, 200),)
            ]
            loads += [
                stack.enter_context(
                    Load(
                        server.port, each, factors[each], connections=1, rate=0.2, rows=(LARGE,),
                        first=2**40,
                    )
                )
                for each in languages
            ]  # fmt: skip
            run = _Run(server, projects, minutes * 60, every)
            run.go()
        counts = [load.counts() for load in loads]
        outcome = Outcome(
            run.kills + run.activations,
            requests=sum(each["requests"] for each in counts),
            failed=sum(each["failed"] for each in counts),
            wrong=sum(each["wrong"] for each in counts),
            worst_seconds=max(load.worst_seconds for load in loads),
        ).judge()
        for load in loads:
            outcome.notes += load.complaints()
        outcome.breaches += run.faults[:10]
        failures = [each for each in server.events if each.get("event") == "request failed"]
        # What a killed worker was asked a second time may be a 502; an unforeseen 500 may not be.
        outcome.notes += [str(each)[-600:] for each in failures if each["error"] == "internal"][:3]
        _settle(server, languages)
        outcome.breaches += before.differences(server, 30.0)
    outcome.breaches += before.remains()
    for role, samples in run.memory.items():
        grown, mean = growth(samples)
        outcome.check(
            grown <= max(flat * mean, 4 * MIB),
            f"{role}: {grown / MIB:.1f} MiB more in the second half, of {mean / MIB:.0f}",
        )
        outcome.notes.append(f"{role} {mean / MIB:.0f} MiB, {grown / MIB:+.1f}")
    outcome.notes.append(
        f"{minutes:g} minutes, {run.bad} bad requests, {run.kills} kills, "
        f"{run.activations} activations"
    )
    return outcome


def _warm(server: Server, languages: tuple[str, ...]) -> Inventory:
    """Use everything once, so that what is opened for good is counted before."""
    _settle(server, languages)
    for each in languages:
        server.predict(each, x=1.0)
    server.get("/list")
    server.get("/alive")
    return Inventory.settled(server)


def _settle(server: Server, languages: tuple[str, ...]) -> None:
    slow = "julia" if "julia" in languages else ""
    until(lambda: settled(server, slow), 120, "all workers and spares are there")


def growth(samples: list[tuple[float, int]]) -> tuple[float, float]:
    """Give by how much the line through the second half of the samples rises, and their mean."""
    half = samples[len(samples) // 2 :]
    times, sizes = [time for time, _ in half], [size for _, size in half]
    if len(half) < 3:
        return 0.0, float(sizes[-1]) if sizes else 0.0
    slope = statistics.linear_regression(times, sizes).slope
    return slope * (times[-1] - times[0]), statistics.fmean(sizes)


class _Run:
    """What happens beside the load, in turns of `_TICK`."""

    def __init__(
        self, server: Server, projects: dict[str, Project], seconds: float, every: float
    ) -> None:
        self.kills = self.activations = self.bad = 0
        self.faults: list[str] = []
        self.memory: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self._server, self._projects = server, projects
        self._seconds, self._every = seconds, every
        self._chance = random.Random(1)

    def go(self) -> None:
        """Go on for the time given."""
        began = time.monotonic()
        acts = itertools.cycle((self._activate, self._kill))
        next_act, next_sample = began + self._every / 2, began
        services = itertools.cycle(self._projects)
        while (now := time.monotonic()) - began < self._seconds:
            if now >= next_sample:
                self._sample(now)
                next_sample = now + min(5.0, self._seconds / 40)
            if now >= next_act:
                next(acts)(next(services))
                next_act = now + self._every / 2
            self._ask_badly(next(services))
            time.sleep(_TICK)

    def _sample(self, now: float) -> None:
        root = psutil.Process(self._server.process.pid)
        found: dict[str, list[int]] = defaultdict(list)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error, OSError):
                found[role_of(process)].append(resident(process.pid))
        for role, sizes in found.items():
            if role.startswith(("supervisor", "gunicorn", "front-end", "adapter")):
                # The largest: beside it there may be one that is only being started.
                self.memory[role].append((now, max(sizes)))

    def _activate(self, service: str) -> None:
        version = str(1 + self.activations // len(self._projects) % 2)
        done = self._projects[service].run("activate", version)
        self.activations += 1
        if done.code != 0:
            self.faults.append(f"activate: {done.stderr[-300:]}")

    def _kill(self, service: str) -> None:
        for pid in self._server.worker_pids(service)[:1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
                self.kills += 1

    def _ask_badly(self, service: str) -> None:
        media, body = self._chance.choice(_BAD)
        try:
            status, _, _ = self._server.request(
                "POST", f"/services/{service}/predict", body, **{"Content-Type": media}
            )
        except (OSError, http.client.HTTPException, ValueError) as ex:
            self.faults.append(f"a bad request of {media}, {body[:60]!r}: {ex!r}")
            return
        self.bad += 1
        if status >= 500:
            self.faults.append(f"a bad request of {media}, {body[:60]!r}: {status}")
