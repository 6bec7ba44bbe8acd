"""The control socket answers every question, whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.errors import NotFound, RunnerError, Unavailable
from runner.workers.control import ControlClient, ControlServer


async def answer(query: str, arguments: Mapping[str, Any]) -> Any:
    match query:
        case "echo":
            return dict(arguments)
        case "unencodable":
            return object()
        case "fault":
            raise KeyError(query)
    raise NotFound(f"there is no query {query!r}")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[ControlClient]:
    server = ControlServer(tmp_path / "control", answer, lambda _: None)
    await server.start()

    async def on_routes(*_: Any) -> None:
        """None come."""

    client = ControlClient(server.path, on_routes, lambda: None)
    await client.start()
    yield client
    await client.close()
    await server.stop()


async def test_an_answer(client: ControlClient) -> None:
    """What is asked for comes back, to whom it belongs."""
    answers = await asyncio.gather(*(client.ask("echo", {"number": n}) for n in range(20)))
    assert [{"number": n} for n in range(20)] == answers


@pytest.mark.parametrize(
    ("query", "kind", "message"),
    [
        ("other", NotFound, "there is no query 'other'"),
        ("fault", Unavailable, "its log says why"),
        ("unencodable", Unavailable, "its log says why"),
    ],
)
async def test_a_failure_is_an_answer_too(
    client: ControlClient, query: str, kind: type[RunnerError], message: str
) -> None:
    """What cannot be answered, or not be told, is said at once and not left to a timeout."""
    with pytest.raises(kind, match=message):
        async with asyncio.timeout(5.0):
            await client.ask(query, {})
