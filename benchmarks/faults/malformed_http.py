"""Send what is no HTTP, no JSON, msgpack or CSV, or too much of it, while good clients ask."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httptools
import msgpack
import psutil

from benchmarks.faults.http_shapes import BODIES, BROKEN, HEAD, mutated
from benchmarks.faults.innocent import innocent
from benchmarks.faults.load import Load
from benchmarks.faults.memory import forget_peak, peak
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import fit_factors, multiplier
from benchmarks.serving.project import write_project
from benchmarks.serving.server import serving

MIB = 1024 * 1024
MAX_BODY = MIB
MAX_ROWS = 20_000
CLIENTS = 32
ROOM = CLIENTS * 2 * MAX_BODY + MAX_ROWS * 1024 + 16 * MIB
"""Bytes by which a front-end may grow (docs/reliability.md): each connection a body, twice while it
is joined; one body at a time as objects, a kilobyte each; and what an interpreter moves itself."""

_DEADLINE = 2.0
_SILENCE = 20.0


@scenario(
    14,
    "malformed JSON, deep nesting, huge numbers, wrong encodings, request smuggling over HTTP",
    "0 crashes, 0 hangs, every answer a 4xx in the one shape or the connection closed, "
    "memory within the stated bound",
    requests=2_000,
)
def malformed_http(folder: Path, requests: int = 100_000) -> Outcome:
    """``worst_seconds``: the longest wait for an answer or the end, deadlines of 2 s included."""
    limits = (
        f"server: {{head_timeout: {_DEADLINE}, body_timeout: {_DEADLINE}, "
        f"max_body: {MAX_BODY}, max_rows: {MAX_ROWS}}}"
    )
    victim = write_project(
        folder / "victim",
        f"""\
        service_metadata: {{service_name: victim, service_version: "1.0"}}
        dataset_loader_train: {{"!": runner.datasets.CSV, path: data.csv, target_column: y}}
        model: {{"!": innocent.Innocent}}
        {limits}
        """,
        data__csv="x,y\n1.0,2.0\n2.0,4.0\n",
    )
    innocent(victim.folder, "python")
    victim.fit()
    good = multiplier(folder / "good", name="good", more=limits)
    factors = fit_factors(good, [3.0])
    with serving(victim, good) as server:
        (front_end,) = server.front_ends()
        pids = sorted(each.pid for each in server.descendants())
        # The first of everything loads and caches something.
        asyncio.run(Attack(server.port).run(attacks(500, seed=2)))
        with Load(server.port, "good", factors, connections=4, rate=100) as load:
            load.wait_for(4)
            before = forget_peak(front_end.pid)
            attack = Attack(server.port)
            asyncio.run(attack.run(attacks(requests)))
            grown = peak(front_end.pid) - before
            load.wait_for(4)
        outcome = Outcome(attack.sent, limit_seconds=_SILENCE, **load.counts())
        outcome.worst_seconds = attack.worst
        outcome.judge()
        now = sorted(each.pid for each in server.descendants())
        outcome.check(pids == now, f"processes {pids} became {now}")
        outcome.check(psutil.pid_exists(front_end.pid), "the front-end ended")
        failed = [event for event in server.events if event.get("event") == "request failed"]
        outcome.check(not failed, f"{len(failed)} lines `request failed`: {failed[:2]}")
    for complaint, count in Counter(text for text, _ in attack.complaints).items():
        example = next(raw for text, raw in attack.complaints if text == complaint)
        outcome.check(False, f"{count} times: {complaint}, e.g. for {example!r}")
    outcome.check(grown <= ROOM, f"{grown / MIB:.0f} MiB more, at most {ROOM / MIB:.0f}")
    answers = ", ".join(f"{count:,} × {what}" for what, count in sorted(attack.answers.items()))
    outcome.notes.append(f"{grown / MIB:.0f} MiB more at most; answers: {answers}")
    return outcome


Case = tuple[bytes, bool, str]
"""What is sent, whether a success is allowed, and what is demanded: see `Attack._judge`."""


def attacks(count: int, seed: int = 1) -> Iterator[Case]:
    """Give so many requests: every shape that is written down, then damaged ones."""
    chance = random.Random(seed)
    given = 0
    for raw in BROKEN:
        yield raw, False, "refuse"
        given += 1
    for media, body in BODIES:
        yield _post(media, body), _is_good(media, body), "answer"
        given += 1
    while given < count:
        given += 1
        if chance.random() < 0.2:
            yield mutated(_post("application/json", b'[{"x": 21.0}]'), chance), True, "anything"
        else:
            media, body = chance.choice(BODIES)
            body = mutated(body[:4096], chance)
            yield _post(media, body), _is_good(media, body), "answer"


def _post(media: str, body: bytes) -> bytes:
    return HEAD + f"Content-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _is_good(media: str, body: bytes) -> bool:
    """Say whether a body may be answered with success, by decoders that are not the server's."""

    def never(text: str) -> Any:
        raise ValueError(f"{text} is no JSON")

    try:
        if media.startswith("application/json"):
            rows = json.loads(body.decode(), parse_constant=never)
        elif media == "application/msgpack":
            rows = msgpack.unpackb(body, strict_map_key=False)
        else:
            return media.startswith("text/csv")
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        return False
    rows = [rows] if isinstance(rows, dict) else rows
    return isinstance(rows, list) and all(isinstance(row, dict) and "x" in row for row in rows)


