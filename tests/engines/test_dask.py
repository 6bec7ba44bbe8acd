"""Dask: a real scheduler and two workers of it on this machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from runner.config import ParallelSettings, load
from runner.training.search import grid_search
from tests.training.services import service


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A scheduler and two workers, each a process."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_two_workers_answer(client: Client) -> None:
    """Both workers import the runner, each in its own process."""

    def where() -> tuple[str, int]:
        import os  # noqa: PLC0415

        import runner  # noqa: PLC0415

        return runner.__version__, os.getpid()

    assert len(set(client.run(where).values())) == 2


def _search(address: str | None, folder: Path, *, slow: bool = False) -> list[dict[str, Any]]:
    """Run a search over an R model, here or on the cluster; give the scores by candidate."""
    config = load(str(service(folder, "r", GRID).config))
    assert config.grid_search is not None
    parallel = address and ParallelSettings("dask", None, {"scheduler_host": address})
    settings = replace(config.grid_search, parallel=parallel or None)
    found = grid_search(replace(config, grid_search=settings), None, by="tests").candidates
    told = ("params", "mean_test_score", "split0_test_score", "rank_test_score")
    return [{name: row[name] for name in told} for row in found]


GRID = "grid_search: {param_grid: {cp: [0.01, 0.05, 0.3, 0.6, 0.99]}, cv: 4}"


def test_a_search_is_the_same_on_a_cluster(client: Client, tmp_path: Path) -> None:
    """Candidates fitted by two Dask workers have the scores that they have here."""
    address = client.scheduler.address
    assert _search(address, tmp_path / "there") == _search(None, tmp_path / "here")


def test_a_search_outlives_a_killed_worker(client: Client, tmp_path: Path) -> None:
    """A worker killed in the middle of a search: its fits are done by the other, same scores."""
    pids = list(client.run(os.getpid).values())
    killed: list[int] = []

    def kill() -> None:
        done = lambda: sum(len(keys) for keys in client.who_has().values())  # noqa: E731
        begun = time.monotonic()
        while not any(client.processing().values()) and time.monotonic() - begun < 60:
            time.sleep(0.05)
        time.sleep(2)
        assert any(client.processing().values()), done()
        os.kill(pids[0], signal.SIGKILL)
        killed.append(pids[0])

    killer = threading.Thread(target=kill)
    killer.start()
    found = _search(client.scheduler.address, tmp_path / "there")
    killer.join()
    assert killed == [pids[0]]
    assert pids[0] not in client.run(os.getpid).values()
    assert found == _search(None, tmp_path / "here")
