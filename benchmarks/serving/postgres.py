"""A private PostgreSQL server: real, started in a folder, stopped and started at will."""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

USER = "runner"
PASSWORD = "sesame-öffne/dich@"
URL_PASSWORD = "sesame-%C3%B6ffne%2Fdich%40"

_PR_SET_PDEATHSIG = 1
_numbers = itertools.count(1)


def find_binary(name: str) -> Path | None:
    """Find a server program, which Debian keeps off the PATH; the newest of several."""
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    found = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    return max(found, key=lambda path: int(path.parts[-3].partition(".")[0]), default=None)


class Cluster:
    """A PostgreSQL server on a free loopback port and a Unix socket in its own folder."""

    def __init__(self, folder: Path, initdb: Path, postgres: Path) -> None:
        self.folder = folder
        self._postgres = postgres
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user = _unprivileged()
        if self._as_user:
            os.chown(folder, self._as_user["user"], self._as_user["group"])
        secret = folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        if self._as_user:
            os.chown(secret, self._as_user["user"], self._as_user["group"])
        subprocess.run(
            [
                *(initdb, "-D", folder / "data", "-U", USER, f"--pwfile={secret}", "--no-sync"),
                *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **self._as_user,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{URL_PASSWORD}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        import psycopg  # noqa: PLC0415  installed only with the extra

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def start(self) -> None:
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *(self._postgres, "-D", self.folder / "data", "-k", self.folder),
                    *("-h", "127.0.0.1", "-p", str(self.port), "-F"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the server
                preexec_fn=_end_with_parent,  # noqa: PLW1509
                **self._as_user,
            )
        deadline = time.monotonic() + 30
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"PostgreSQL does not start:\n{text}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop at once: clients lose their connections, what was committed stays."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def _accepts(self) -> bool:
        import psycopg  # noqa: PLC0415

        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _unprivileged() -> dict[str, int | list[int]]:
    """Return whom to be instead of root, whom the server refuses; nothing if we are not root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("no unprivileged user to run PostgreSQL as")


def _end_with_parent() -> None:
    """Let the kernel stop the server if pytest is killed before it can."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
