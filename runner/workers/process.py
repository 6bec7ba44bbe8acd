"""Run one adapter process: its lifeline, its output, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections import deque
from collections.abc import Callable
from pathlib import Path

import psutil

from contracts import marker
from runner.workers.client import Connection
from runner.workers.errors import WorkerFailedToStart, WorkerLost
from runner.workers.interpreter import Command

_LONGEST_LINE = 8192
_LAST_WORDS = 20
_POLL = 0.01
_MEMORY_POLL = 0.25


class WorkerProcess:
    """One adapter process with a folder of its own, which holds its socket and attachments.

    The process's standard input is its lifeline (SPEC 2.2): we hold the pipe and write nothing;
    when it closes, because we close it or because we are gone, the adapter ends.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        folder: Path,
        on_line: Callable[[str], None],
        memory_limit: int | None,
    ) -> None:
        self._process = process
        self.folder = folder
        self.last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._output = asyncio.create_task(self._pump())
        self._limiter: asyncio.Task[None] | None = None
        self.assign(on_line, memory_limit)

    @classmethod
    async def start(
        cls,
        command: Command,
        folder: Path,
        on_line: Callable[[str], None],
        memory_limit: int | None = None,
    ) -> WorkerProcess:
        """Start ``command`` with its socket in the new ``folder``; every output line is told.

        Over ``memory_limit`` bytes of resident memory, looked at four times a second, it is killed.
        Raises WorkerFailedToStart if there is no such command.
        """
        folder.mkdir(mode=0o700)
        try:
            process = await asyncio.create_subprocess_exec(
                *command.argv,
                "--socket",
                str(folder / "s"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=command.environment(folder),
                # A Ctrl-C in the terminal is for the supervisor alone, which then ends us in order.
                start_new_session=True,
            )
        except BaseException as ex:  # a cancellation, too, leaves no folder
            shutil.rmtree(folder, ignore_errors=True)
            if not isinstance(ex, OSError):
                raise
            raise WorkerFailedToStart(f"cannot start {command.argv[0]}: {ex.strerror}") from ex
        return cls(process, folder, on_line, memory_limit)

    def assign(self, on_line: Callable[[str], None], memory_limit: int | None) -> None:
        """Say whom to tell the output from now on, and watch the limit."""
        self._on_line = on_line
        if memory_limit is not None:
            self._limiter = asyncio.create_task(self._limit(memory_limit))

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def socket(self) -> Path:
        """Where the adapter listens."""
        return self.folder / "s"

    async def connect(self, timeout: float) -> Connection:
        """Give the first connection, once the adapter listens and has said hello.

        ``timeout`` in seconds for all of it. Raises WorkerFailedToStart with the adapter's last
        words if the process ends or the time is over before.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if self._process.returncode is not None:
                        await self._output
                        raise WorkerFailedToStart(self.epitaph())
                    if self.socket.exists():
                        # ConnectionRefusedError: bound, but listen(2) is still to come.
                        with contextlib.suppress(ConnectionRefusedError):
                            return await Connection.open(self.socket)
                    await asyncio.sleep(_POLL)
        except TimeoutError as ex:
            raise WorkerFailedToStart(
                f"the adapter did not say hello within {timeout:g} s{self._words()}"
            ) from ex
        except WorkerLost as ex:
            await self._process.wait()
            raise WorkerFailedToStart(self.epitaph()) from ex

    async def wait(self) -> int:
        """Wait for the end of the process; give its exit code, negative for a signal."""
        code = await self._process.wait()
        await self._output
        return code

    def kill(self) -> None:
        """End the process at once, and whatever it has started in its session."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def stop(self, grace: float) -> None:
        """Close the lifeline, kill what is left after ``grace`` seconds, clear the folder."""
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()
        try:
            async with asyncio.timeout(grace):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        finally:
            # A child of the model's may hold the pipe open: its output is not waited for.
            tasks = [task for task in (self._output, self._limiter) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.clear()

    async def _limit(self, limit: int) -> None:
        # RLIMIT_AS would do without a watch, but R and Julia reserve far more than they use.
        watched = psutil.Process(self.pid)
        with contextlib.suppress(psutil.NoSuchProcess):
            while self._process.returncode is None:
                found = watched.memory_info().rss
                if found > limit:
                    self._tell(f"{found} bytes of memory exceed memory_limit {limit}: killed")
                    self.kill()
                    return
                await asyncio.sleep(_MEMORY_POLL)

    @property
    def ended_by_itself(self) -> bool:
        """Whether it ended while no request was at the model (SPEC 2.7), and nobody killed it."""
        if self._process.returncode in (None, -signal.SIGKILL):
            return False
        try:
            noted = Path(f"{self.socket}{marker.SUFFIX}").read_bytes()
        except OSError:  # an adapter need not have one
            return False
        return marker.read(noted) == frozenset()

    def clear(self) -> None:
        """Remove the folder with its socket and any attachments that nobody took."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def epitaph(self) -> str:
        """Say how the process ended, and its last words."""
        code = self._process.returncode
        if code is None:
            how = "the adapter closed the connection"
        elif code < 0:
            how = f"the adapter was ended by {signal.Signals(-code).name}"
        else:
            how = f"the adapter ended with exit code {code}"
        if code == 0:
            how += " (does the model's code quit or exit?)"
        return how + self._words()

    def _words(self) -> str:
        return "".join(f"\n  {line}" for line in self.last_words)

    async def _pump(self) -> None:
        """Pass on what the adapter and its model print, line by line, overlong lines cut."""
        stdout = self._process.stdout
        assert stdout is not None
        rest = b""
        while chunk := await stdout.read(65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._tell(_text(line))
            if len(rest) > _LONGEST_LINE:
                self._tell(_text(rest))
                rest = b""
        self._tell(_text(rest))

    def _tell(self, line: str) -> None:
        text = line.rstrip()
        if text:
            self.last_words.append(text)
            self._on_line(text)


def _text(line: bytes) -> str:
    return line[:_LONGEST_LINE].decode(errors="replace")
