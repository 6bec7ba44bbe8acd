"""Start what is measured: the examples under one `runner serve`, or a bare Falcon response."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runner.web import server

ROOT = Path(__file__).resolve().parent.parent
RUNNER = [sys.executable, "-m", "runner"]


def fitted_example(name: str, folder: Path) -> Path:
    """Copy an example into ``folder`` and fit it there; give its config."""
    copy = folder / name
    shutil.copytree(ROOT / "examples" / name, copy, ignore=shutil.ignore_patterns("*.db*"))
    config = copy / "runner.yaml"
    subprocess.run([*RUNNER, "fit", "-c", str(config)], check=True, capture_output=True)
    return config


def free_port() -> int:
    """Give a port of 127.0.0.1 that nobody listens on now."""
    with server.listen("127.0.0.1", 0) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def runner_serve(configs: Sequence[Path], log: Path) -> Iterator[str]:
    """Serve the configs' services with the defaults; give the URL once all are ready."""
    port = free_port()
    options = [part for config in configs for part in ("-c", str(config))]
    argv = [*RUNNER, "serve", *options, "--port", str(port)]
    with _process(argv, log) as process:
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/health/ready", process, log)
        yield url


@contextlib.contextmanager
def bare_falcon(log: Path) -> Iterator[str]:
    """Serve `benchmarks.bare` under the same gunicorn, worker class and options as our own."""
    with server.listen("127.0.0.1", 0) as listener:
        listener.set_inheritable(True)
        argv, env = server.command(listener, Path(os.devnull), application="benchmarks.bare:app()")
        with _process(argv, log, env=env, pass_fds=[listener.fileno()]) as process:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            _wait(url, process, log)
            yield url


@contextlib.contextmanager
def _process(argv: Sequence[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, cwd=ROOT, **options)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, urllib.error.HTTPError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.05)
    raise SystemExit(f"{url} does not answer:\n{log.read_text()[-4000:]}")
