"""Fit and serve with PostgreSQL as the store."""

from __future__ import annotations

from pathlib import Path

from tests.postgres import Cluster, postgres_cluster, postgres_url
from tests.requirements import need
from tests.serving.project import tricky
from tests.serving.server import serving, until

__all__ = ["postgres_cluster", "postgres_url"]

pytestmark = need("postgresql")


def test_the_whole_walk_on_postgresql(
    tmp_path: Path, postgres_cluster: Cluster, postgres_url: str
) -> None:
    """Versions in PostgreSQL are fitted, served, switched; with it away, predictions go on."""
    project = tricky(tmp_path / "tricks")
    with project.config.open("a") as file:
        file.write(f"store: {{url: {postgres_url!r}}}\n")
    assert project.fit() == 1
    with serving(project) as server:
        assert server.predict("tricks", x=4.0)[1]["result"] == 8.0
        assert project.fit() == 2
        until(lambda: server.predict("tricks", x=1.0)[1]["metadata"]["model_version"] == 2, 20)
        postgres_cluster.stop()
        try:
            until(lambda: "store is away" in server.log.read_text(), 30)
            assert server.predict("tricks", x=4.0)[0] == 200
            assert server.get("/health/ready")[0] == 200
            assert server.get("/list")[0] == 503
            assert project.run("list").code == 5
        finally:
            postgres_cluster.start()
        until(lambda: server.get("/list")[0] == 200, 30)
