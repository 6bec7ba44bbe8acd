"""A change of a config is noticed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from runner.config import load
from runner.workers.watching import files_of, watch
from tests.serving.project import tricky


def test_changes(tmp_path: Path) -> None:
    """A file that is written, comes or goes is told once; one that nobody reads is not."""
    project = tricky(tmp_path / "watched")
    config = load(str(project.config))
    told: asyncio.Queue[None] = asyncio.Queue()

    async def go() -> list[bool]:
        task = asyncio.create_task(watch(lambda: files_of([config]), lambda: told.put_nowait(None)))
        await asyncio.sleep(0)  # it has looked once
        seen = []
        for change in (
            lambda: project.config.write_text(project.config.read_text() + "alive: {}\n"),
            lambda: (project.folder / "another.yaml").write_text("{}"),
            (project.folder / "another.yaml").unlink,
        ):
            change()
            await asyncio.wait_for(told.get(), 60)
            seen.append(told.empty())
        (project.folder / "data.csv").write_text("x,y\n1,1\n")
        (project.folder / "last.py").write_text("")
        await asyncio.wait_for(told.get(), 60)
        seen.append(told.empty())
        task.cancel()
        return seen

    assert asyncio.run(go()) == [True] * 4
