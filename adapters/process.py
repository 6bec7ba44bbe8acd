"""Make the process what SPEC 2 wants before model code runs in it."""

from __future__ import annotations

import ctypes
import fcntl
import io
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def limit_threads() -> None:
    """Give linear algebra one thread unless the environment says otherwise.

    Replicas share the machine, and one row is no work for many threads. Must come before numpy is
    imported, which reads these then.
    """
    for name in _THREAD_LIMITS:
        os.environ.setdefault(name, "1")


def take_over_stdio() -> int:
    """Give standard input's pipe as a descriptor of our own and keep model code off it (SPEC 2.3).

    From then on standard input is /dev/null and standard output goes to standard error, also for C
    code and child processes.
    """
    lifeline = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 64)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sys.stdout.flush()
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                line_buffering=True
            )  # a print is in the log before a crash, not lost
    return lifeline


def follow_signals() -> None:
    """End with the parent (SPEC 2.6), and leave Ctrl-C, which reaches us as well, to the runner."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_within(seconds: float) -> None:
    """End with exit code 0 though threads that model code left would not let us (SPEC 2.2)."""

    def end() -> None:
        time.sleep(seconds)
        os._exit(0)

    threading.Thread(target=end, name="end_within", daemon=True).start()
