"""Usage is counted from the log: each record once, whoever is killed, on both databases."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from runner.audit import projector, reading
from runner.audit.projector import Projector
from runner.errors import Refused
from runner.store import Part, Store
from runner.store.usage import COUNTS, KEYS
from tests.audit.test_record import REQUEST
from tests.audit.test_trail import opened
from tests.store.conftest import postgres_cluster, postgres_url, sqlite_url, store, url

__all__ = ["postgres_cluster", "postgres_url", "sqlite_url", "store", "url"]


def write(log: Path, count: int, **fields: Any) -> None:
    """Let a process of its own chain write requests of several clients."""
    audit = opened(log)
    rng = random.Random(count)
    for number in range(count):
        audit.record.request(
            "predict",
            **{
                **REQUEST,
                "status": rng.choice([200, 200, 200, 422, 502]),
                "error": None,
                "seconds": rng.expovariate(100),
                "service": rng.choice(["iris", "wine"]),
                "version": rng.randrange(1, 3),
                "client": rng.choice([None, "billing", "shop"]),
                "rows": rng.randrange(5),
                **fields,
            },
        )
        if number % 7 == 0:
            audit.trail.flush()
    audit.close()


def recount(log: Path) -> Counter[tuple[Any, ...]]:
    """Count what a log tells of requests in the plainest way."""
    found: Counter[tuple[Any, ...]] = Counter()
    for file in reading.names(log):
        with reading.opened(file) as stream:
            for line in stream:
                told = json.loads(line)
                if told["event.action"] != "predict":
                    continue
                key = (
                    datetime.fromisoformat(told["@timestamp"][:13] + ":00:00+00:00"),
                    told.get("service.name", ""),
                    told.get("runner.model.version", 0),
                    told.get("client.id", ""),
                    told["event.outcome"],
                )
                found[(*key, "requests")] += 1
                found[(*key, "rows")] += told.get("runner.rows", 0)
                found[(*key, "errors")] += told["http.response.status_code"] >= 500
                found[(*key, "bytes_in")] += told["http.request.body.bytes"]
                found[(*key, "bytes_out")] += told["http.response.body.bytes"]
                found[(*key, "nanoseconds")] += told["event.duration"]
    return found


def counted(store: Store) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for row in store.usage.counts(KEYS):
        for name in COUNTS:
            if not name.startswith("latency_"):
                found[(*(row[key] for key in KEYS), name)] += row[name]
    return found


def test_counts_are_those_of_the_log(store: Store, tmp_path: Path) -> None:
    """Step by step, across rotation and compression, the tables equal a recount and a rebuild."""
    log = tmp_path / "log"
    project = Projector(log, store)
    project.step()
    for turn in range(3):
        write(log, 200)
        project.step()
        write(log, 50)
        log.rename(tmp_path / f"log.{turn}")
    packed = tmp_path / "log.0"
    (tmp_path / "log.0.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    write(log, 10)
    for _ in range(3):
        project.step()
    found = counted(store)
    assert found == recount(log)
    assert sum(n for key, n in found.items() if key[-1] == "requests") == 760
    before = store.usage.counts(KEYS)
    assert project.rebuild() == 760
    assert store.usage.counts(KEYS) == before
    write(log, 5)
    project.step()
    assert counted(store) == recount(log)


def test_histogram(store: Store, tmp_path: Path) -> None:
    """A request is in the first bucket whose end is not below its duration."""
    log = tmp_path / "log"
    for seconds in (0.0005, 0.001, 0.0011, 9.0, 11.0):
        write(log, 1, seconds=seconds, status=502)
    Projector(log, store).step()
    (row,) = store.usage.counts(())
    buckets = [row[name] for name in COUNTS if name.startswith("latency_")]
    assert buckets == [2, 1, *[0] * 10, 1, 1][: len(buckets)]
    assert (row["errors"], sum(buckets)) == (5, 5)


def test_many_projectors(store: Store, tmp_path: Path) -> None:
    """Two that count the same log in turns, from what each believes, count nothing twice."""
    log = tmp_path / "log"
    one, other = Projector(log, store), Projector(log, store)
    for _ in range(4):
        write(log, 30)
        one.step()
        other.step()
        write(log, 3)
        other.step()
    one.step()
    assert counted(store) == recount(log)


def test_stale_position(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What begins at a position that somebody else has moved is not added."""
    log = tmp_path / "log"
    write(log, 20)
    file = reading.identity(log)
    assert file is not None
    part = projector._read(log, file, 0)
    assert part is not None
    assert store.usage.add("l", part)
    assert not store.usage.add("l", part)
    (row,) = store.usage.counts(())
    assert row["requests"] == 20