class Attack:
    """Clients that send one case after the other, and judge what comes back."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self.worst = 0.0
        self.answers: Counter[str] = Counter()
        self.complaints: list[tuple[str, bytes]] = []
        self._port = port

    async def run(self, cases: Iterator[Case]) -> None:
        """Send all cases over `CLIENTS` connections at a time."""
        await asyncio.gather(*(self._client(cases) for _ in range(CLIENTS)))

    async def _client(self, cases: Iterator[Case]) -> None:
        for raw, good, demand in cases:
            began = time.monotonic()
            conversation = await _talk(self._port, raw, wait=demand != "answer")
            self.sent += 1
            self.worst = max(self.worst, time.monotonic() - began)
            complaint = _judge(conversation, good, demand)
            if complaint:
                self.complaints.append((complaint, raw[:300]))
            for status, _ in conversation.answers:
                self.answers[str(status)] += 1
            if not conversation.answers:
                self.answers["closed"] += 1


class _Conversation:
    """What came back over one connection."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.closed = False
        self.late = False
        self.garbage = b""
        self.kept = False
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.garbage = self.garbage or data[:200]

    def on_message_begin(self) -> None:
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.answers.append((self._parser.get_status_code(), self._body))
        self.kept = self._parser.should_keep_alive()


async def _talk(port: int, raw: bytes, wait: bool) -> _Conversation:
    """Send and read: up to the first answer, or, to see what else comes, up to the end."""
    conversation = _Conversation()
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(_SILENCE):
            writer.write(raw)
            # On a busy machine we may ourselves be too slow, and rightly be cut off.
            conversation.late = time.monotonic() - began > _DEADLINE / 2
            told = False
            while wait or not conversation.answers:
                part = await reader.read(65_536)
                if not part:
                    conversation.closed = True
                    break
                conversation.feed(part)
                if conversation.answers and conversation.kept and not told:
                    told = True
                    writer.write_eof()  # say that nothing more comes, or it would be kept open
    except TimeoutError:
        pass
    except ConnectionError:
        conversation.closed = True
    finally:
        writer.close()
    return conversation


def _judge(conversation: _Conversation, good: bool, demand: str) -> str:
    """Say what is wrong; nothing if all is well.

    Demands: ``answer``, a 4xx or, where it is ``good``, a success; ``refuse``, one 4xx and the
    connection closed, or closed without a word; ``anything``, as long as all that comes is well.
    """
    if conversation.garbage:
        return f"an answer that is no HTTP: {conversation.garbage!r}"
    if not conversation.answers and not conversation.closed:
        return f"neither an answer nor an end within {_SILENCE:g} s"
    if demand == "answer" and not conversation.answers and not conversation.late:
        return "closed without an answer to a request that is HTTP"
    if demand == "refuse" and (
        len(conversation.answers) > 1 or conversation.kept or not conversation.closed
    ):
        return f"{len(conversation.answers)} answers, closed: {conversation.closed}"
    for status, body in conversation.answers:
        if status >= 500:
            told = body.partition(b',"service')[0]  # what follows differs with each request
            return f"a {status}: {told[:200]!r}"
        if status == 100 or (status < 400 and good):
            continue
        if status < 400:
            return f"a success: {status} {body[:200]!r}"
        if not in_shape(body):
            return f"a {status} in another shape: {body[:200]!r}"
    return ""


def in_shape(body: bytes) -> bool:
    """Tell whether a body is a failure in the one shape (docs/http.md)."""
    try:
        metadata = json.loads(body)["metadata"]
        return (
            metadata["status"] == "ERROR"
            and metadata["error_code"] == -1
            and isinstance(metadata["error"], str)
            and isinstance(metadata["error_message"], str)
        )
    except (ValueError, KeyError, TypeError):
        return False
