"""Services in memory: what a front-end sees of supervisor and workers, without either.

The model adds up a row's numbers, so that an answer tells which rows were asked for.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from contracts.table import Column, Field, Matrix, Table, Type
from runner.config.settings import ServiceSettings
from runner.errors import Unavailable
from runner.signature import Checker, Signature

FLOATS = Signature(
    (Field("sepal length", Type.F64), Field("sepal width", Type.F64)),
    Field("species", Type.CAT, ("setosa", "virginica")),
    "classification",
)


@dataclass(frozen=True)
class Service:
    """A row of the routing table."""

    name: str = "iris"
    service_version: str = "0.1"
    language: str = "python"
    version: int | None = 7
    state: str = "ready"
    reason: str = ""
    metadata: Mapping[str, Any] = field(
        default_factory=lambda: {"train_timestamp": "2024-02-29T12:00:00Z", "score_test": 0.9}
    )
    settings: ServiceSettings = field(default_factory=ServiceSettings)
    checker: Checker | None = field(default_factory=lambda: Checker(FLOATS))


@dataclass(frozen=True, slots=True)
class Answer:
    """A prediction."""

    table: Table
    version: int
    model: float = 0.0
    waited: float = 0.0
    requests: int = 1

    def rows(self, show: Callable[[Table], list[Any]]) -> list[Any]:
        return show(self.table)


def add_up(table: Table, method: str) -> Table:
    """Give each row's sum; as probabilities: the sum, and 1 minus it."""
    sums = [
        float(sum(cell for cell in row if isinstance(cell, (int, float))))
        for row in zip(*(column.tolist() for column in table.columns), strict=True)
    ]
    if method == "predict":
        return Matrix(len(sums), ("sum",), array("d", sums).tobytes())
    return Matrix(
        len(sums),
        ("setosa", "virginica"),
        Column.of("", Type.F64, [p for s in sums for p in (s, 1 - s)]).values,
    )


class Services:
    """The in-memory twin of runner.workers.services.Services.

    `model` computes an answer, or raises what a worker would have made the front-end raise;
    `asked` keeps every request that reached it; a `gate` holds answers back until it is set.
    """

    def __init__(self, *services: Service, model: Callable[[Table, str], Table] = add_up) -> None:
        self.services = {service.name: service for service in services}
        self.model = model
        self.asked: list[tuple[str, Table, str, Mapping[str, Any]]] = []
        self.timeouts: list[float] = []
        self.gate: asyncio.Event | None = None
        self.folder: Path | None = None
        self.supervised = True
        self.started = self.closed = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.services)

    @property
    def default(self) -> Service | None:
        return next(iter(self.services.values()), None)

    def get(self, name: str) -> Service | None:
        return self.services.get(name)

    async def grant(self, *, client: str, rows: int, held: Mapping[str, int]) -> Mapping[str, Any]:
        """Grant anything."""
        return {}

    def change(self, name: str, **changes: Any) -> None:
        """Put another state of a service in force."""
        self.services[name] = replace(self.services[name], **changes)

    async def predict(
        self,
        service: Service,
        table: Table,
        *,
        method: str = "predict",
        params: Mapping[str, Any] | None = None,
        timeout: float,
    ) -> Answer:
        self.asked.append((service.name, table, method, dict(params or {})))
        self.timeouts.append(timeout)
        if self.gate is not None:
            await self.gate.wait()
        assert service.version is not None
        return Answer(self.model(table, method), service.version)

    async def ask(self, query: str, *, patience: float = 1.0, **arguments: Any) -> dict[str, Any]:
        if not self.supervised:
            raise Unavailable("the supervisor is gone")
        if query == "list":
            found = {"models": [{"version": 7}], "properties": {"active-model": "7"}, **arguments}
            return found if arguments["before"] else {**found, "next": {"before": 7}}
        return {"workers": [{"service": name, "pid": 1} for name in self.services], "jobs": {}}

    async def not_ready(self) -> dict[str, str]:
        if not self.supervised:
            return {"supervisor": "the supervisor is gone"}
        return {
            name: service.reason or service.state
            for name, service in self.services.items()
            if service.state != "ready"
        }

    async def start(self) -> None:
        self.started = True

    async def close(self) -> None:
        self.closed = True


class Log:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    def of(self, event: str) -> list[dict[str, Any]]:
        """Give the fields of all lines of one event."""
        return [fields for name, fields in self.lines if name == event]
