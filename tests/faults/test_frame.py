"""The frame of the faults: a load that sees lies, an inventory that sees what is left."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.faults.leftovers import Inventory, Process
from benchmarks.faults.load import Load
from benchmarks.faults.outcome import Outcome, Scenario, scenarios
from benchmarks.faults.report import to_json, to_markdown

FACTORS = {1: 2.0, 2: 3.0}


def _answer(version: int, result: object) -> bytes:
    body = json.dumps({"metadata": {"model_version": version}, "result": result}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


LIES = {
    "the truth": lambda x: _answer(1, 2.0 * x),
    "another row's": lambda x: _answer(1, 2.0 * (x + 1)),
    "another version's": lambda x: _answer(2, 2.0 * x),
    "an unknown version": lambda x: _answer(7, 2.0 * x),
    "no answer": lambda x: b"",
    "a refusal": lambda x: b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
}
EXPECTED = {
    "the truth": (0, 0),
    "another row's": (0, 1),
    "another version's": (0, 1),
    "an unknown version": (0, 1),
    "no answer": (1, 0),
    "a refusal": (1, 0),
}


@contextmanager
def liar(lie: str) -> Iterator[int]:
    """Serve HTTP that answers x = 20 with a lie, everything else truly."""
    loop = asyncio.new_event_loop()
    ready, ports = threading.Event(), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                x = float(head.split("?x=")[1].split()[0])
                told = LIES[lie if x == 20 else "the truth"](x)
                if not told:
                    break
                writer.write(told)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        async with server:
            await stop.wait()

    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    ready.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("lie", LIES)
def test_the_load_sees_every_lie(lie: str) -> None:
    """One lie among true answers is counted, as what it is, and once."""
    with liar(lie) as port, Load(port, "any", FACTORS, connections=4) as load:
        load.wait_for(100)
    assert EXPECTED[lie] == (load.failed, load.wrong)
    assert [(20.0,)] * sum(EXPECTED[lie]) == [fault.rows for fault in load.faults]


OPENED = Counter({"/dev/null": 7, "socket:[]": 3})
WORKER = Process(7, "adapter r", False, OPENED)
CLEAN = Inventory((WORKER,), ("control", "w1"), ())
LEFT = {
    "a zombie": replace(CLEAN, processes=(WORKER, Process(8, "zombie", True, Counter()))),
    "a process": replace(CLEAN, processes=(WORKER, replace(WORKER, pid=8))),
    "a descriptor": replace(
        CLEAN, processes=(replace(WORKER, opened=OPENED + Counter({"log": 1})),)
    ),
    "a socket": replace(
        CLEAN, processes=(replace(WORKER, opened=Counter({"/dev/null": 6, "socket:[]": 4})),)
    ),
    "a file": replace(CLEAN, files=("control", "w1", "w1/a")),
}


@pytest.mark.parametrize("left", LEFT)
def test_the_inventory_sees_what_is_left(
    left: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever a fault leaves in the tree of processes is told; a new number is nothing."""
    replaced = replace(CLEAN, processes=(replace(WORKER, pid=9),))
    for now, clean in ((replaced, True), (LEFT[left], False)):
        monkeypatch.setattr(Inventory, "_look", classmethod(lambda _, __, now=now: now))
        assert clean == (CLEAN.differences(None, 0.0) == [])  # type: ignore[arg-type]


def test_the_inventory_names_what_is_open() -> None:
    """A descriptor more is told with what it is of."""
    (told,) = CLEAN._compare(LEFT["a descriptor"])
    assert "adapter r: 10 descriptors before, 11 after (more: {'log': 1}, fewer: {})" == told


def test_an_outcome_is_judged_by_its_figures() -> None:
    """A failed request, a wrong answer and a limit that was passed are breaches; figures kept."""
    assert Outcome(3, 100, 0, 0, 1.0, 2.0).judge().held
    broken = Outcome(3, 100, 1, 2, 3.0, 2.0).judge()
    assert 3 == len(broken.breaches)
    assert not broken.held


def test_reports_tell_of_how_many() -> None:
    """Markdown and JSON have the number of trials and requests beside what failed."""
    each = Scenario(1, "kill", "kill a worker", "0 failed", lambda _: Outcome(0), {})
    results = [(each, Outcome(50, 20_000, 1, breaches=["one failed"]))]
    assert "| 50 | 1 of 20,000 | 0 of 20,000 |" in to_markdown(results)
    assert 20_000 == json.loads(to_json(results))[0]["requests"]
    assert json.loads(to_json(results))[0]["held"] is False


def test_every_scenario_has_a_row_of_the_table() -> None:
    """Each scenario has a name of its own, a row, and what it must show."""
    found = scenarios()
    assert sorted(found, key=lambda each: each.row) == found
    assert all(each.fault and each.must for each in found)
