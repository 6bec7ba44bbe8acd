"""Children that die by SIGKILL at a chosen moment of a change to the store.

    python -m tests.store.doomed URL

reads lines `CHANGE MOMENT`, and for each forks a child that opens the store, makes the change and
kills itself at the moment: before the first statement to the database at moment 0, after the first
at 1 and so on, commits included. It answers `killed`, or `done` for a change that ended before.
With the change `forever`, versions are added until MOMENT seconds have passed.

A process of its own, so that nothing is forked from pytest and Python is started but once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

from runner.store import Store
from tests.store.samples import add

CHANGES: dict[str, Callable[[Store], object]] = {
    "add": lambda store: add(store, artifact=b"new" * 3_000_000),
    "add-and-activate": lambda store: add(store, artifact=b"new" * 3_000_000, activate=True),
    "activate": lambda store: store.activate("iris", 2, by="anna"),
    "delete": lambda store: store.delete("iris", 2, by="anna"),
}


def main() -> None:
    url = sys.argv[1]
    for line in sys.stdin:
        change, moment = line.split()
        started, starting = os.pipe()
        child = os.fork()
        if child == 0:
            if change == "forever":
                add_forever(url, starting)
            perform(url, change, int(moment))
            os._exit(0)
        if change == "forever":
            os.read(started, 1)
            time.sleep(float(moment))
            os.kill(child, signal.SIGKILL)
        os.close(started)
        os.close(starting)
        _, status = os.waitpid(child, 0)
        answers = {0: "done", -signal.SIGKILL: "killed"}
        print(answers.get(os.waitstatus_to_exitcode(status), "failed"), flush=True)


def add_forever(url: str, starting: int) -> None:
    with Store.open(url) as store:
        while True:
            os.write(starting, b".")
            add(store, artifact=b"new" * 500_000, activate=True)


def perform(url: str, change: str, moment: int) -> None:
    if change == "migrate":
        die_at(moment)
        Store.open(url).close()
        return
    with Store.open(url) as store:
        die_at(moment)
        CHANGES[change](store)


def die_at(moment: int) -> None:
    left = moment

    def count(*_: Any) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)


if __name__ == "__main__":
    main()
