"""Have system calls of a running process fail, by strace's fault injection."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path


class Injection:
    """Calls of one process that fail while `injecting` is within."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    @property
    def count(self) -> int:
        """How many calls failed so far."""
        return self._trace.read_text().count("(INJECTED)")


@contextlib.contextmanager
def injecting(pid: int, fault: str, path: Path, trace: Path) -> Iterator[Injection]:
    """Apply a fault, as strace's ``--inject`` takes it, to a process's calls on one file.

    ``trace`` is where strace may write. At the end the process goes on without strace.
    """
    argv = ["strace", "-f", "-p", str(pid), "-P", str(path), "-o", str(trace)]
    call = fault.partition(":")[0]
    process = subprocess.Popen(
        [*argv, "-e", f"trace={call}", "-e", f"inject={fault}"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        told = process.stderr.readline()
        assert "attached" in told, told + process.stderr.read()
        yield Injection(trace)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def why_not() -> str:
    """Say why strace can trace no other process here; nothing if it can."""
    if not shutil.which("strace"):
        return "strace is not installed"
    with subprocess.Popen(["sleep", "20"]) as sleeping:
        tracing = subprocess.Popen(
            ["strace", "-p", str(sleeping.pid), "-o", "/dev/null"],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert tracing.stderr is not None
        told = tracing.stderr.readline()
        sleeping.kill()
        tracing.communicate(timeout=20)
    return "" if "attached" in told else f"strace may trace no process: {told.strip()}"
