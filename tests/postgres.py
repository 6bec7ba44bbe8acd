"""Give tests PostgreSQL: a private server, started once a session, gone at its end.

    from tests.postgres import postgres_cluster, postgres_url

`postgres_url` is a new empty database a test; `postgres_cluster` can be stopped and started.
Without server binaries the test is skipped, unless RUNNER_REQUIRE names `postgresql`: then it
fails.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.serving.postgres import PASSWORD, URL_PASSWORD, Cluster, find_binary

__all__ = ["PASSWORD", "URL_PASSWORD", "Cluster", "find_binary", "postgres_cluster", "postgres_url"]


def _missing(what: str) -> None:
    if "postgresql" in os.environ.get("RUNNER_REQUIRE", "").split(","):
        pytest.fail(f"RUNNER_REQUIRE names postgresql, but {what}")
    pytest.skip(f"PostgreSQL: {what}")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """A running server; whoever stops it starts it again."""
    initdb, postgres = find_binary("initdb"), find_binary("postgres")
    if initdb is None or postgres is None:
        _missing("no initdb and postgres on PATH or in /usr/lib/postgresql/*/bin")
        return
    try:
        import psycopg  # noqa: F401, PLC0415
    except ImportError as ex:
        _missing(f"psycopg cannot be imported: {ex}")
    # Not pytest's own folder: that one is closed to the user whom the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        cluster = Cluster(folder, initdb, postgres)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> str:
    """The URL of a new empty database."""
    return postgres_cluster.create_database()
