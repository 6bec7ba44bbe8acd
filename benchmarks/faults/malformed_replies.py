"""Send malformed frames to the runner: from an adapter to a front-end, and to the supervisor."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
import time
from collections import Counter
from pathlib import Path

import orjson

from benchmarks.faults.corpus import drawn, golden, streams
from benchmarks.faults.leftovers import Inventory
from benchmarks.faults.load import Answer, Load
from benchmarks.faults.lying_adapter import LIE
from benchmarks.faults.malformed_http import in_shape
from benchmarks.faults.memory import forget_peak, peak
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import fit_factors, multiplier
from benchmarks.serving.project import write_project
from benchmarks.serving.server import serving, until
from contracts.wire import frame

MIB = 1024 * 1024
ROOM = 48 * MIB
"""Bytes by which a front-end or the supervisor may grow meanwhile: SPEC 4.4 for the longest frame
that is sent, as of a worker (malformed_frames), rounded up for several connections."""

_TIMEOUT = 2.0
_LIARS = 8


@scenario(
    13,
    "100,000 malformed replies of an adapter at a front-end",
    "0 crashes, 0 hangs, other services: 0 failed; memory within the stated bound",
    frames=1_000,
)
def malformed_frames_at_front_end(folder: Path, frames: int = 100_000) -> Outcome:
    """``requests`` are those to another service; ``worst_seconds``: of a request that was lied to.

    Each malformed reply has the id of a request that waits; the right one follows.
    """
    command = json.dumps([sys.executable, "-m", "benchmarks.faults.lying_adapter"])
    root = Path(__file__).resolve().parents[2]
    liar = write_project(
        folder / "liar",
        f"""\
        service_metadata: {{service_name: liar, service_version: "1.0"}}
        dataset_loader_train: {{"!": runner.datasets.CSV, path: data.csv, target_column: y}}
        model: {{language: lying}}
        adapter: {{command: {command}, env: {{PYTHONPATH: {root}}}}}
        predict_service: {{timeout: {_TIMEOUT}}}
        """,
        data__csv="x,y\n1.0,2.0\n2.0,4.0\n",
    )
    liar.fit()
    good = multiplier(folder / "good", name="good")
    factors = fit_factors(good, [3.0])
    with serving(liar, good) as server:
        (front_end,) = server.front_ends()
        statuses: Counter[int] = Counter()
        complaints: Counter[str] = Counter()

        def judge(answer: Answer) -> None:
            statuses[answer.status] += 1
            text = answer.fault.partition(": ")[2]
            if answer.status not in (200, 422, 500, 502, 503, 504):
                complaints[f"a {answer.status}: {text[:200]}"] += 1
            elif answer.status != 200 and not in_shape(text.encode()):
                complaints[f"a {answer.status} in another shape: {text[:200]}"] += 1
            elif '"internal"' in text:  # it is our word for what nobody foresaw
                complaints[f"{answer.status} internal"] += 1

        with Load(server.port, "liar", {1: 2.0}, connections=_LIARS, first=int(LIE)) as warm:
            warm.wait_for(200)
        before = Inventory.settled(server)
        with Load(server.port, "good", factors, connections=4, rate=100) as load:
            load.wait_for(4)
            used = forget_peak(front_end.pid)
            with Load(
                server.port, "liar", {1: 2.0}, connections=_LIARS, first=int(LIE), on_answer=judge
            ) as lies:
                lies.wait_for(frames, 3600)
            grown = peak(front_end.pid) - used
            load.wait_for(4)
        outcome = Outcome(lies.requests, limit_seconds=2 * _TIMEOUT, **load.counts())
        outcome.worst_seconds = lies.worst_seconds
        outcome.judge()
        for complaint, count in complaints.most_common(5):
            outcome.check(False, f"{count} times: {complaint}")
        failures = [each for each in server.events if each.get("error") == "internal"]
        reasons = Counter(each["reason"][:200] for each in failures if "reason" in each)
        outcome.notes += [f"internal: {reason}" for reason in list(reasons)[:5]]
        status, body = until(
            lambda: (found := server.predict("liar", x=4.0))[0] == 200 and found, 30
        )
        outcome.check((status, body["result"]) == (200, 8.0), f"afterwards: {status} {body}")
        outcome.check(front_end.is_running(), "the front-end ended")
        outcome.breaches += before.differences(server, 15.0)
    outcome.check(grown <= ROOM, f"{grown / MIB:.0f} MiB more, at most {ROOM / MIB:.0f}")
    told = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    outcome.notes.append(f"{grown / MIB:.0f} MiB more at most; answers: {told}")
    return outcome


@scenario(
    13,
    "10,000 malformed messages at the supervisor's control socket",
    "0 crashes, 0 hangs, predictions: 0 failed; an activation still goes through",
    frames=300,
)
def malformed_frames_at_supervisor(folder: Path, frames: int = 10_000) -> Outcome:
    """``worst_seconds``: an activation afterwards, from the command's end to the first answer."""
    project = multiplier(folder / "good", name="good")
    factors = fit_factors(project, [2.0, 3.0])
    with serving(project) as server:
        (runtime,) = server.runtime_folders()
        before = Inventory.settled(server)
        pids = {each.pid for each in before.processes}
        supervisor = server.process.pid
        with Load(server.port, "good", factors, connections=4, rate=100) as load:
            load.wait_for(4)
            used = forget_peak(supervisor)
            asyncio.run(_pester(runtime / "control", frames))
            grown = peak(supervisor) - used
            now = {each.pid for each in Inventory.of(server).processes}
            # One more holds on to nonsense while a version changes.
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.connect(str(runtime / "control"))
                client.sendall(frame(orjson.dumps({"applied": "x", "sockets": [7, None]})))
                done = project.run("activate", "1")
                began = time.monotonic()
                until(lambda: server.predict("good", x=1.0)[1]["metadata"]["model_version"] == 1)
                seconds = time.monotonic() - began
            load.wait_for(20)
        outcome = Outcome(frames, worst_seconds=seconds, limit_seconds=20.0, **load.counts())
        outcome.judge()
        outcome.check(done.code == 0, f"activate: {done.stderr}")
        outcome.check(pids == now, f"processes {sorted(pids)} became {sorted(now)}")
        outcome.check(server.get("/alive")[0] == 200, "/alive fails")
        outcome.breaches += before.differences(server, 15.0)
        text = server.log.read_text(errors="replace")
        outcome.check("never retrieved" not in text, "a task's exception was never retrieved")
        outcome.check("client_connected_cb" not in text, "an exception was not handled")
    outcome.check(grown <= ROOM, f"{grown / MIB:.0f} MiB more, at most {ROOM / MIB:.0f}")
    outcome.notes.append(f"{grown / MIB:.0f} MiB more at most")
    return outcome


async def _pester(path: Path, frames: int) -> None:
    """Send each message on a connection of its own, and wait a moment for whatever comes."""
    chance = random.Random(1)
    for stream in _messages(frames, chance):
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            writer.write(stream)
            writer.write_eof()
            async with asyncio.timeout(20):
                await reader.read(-1)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()


def _messages(count: int, chance: random.Random) -> list[bytes]:
    odd = (None, True, -1, 2**70, 1e300, "", "x", [], [[]], {}, {"a": 1}, ["x"], [None])
    keys = ("applied", "sockets", "hung", "ask", "query", "arguments", "routes", "answer")
    damaged = streams([golden("request"), drawn(200)], count // 4 + 1)
    found = []
    for number in range(count):
        if number % 4 == 0:
            found.append(next(damaged))
        elif number % 4 == 1:
            found.append(frame(orjson.dumps(chance.choice((0, None, [], "applied", [1], {})))))
        else:
            message = {
                key: chance.choice(odd)
                if chance.random() < 0.8
                else chance.choice(("list", "alive"))
                for key in chance.sample(keys, chance.randint(1, 4))
            }
            found.append(frame(json.dumps(message).encode()))
    return found
