"""Carry lines from the input through the model to the output, in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from runner.audit.opening import STDERR, open_audit
from runner.config import Config
from runner.errors import ConfigError, Fault
from runner.signature import Checker, IncompatibleMapping, Signature
from runner.store import Store
from runner.streaming.answers import Answers
from runner.streaming.crew import crew
from runner.streaming.lines import Lines
from runner.streaming.pace import Pace
from runner.streaming.pipes import Pipes
from runner.streaming.records import Records

_AHEAD = 2  # batches a replica: one that it is at, and the next

Batch = asyncio.Task[tuple[bytes, str]]


async def stream(
    config: Config,
    store: Store,
    login: str,
    version: int | None = None,
    replicas: int | None = None,
    keys: bool = False,
    source: int = 0,
    sink: int = 1,
) -> None:
    """Answer the lines of ``source`` on ``sink`` until the former ends, or nobody reads the latter.

    All answers are of one version, by default the one that is active at the start; ``login`` is who
    the records name. ``keys``: what stands before the last tab of a line goes before its answer.
    Raises NotFound, Unavailable, ConfigError.
    """
    if replicas is not None:
        config = replace(config, service=replace(config.service, replicas=replicas))
    found = await asyncio.to_thread(store.chosen, config.service_name, version)
    try:
        checker = Checker(Signature.from_json(found.metadata["signature"]), config.service.mapping)
    except IncompatibleMapping as ex:
        fault = Fault(str(ex), None, str(config.path), "predict_service.mapping")
        raise ConfigError([fault]) from ex
    audit = open_audit(config.audit_in_full, STDERR)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        async with crew(config, store, found) as pool:
            language = str(found.metadata.get("language", config.model.language))
            pace = Pace()
            records = Records(audit, config.service_name, found.number, language, login)
            answers = Answers(config, checker, pool, records, pace, keys)
            longest, ahead = config.server.max_body, _AHEAD * config.service.replicas
            await _Carrier(Pipes(source, sink), answers, pace, longest, ahead).run()
    finally:
        if audit is not None:
            audit.close()


class _Carrier:
    """Read ahead of what is being answered, by so many batches at most, and write in order."""

    def __init__(
        self, pipes: Pipes, answers: Answers, pace: Pace, longest: int, ahead: int
    ) -> None:
        self._pipes = pipes
        self._answers = answers
        self._pace = pace
        self._lines = Lines(longest)
        self._batches: asyncio.Queue[Batch | None] = asyncio.Queue(ahead)
        self._count = 0

    async def run(self) -> None:
        """Carry everything, or until nobody reads the output."""
        with ThreadPoolExecutor(2, "stream") as threads:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._fill(threads, group))
                    group.create_task(self._drain(threads))
            except* BrokenPipeError:
                pass
            finally:
                self._pipes.stop()

    async def _fill(self, threads: ThreadPoolExecutor, group: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        going_on = True
        while going_on:
            data = await loop.run_in_executor(threads, self._pipes.read)
            going_on = bool(data)
            self._lines.feed(data) if data else self._lines.end()
            while self._lines.ready:
                lines = self._lines.take(self._pace.lines)
                end = next((at for at, line in enumerate(lines) if _is_exit(line)), None)
                if lines[:end]:
                    answer = self._answers.answer(self._count + 1, lines[:end])
                    await self._batches.put(group.create_task(answer))
                self._count += len(lines)
                if end is not None:
                    going_on = False
                    break
        await self._batches.put(None)

    async def _drain(self, threads: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while (batch := await self._batches.get()) is not None:
            out, told = await batch
            if told:
                await loop.run_in_executor(threads, _tell, told)
            await loop.run_in_executor(threads, self._pipes.write, out)


def _is_exit(line: bytes | None) -> bool:
    return line is not None and len(line) < 64 and line.strip().lower() == b"exit"


def _tell(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody reads it
        sys.stderr.write(text)
        sys.stderr.flush()
