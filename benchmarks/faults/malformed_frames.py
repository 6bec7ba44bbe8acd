"""Send malformed frames to an adapter worker of each language, as a broken runner would."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.faults.corpus import LARGEST, drawn, golden, streams
from benchmarks.faults.innocent import innocent
from benchmarks.faults.outcome import Outcome, scenario
from benchmarks.serving.multiplier import LANGUAGES
from contracts.conform.process import Process
from contracts.errors import ContractError
from contracts.messages import ErrorReply, Fit, Predict, Reply, decode_reply, encode_request
from contracts.table import Column, Columns, Type, pack_floats
from contracts.wire import FrameReader, frame, unpack
from runner.workers import interpreter

MIB = 1024 * 1024
ROOM = 8 * LARGEST + 16 * MIB + 16 * MIB
"""Bytes by which a worker's memory may grow in the second half of the frames: SPEC 4.4 for the
longest that is sent, and what an interpreter's own memory moves, as the conformance kit allows it.
In the first half it may load a package or compile a method for the first time."""

_SILENCE = 20.0
_ROUND = 500
_X = Columns(3, (Column.of("x", Type.F64, [1.0, 2.0, 3.0]),))
_Y = Column.of("y", Type.F64, [2.0, 4.0, 6.0])


@scenario(
    13,
    "100,000 malformed frames (hypothesis, mutated golden vectors) at a worker of each language",
    "0 crashes, 0 hangs, memory within the stated bound",
    frames=3_000,
)
def malformed_frames_at_workers(
    folder: Path, frames: int = 100_000, languages: tuple[str, ...] = LANGUAGES
) -> Outcome:
    """``requests`` are good fits and predicts between; ``worst_seconds``: the longest answer."""
    outcome = Outcome(frames * len(languages), limit_seconds=_SILENCE)
    outcome.worst_seconds = 0.0
    for language in languages:
        with _worker(folder, language) as worker:
            _try(worker, frames, outcome)
    return outcome.judge()


def _try(worker: Worker, frames: int, outcome: Outcome) -> None:
    bases = [golden("request"), drawn(min(frames // 10, 5_000)), worker.bases()]
    tried = 0
    outcome.check(worker.is_good(), f"{worker.language}: it does not fit and predict at all")
    worker.meet_texts()
    began = before = worker.process.forget_peak()
    for stream in streams(bases, frames):
        if not worker.process.alive:
            break
        worker.send(stream)
        tried += 1
        if tried % _ROUND == 0:
            outcome.requests += 1
            outcome.wrong += not worker.is_good()
        if tried == frames // 2:
            before = worker.process.forget_peak()
    grown = worker.process.peak() - before
    name = worker.language
    outcome.check(
        worker.process.alive, f"{name}: ended at frame {tried}: {worker.process.errors()[-500:]}"
    )
    outcome.check(not worker.hangs, f"{name}: {len(worker.hangs)} hangs: {worker.hangs[:3]}")
    outcome.check(
        not worker.faults, f"{name}: {len(worker.faults)} broke SPEC: {worker.faults[:3]}"
    )
    outcome.check(grown <= ROOM, f"{name}: {grown / MIB:.0f} MiB more, at most {ROOM / MIB:.0f}")
    outcome.worst_seconds = max(outcome.worst_seconds or 0.0, worker.worst)
    answers = ", ".join(f"{count:,} {what}" for what, count in worker.answers.most_common())
    outcome.notes.append(
        f"{name}: {tried:,} frames, {(before - began) / MIB:.0f} MiB more after the first half, "
        f"{grown / MIB:.0f} at most in the second; answers: {answers}"
    )


@contextlib.contextmanager
def _worker(folder: Path, language: str) -> Iterator[Worker]:
    """Run an adapter of a language alone, as the conformance kit does."""
    with Process(interpreter.find(language).argv, timeout=60) as process:
        worker = Worker(process, language, innocent(folder / language, language))
        try:
            yield worker
        finally:
            worker.close()


class Worker:
    """One adapter under test, what it answered, and where it broke the contract."""

    def __init__(self, process: Process, language: str, model: Mapping[str, Any]) -> None:
        self.process = process
        self.language = language
        self.answers: Counter[str] = Counter()
        self.faults: list[str] = []
        self.hangs: list[str] = []
        self.worst = 0.0
        self._fit = Fit(1, model, _X, _Y)
        self._socket: socket.socket | None = None
        self._reader = FrameReader()
        self._payloads: list[bytes] = []

    def bases(self) -> list[bytes]:
        """Give good messages for this very model, so that damaged ones come far."""
        rows = pack_floats(2, ("x",), [1.0, 2.0])
        good = [
            self._fit,
            Predict(2, rows),
            Predict(3, _X),
            Predict(4, rows, method="predict_proba"),
        ]
        return [encode_request(each) for each in good]

    def is_good(self) -> bool:
        """Fit and predict over a connection of its own; tell whether the answer is right."""
        former, self._socket = self._socket, None
        try:
            self._connect()
            fitted = self._ask(self._fit)
            table = pack_floats(1, ("x",), [21.0])
            answer = self._ask(Predict(7, table))
            if not (isinstance(fitted, Reply) and isinstance(answer, Reply) and answer.table):
                return False
            return answer.table.columns[0].tolist() == [42.0]
        except (OSError, ContractError, EOFError):
            return False
        finally:
            self.close()
            self._socket, self._reader, self._payloads = former, FrameReader(), []

    def meet_texts(self) -> None:
        """Have it load what it loads for texts: a hundred megabytes of pandas, in Python."""
        texts = Column.of("x", Type.STR, ["a", "b", "c"])
        with contextlib.closing(self):
            self._connect()
            self._ask(replace(self._fit, table=Columns(3, (texts,))))

    def _ask(self, request: Fit | Predict) -> Reply | ErrorReply:
        assert self._socket is not None
        self._socket.sendall(frame(encode_request(replace(request, id=9))))
        return decode_reply(self._receive(), self.process.folder)

    def send(self, stream: bytes) -> None:
        """Send what is no good frame, and see that it is answered as SPEC 3.2 and 4.5 say."""
        payloads, ends = _read(stream)
        began = time.monotonic()
        try:
            if self._socket is None:
                self._connect()
            assert self._socket is not None
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._socket.sendall(stream)
            if ends is _Ends.BAD:
                self._await_end()
            else:
                for payload in payloads:
                    self._await_reply(payload)
                if ends is _Ends.CUT:
                    self.close()
        except TimeoutError:
            self.hangs.append(stream[:200].hex())
            self.close()
        except (EOFError, OSError) as ex:
            self.faults.append(f"{ex!r} for {stream[:200].hex()}")
            self.close()
        self.worst = max(self.worst, time.monotonic() - began)

    def _await_reply(self, payload: bytes) -> None:
        number = unpack(payload).get("id")
        valid = type(number) is int and 0 <= number < 2**64
        found = unpack(self._receive())
        if found.get("id") != (number if valid else None):
            self.faults.append(f"id {found.get('id')} for {payload[:200].hex()}")
        code = "a success" if found.get("ok") else found.get("error", {}).get("code", "no code")
        self.answers[code] += 1
        if code == "internal":  # it is the adapter's word for what it did not foresee
            self.faults.append(
                f"internal: {found['error']['message'][:200]} for {payload[:400].hex()}"
            )

    def _await_end(self) -> None:
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                self._receive()
        self.answers["closed"] += 1
        self.close()

    def _connect(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_SILENCE)
        self._socket.connect(str(self.process.folder / "adapter.sock"))
        self._reader, self._payloads = FrameReader(), []
        self._receive()

    def _receive(self) -> bytes:
        assert self._socket is not None
        while not self._payloads:
            received = self._socket.recv(65_536)
            if not received:
                raise EOFError("the worker closed the connection")
            self._payloads += self._reader.feed(received)
        return self._payloads.pop(0)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Ends:
    GOOD, BAD, CUT = "good", "bad", "cut"


def _read(stream: bytes) -> tuple[list[bytes], str]:
    """Say what the contract makes of a stream: its payloads, and how the conversation ends."""
    reader = FrameReader()
    try:
        payloads = reader.feed(stream)
        for payload in payloads:
            unpack(payload)
    except ContractError:
        return [], _Ends.BAD
    return payloads, _Ends.CUT if reader.pending else _Ends.GOOD
