"""Several processes and threads use one store at once, on both databases."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runner.errors import Refused
from runner.store import Store
from tests.store.samples import add, behind, numbers

ROOT = Path(__file__).parents[2]


def run_at_once(code: str, count: int) -> list[str]:
    """Run code in processes that wait for one another, and return what each printed."""
    prelude = "import sys\nprint('ready', flush=True)\nsys.stdin.readline()\n"
    children = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", prelude + code],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0] * count, answers
    return [out for out, _ in answers]


def test_fits_from_four_processes_get_distinct_numbers_without_gaps(store: Store, url: str) -> None:
    """4 processes × 12 versions are the numbers 1 to 48, each process in ascending order."""
    code = f"""
from runner.store import Store
from tests.store.samples import add
with Store.open({url!r}) as store:
    print(*(add(store, artifact=b"x" * 100_000, activate=i % 2 == 0).number for i in range(12)))
"""
    answers = [[int(word) for word in out.split()] for out in run_at_once(code, 4)]
    assert all(answer == sorted(answer) for answer in answers)
    assert sorted(number for answer in answers for number in answer) == list(range(1, 49))
    assert numbers(store) == list(range(1, 49))
    assert store.revision() == 48
    history = store.history("iris")
    assert len(history) == 24
    # Each activation left the version to which the one before had come: none overlooked another.
    assert [a.from_version for a in history] == [None, *(a.to_version for a in history[:-1])]
    active = store.active("iris")
    assert active is not None
    assert active.number == history[-1].to_version


def test_a_new_store_is_migrated_once_however_many_open_it(url: str) -> None:
    """Six processes open an empty database at the same moment; all of them can use it."""
    code = f"""
from runner.store import Store
from tests.store.samples import add
with Store.open({url!r}) as store:
    print(add(store).number)
"""
    assert sorted(int(out) for out in run_at_once(code, 6)) == [1, 2, 3, 4, 5, 6]


def test_threads_share_a_store(url: str) -> None:
    """Eight threads open, write and read; each sees whole versions only."""

    def work(_: int) -> int:
        with Store.open(url) as own:
            add(own, artifact=b"own")
        return add(store, artifact=b"shared", activate=True).number

    with Store.open(url) as store, ThreadPoolExecutor(8) as pool:
        shared = list(pool.map(work, range(8)))
        assert len(set(shared)) == 8
        assert numbers(store) == list(range(1, 17))
        for number in numbers(store):
            expected = b"shared" if number in shared else b"own"
            assert store.read_artifact("iris", number) == expected


def test_a_version_is_activated_or_deleted_but_never_both(store: Store) -> None:
    """Whoever is first wins, the other is told; the active version always exists."""
    add(store, activate=True)
    for number in range(2, 12):
        add(store)
        errors: list[Exception] = []
        barrier = threading.Barrier(2)

        def attempt(
            act: Callable[..., object],
            number: int = number,
            barrier: threading.Barrier = barrier,
            errors: list[Exception] = errors,
        ) -> None:
            barrier.wait()
            try:
                act("iris", number, by="ben")
            except Exception as error:
                errors.append(error)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(attempt, (store.activate, store.delete)))
        active = store.active("iris")
        assert active is not None
        assert len(errors) == 1
        assert (active.number == number) == isinstance(errors[0], Refused)
        store.read_artifact("iris", active.number)


def test_readers_do_not_wait_for_a_writer(store: Store, url: str) -> None:
    """While one transaction is writing, everything committed can be read at once."""
    add(store, activate=True)
    with Store.open(url, timeout=0.2) as reader, behind(url) as connection:
        connection.exec_driver_sql("UPDATE runner_state SET revision = revision + 1")
        assert reader.revision() == 1
        assert reader.read_artifact("iris", 1) == b"a model"
        assert numbers(reader) == [1]
    assert store.revision() == 2
