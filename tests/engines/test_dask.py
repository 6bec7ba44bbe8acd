"""Dask: a real scheduler and two workers of it on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from distributed import Client, LocalCluster


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
