"""See what a server holds, and what it has left behind: processes, descriptors, sockets, files."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.serving.server import Server

_SETTLE = 5.0


@dataclass(frozen=True)
class Process:
    """One process of a server's tree: what it is for, and what it holds."""

    pid: int
    role: str
    zombie: bool
    opened: Counter[str]
    """What its descriptors are of, without numbers: `socket:[]`, `/dev/null`, …"""

    @property
    def descriptors(self) -> int:
        """How many there are."""
        return self.opened.total()

    @property
    def sockets(self) -> int:
        """How many of them are of sockets."""
        return self.opened["socket:[]"]


@dataclass(frozen=True)
class Inventory:
    """All processes of a server, and the files of its runtime folders."""

    processes: tuple[Process, ...]
    files: tuple[str, ...]
    folders: tuple[Path, ...]

    @classmethod
    def of(cls, server: Server) -> Inventory:
        """Take stock. Clients' connections count, so take it when there are none.

        Each service is asked once before, since files are opened at the first use.
        """
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            for each in server.get("/services")[1]["result"]:
                server.predict(each["service_name"], x=1.0)
        return cls._look(server)

    @classmethod
    def _look(cls, server: Server) -> Inventory:
        root = psutil.Process(server.process.pid)
        found = [_process(each) for each in [root, *root.children(recursive=True)]]
        folders = tuple(server.runtime_folders())
        files = [
            path.relative_to(folder).as_posix() for folder in folders for path in folder.rglob("*")
        ]
        return cls(tuple(each for each in found if each is not None), tuple(sorted(files)), folders)

    @classmethod
    def settled(cls, server: Server, quiet: float = 2.0, seconds: float = 60.0) -> Inventory:
        """Take stock once nothing has changed for ``quiet`` seconds: spares may be starting."""
        deadline = time.monotonic() + seconds
        found, since = cls.of(server), time.monotonic()
        while time.monotonic() - since < quiet and time.monotonic() < deadline:
            time.sleep(0.1)
            now = cls._look(server)
            if found._compare(now):
                found, since = now, time.monotonic()
        return found

    def differences(self, server: Server, seconds: float = _SETTLE) -> list[str]:
        """Say what the server holds now that it did not hold then; waits a little for it to settle.

        Processes are compared by role, as a worker that was replaced has another number.
        """
        deadline = time.monotonic() + seconds
        while True:
            found = self._compare(Inventory._look(server))
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def _compare(self, now: Inventory) -> list[str]:
        found = [
            f"process {each.pid} ({each.role}) is a zombie" for each in now.processes if each.zombie
        ]
        for what in ("processes", "descriptors", "sockets"):
            before, after = self.count(what), now.count(what)
            found += [
                f"{role}: {before[role]} {what} before, {after[role]} after"
                + (self._opened(now, role) if what == "descriptors" else "")
                for role in sorted({*before, *after})
                if before[role] != after[role]
            ]
        if len(now.files) != len(self.files):
            found.append(f"{len(self.files)} files before, {len(now.files)} after: {now.files}")
        return found

    def _opened(self, now: Inventory, role: str) -> str:
        """Say what all processes of a role have open that they had not, and the other way."""
        then, present = (
            sum((each.opened for each in stock.processes if each.role == role), Counter[str]())
            for stock in (self, now)
        )
        return f" (more: {dict(present - then)}, fewer: {dict(then - present)})"

    def count(self, what: str) -> Counter[str]:
        """Give the number of processes, descriptors or sockets by role."""
        found: Counter[str] = Counter()
        for each in self.processes:
            found[each.role] += 1 if what == "processes" else getattr(each, what)
        return found

    def remains(self, seconds: float = _SETTLE) -> list[str]:
        """Say what is still there after the server's end: processes of then, runtime folders."""
        deadline = time.monotonic() + seconds
        while True:
            found = [
                f"process {each.pid} ({each.role}) is still there"
                for each in self.processes
                if psutil.pid_exists(each.pid)
            ]
            found += [f"{folder} is still there" for folder in self.folders if folder.exists()]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.1)


def role_of(process: psutil.Process) -> str:
    """Say what a process of the tree is for, by its command line."""
    words = process.cmdline()
    for word in words:
        if word.startswith("adapters."):
            return f"adapter {word.removeprefix('adapters.')}"
    if any("gunicorn" in word for word in words):
        parent = process.parent()
        inner = parent is not None and any("gunicorn" in word for word in parent.cmdline())
        return "front-end" if inner else "gunicorn"
    return "supervisor" if "serve" in words else " ".join(words)[:80]


def _process(process: psutil.Process) -> Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        try:
            opened: Counter[str] = Counter()
            for path in (Path("/proc") / str(process.pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    opened[re.sub(r"[0-9]+", "", str(path.readlink()))] += 1
            return Process(process.pid, role_of(process), False, opened)
        except (psutil.ZombieProcess, FileNotFoundError, PermissionError):
            zombie = process.status() == psutil.STATUS_ZOMBIE
            return Process(process.pid, "zombie", zombie, Counter()) if zombie else None
    return None