def test_a_busy_log(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written while a part is counted waits for the next look: others want the store."""
    log = tmp_path / "log"
    write(log, 50)
    add, added = store.usage.add, []

    def busy(name: str, part: Part) -> bool:
        added.append(part.end - part.begin)
        if len(added) < 100:
            write(log, 1)
        return add(name, part)

    monkeypatch.setattr(store.usage, "add", busy)
    project = Projector(log, store)
    for look in range(1, 4):
        project.step()
        assert len(added) == look
    added += [0] * 100  # nobody writes any more
    project.step()
    assert counted(store) == recount(log)


def test_lines_that_are_no_records(store: Store, tmp_path: Path) -> None:
    """Pieces, rubbish and half lines are passed over; a line being written is waited for."""
    log = tmp_path / "log"
    write(log, 3)
    whole = log.read_bytes()
    line = whole.splitlines(keepends=True)[0]
    strange = b"".join(
        line.replace(old, new)
        for old, new in [
            (b'"http.request.body.bytes":81', b'"http.request.body.bytes":"81"'),
            (b'"http.request.body.bytes":81', b'"http.request.body.bytes":[]'),
            (b'"http.request.body.bytes":81', b'"http.request.body.bytes":99999999999999999999'),
            (b'"event.sequence":1', b'"event.sequence":{}'),
            (b'"@timestamp":"20', b'"@timestamp":"zz'),
            (b'"event.outcome":"', b'"event.outcome":"' + b"x" * 999),
        ]
    )
    assert line not in strange
    log.write_bytes(whole + strange + line[:50] + line + b"rubbish\n\n[1]\n{}\n" + line[:60])
    project = Projector(log, store)
    project.step()
    assert store.usage.counts(())[0]["requests"] == 4
    with log.open("ab") as file:
        file.write(line[60:])
    project.step()
    assert store.usage.counts(())[0]["requests"] == 5


def test_rebuild_of_half_a_log(store: Store, tmp_path: Path) -> None:
    """A rebuild that would lose counts, since their records are gone, is refused."""
    log = tmp_path / "log"
    write(log, 3)
    log.rename(tmp_path / "log.1")
    write(log, 4)
    project = Projector(log, store)
    project.step()
    (tmp_path / "log.1").unlink()
    with pytest.raises(Refused, match=r"1 files of .* are gone"):
        project.rebuild()
    assert project.rebuild(partial=True) == 4


def test_sigkill_at_any_point(sqlite_url: str, tmp_path: Path) -> None:
    """A projector that is killed at random, again and again, counts each record once."""
    log = tmp_path / "log"
    Store.open(sqlite_url).close()
    code = (
        "import sys; from pathlib import Path; from runner.store import Store\n"
        "from runner.audit import projector\n"
        "projector._CHUNK = 2000\n"
        "project = projector.Projector(Path(sys.argv[1]), Store.open(sys.argv[2]))\n"
        "print('ready', flush=True)\n"
        "while True: project.step()"
    )
    rng = random.Random(4)
    for turn in range(15):
        process = subprocess.Popen(
            [sys.executable, "-c", code, log, sqlite_url], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        write(log, 150)
        if turn % 4 == 3:
            log.rename(tmp_path / f"log.{turn}")
        with process:
            try:
                process.wait(rng.random() * 0.3)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
    with Store.open(sqlite_url) as store:
        between = store.usage.counts(())[0]["requests"]
        Projector(log, store).step()
        assert 0 < between <= 15 * 150
        assert counted(store) == recount(log)
