"""Kill what writes and counts usage records, and compare them with what clients were answered."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.project import Project, run, tricky
from benchmarks.serving.server import Server, serving
from runner.audit import reading

LOG = "runner-audit.jsonl"
_IDS = itertools.count(1)


class Asking:
    """Connections that ask, each request under an id of its own, and keep what was answered."""

    def __init__(self, port: int, connections: int) -> None:
        self.answered: dict[str, int] = {}
        """Status by id, of answers that came whole; what is `unrecorded` has no id."""
        self.sent = 0
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(connections)]

    def __enter__(self) -> Asking:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        while not self._stop.is_set():
            name = f"r-{next(_IDS)}"
            self.sent += 1
            try:
                connection.request("GET", "/predict?x=1", headers={"X-Request-Id": name})
                response = connection.getresponse()
                response.read()
                if response.headers["X-Request-Id"] == name:
                    self.answered[name] = response.status
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.02)
        connection.close()


@scenario(
    41,
    "SIGKILL of front-ends and of the supervisor, which counts usage, 50 times under load, "
    "while the log is rotated",
    "each answered request has one record; the usage tables equal a recount; the chain is whole",
    trials=4,
)
def sigkill_of_record_writers(folder: Path, trials: int = 50, seed: int = 1) -> Outcome:
    """Requests that were cut off may have a record or none; none may have two."""
    project = tricky(folder / "tricks")
    project.fit()
    rng = random.Random(seed)
    outcome = Outcome(trials)
    answered: dict[str, int] = {}
    left = trials
    while left:
        with (
            serving(project, options=("--workers", "2")) as server,
            Asking(server.port, 8) as asking,
        ):
            supervisor_dies = False
            while left and not supervisor_dies:
                left -= 1
                time.sleep(rng.uniform(0.05, 1.5))
                if left % 4 == 0:
                    log = project.folder / LOG
                    with contextlib.suppress(FileNotFoundError):  # nobody wrote since the last
                        log.rename(log.with_name(f"{LOG}.{left}"))
                    time.sleep(rng.uniform(0.0, 0.1))
                supervisor_dies = rng.random() < 0.5
                victim = server.process.pid if supervisor_dies else rng.choice(_front_ends(server))
                with contextlib.suppress(ProcessLookupError):
                    psutil.Process(victim).send_signal(signal.SIGKILL)
            if supervisor_dies:
                server.process.wait(20)
            else:
                time.sleep(1.0)
        answered |= asking.answered
        outcome.requests += asking.sent
    compare(project, answered, outcome)
    return outcome


def _front_ends(server: Server) -> list[int]:
    """Give gunicorn's children, once there are any."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for child in psutil.Process(server.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if any("gunicorn" in word for word in child.cmdline()) and child.children():
                    return [each.pid for each in child.children()]
        time.sleep(0.05)
    raise TimeoutError("there are no front-ends")


_COUNTS = {
    "rows": "runner.rows",
    "bytes_in": "http.request.body.bytes",
    "bytes_out": "http.response.body.bytes",
}


def compare(project: Project, answered: Mapping[str, int], outcome: Outcome) -> None:
    """Hold the log against what was answered, status by id, and the tables against the log."""
    times: Counter[str] = Counter()
    status: dict[str, int] = {}
    plain: Counter[tuple[Any, ...]] = Counter()
    files = reading.names(project.folder / LOG)
    lines = list(itertools.chain.from_iterable(reading.lines(file) for file in files))
    for told in (json.loads(line.record) for line in lines if line.record):
        if told["event.action"] == "predict":
            times[told["http.request.id"]] += 1
            status[told["http.request.id"]] = told["http.response.status_code"]
            key = told.get("runner.model.version", 0), told["event.outcome"]
            plain[*key, "requests"] += 1
            for name, field in _COUNTS.items():
                plain[*key, name] += told.get(field, 0)
    missing = [name for name in answered if not times[name]]
    double = [name for name, number in times.items() if number > 1 and name.startswith("r-")]
    other = [name for name in answered if times[name] and status[name] != answered[name]]
    good = sum(each == 200 for each in answered.values())
    outcome.check(good > 10 * outcome.trials, f"only {good} good answers")
    outcome.check(not missing, f"{len(missing)} answered requests have no record: {missing[:3]}")
    outcome.check(not other, f"{len(other)} records tell of another status: {other[:3]}")
    outcome.check(not double, f"{len(double)} requests have several records: {double[:3]}")
    config = ("-c", str(project.config))
    arguments = ("usage", *config, "--by", "version,outcome", "--json")
    rows = run(*arguments).json["usage"]
    tables = Counter(
        {
            (row["version"], row["outcome"], name): row[name]
            for row in rows
            for name in ("requests", *_COUNTS)
        }
    )
    outcome.check(tables == plain, f"the tables have {dict(tables)}, the log {dict(plain)}")
    run("usage", "rebuild", *config)
    outcome.check(run(*arguments).json["usage"] == rows, "a rebuild makes other tables")
    verified = run("audit", "verify", *config)
    outcome.check(verified.code == 0, f"the chain is not whole: {verified.stderr.strip()}")
    logged, counted = (
        sum(number for key, number in each.items() if key[-1] == "requests")
        for each in (plain, tables)
    )
    outcome.notes.append(
        f"{len(answered)} answered, {good} with a prediction; {len(answered) - len(missing)} of "
        f"them with a record, {len(double)} with two; {logged - len(answered)} records of requests "
        f"that nobody saw answered; {counted} counted, {logged} in the log's {len(files)} files, "
        f"{sum(bool(line.piece) for line in lines)} cut off by a kill"
    )
