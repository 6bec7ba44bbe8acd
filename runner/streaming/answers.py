"""Answer a batch of lines: by one call of the model if that works, else line by line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from contracts.errors import ContractError
from contracts.table import Table
from runner.config import Config
from runner.errors import RunnerError
from runner.signature import Checker, InvalidInput, read_params
from runner.signature.results import plain
from runner.signature.shapes import check_columns
from runner.signature.text import dump, has_over, load
from runner.streaming.pace import Pace
from runner.streaming.records import Records
from runner.workers.errors import DeadlineExceeded, WorkerError
from runner.workers.pool import Pool

_NOTHING = b"[]"
_TAB = b"\t"
_SHOWN = 200  # bytes of a line that its error repeats
_PREFIX = "Error while processing input row: "

Objects = list[Mapping[str, Any]]


@dataclass(eq=False, slots=True)
class Asked:
    """One line: what it asks, then its answer or what is wrong with it."""

    line: bytes | None
    key: bytes
    rows: int = 0
    answer: bytes = _NOTHING
    error: Exception | None = None
    given: Objects | None = None

    @property
    def objects(self) -> Objects:
        """What a line asks that can be read, decoded if it was not."""
        if self.given is None:
            assert self.line is not None
            self.given = _objects_of(load(self.line))
        return self.given


class Answers:
    """Answer lines by the workers of a pool."""

    def __init__(
        self,
        config: Config,
        checker: Checker,
        pool: Pool,
        records: Records,
        pace: Pace,
        keys: bool = False,
    ) -> None:
        self._settings = config.service
        self._server = config.server
        self._method = "predict_proba" if config.service.predict_proba else "predict"
        self._checker = checker
        self._pool = pool
        self._records = records
        self._pace = pace
        self._keys = keys
        # A worker that is silent for `timeout` hangs and is started anew (Pool.patience); what it
        # was at has a second try. The time that this takes is not the line's.
        self._within = 2 * (config.service.timeout + config.adapter.start_timeout)

    async def answer(self, first: int, lines: Sequence[bytes | None]) -> tuple[bytes, str]:
        """Give what belongs on the output, a line each, and what on standard error.

        ``first``: the number of the first line. Their records are written.
        """
        begun = time.monotonic()
        asked = [self._cut(line) for line in lines]
        table = None if self._settings.params else self._at_once(asked)
        if table is not None:
            await self._call(asked, table)
        else:
            for each in asked:
                if each.error is None:
                    self._read(each)
            good = [each for each in asked if each.error is None]
            if self._settings.params:
                await self._each(good)
            elif good:
                await self._together(good)
        self._pace.took(len(lines), time.monotonic() - begun)
        for each in asked:
            if each.error is not None:
                self._records.failed(each.line, each.error)
        try:
            self._records.write()
        except RunnerError as ex:
            for each in asked:
                each.answer, each.error = _NOTHING, each.error or ex
        told = [
            _told(number, each)
            for number, each in enumerate(asked, first)
            if each.error is not None
        ]
        return b"\n".join([each.key + each.answer for each in asked]) + b"\n", "".join(told)

    def _cut(self, line: bytes | None) -> Asked:
        """Take the key off a line."""
        if line is None or not self._keys:
            return Asked(line, b"")
        key, tab, rest = line.rpartition(_TAB)
        if not tab:
            return Asked(line, b"", error=ValueError("no tab between a key and a list (--keys)"))
        return Asked(rest, key + tab)

    def _at_once(self, asked: list[Asked]) -> Table | None:
        """Read all lines at once; None if one may be wrong, or too long."""
        lines = [each.line for each in asked if each.line is not None and each.error is None]
        if len(lines) < len(asked):
            return None
        read = self._checker.at_once(lines, self._server.max_rows)
        if read is None:
            return None
        table, counts = read
        for each, rows in zip(asked, counts, strict=True):
            each.rows = rows
        return table

    def _read(self, asked: Asked) -> None:
        """Read one line; what is wrong with it becomes its error."""
        line = asked.line
        try:
            if line is None:
                raise ValueError(f"longer than {self._server.max_body} bytes (server.max_body)")
            most = self._server.max_rows
            if has_over(most, line):
                raise ValueError(f"more than {most} objects (server.max_rows)")
            asked.given = _objects_of(load(line))
            asked.rows = len(asked.given)
            if asked.rows > most:
                raise ValueError(f"more than {most} rows (server.max_rows)")
        except (ValueError, InvalidInput) as ex:
            asked.error = ex

    async def _together(self, asked: list[Asked]) -> None:
        """Answer lines by one call; if anything is wrong, find out with which."""
        try:
            table = self._check(asked)
        except InvalidInput:
            for each in asked:
                try:
                    self._check([each])
                except InvalidInput as ex:
                    each.error = ex
            asked = [each for each in asked if each.error is None]
            if not asked:
                return
            table = self._check(asked)
        await self._call(asked, table)

    async def _call(self, asked: list[Asked], table: Table) -> None:
        """Answer lines by one call of the model; if that fails, find out of which."""
        try:
            await self._predict(asked, table, {})
        except (WorkerError, ContractError, OSError) as ex:
            if len(asked) == 1:
                asked[0].error = ex
            elif isinstance(ex, DeadlineExceeded):
                for each in asked:  # together they would wait for the one that hangs again
                    await self._alone(each)
            else:
                await self._each(asked)

    async def _each(self, asked: list[Asked]) -> None:
        await asyncio.gather(*(self._alone(each) for each in asked))

    async def _alone(self, asked: Asked) -> None:
        """Answer one line. As in Palladium, its first object has the params of the model."""
        try:
            table = self._check([asked])
            params = read_params(self._settings.params, asked.objects[0])
            await self._predict([asked], table, params)
        except (InvalidInput, WorkerError, ContractError, OSError) as ex:
            asked.error = ex

    def _check(self, asked: list[Asked]) -> Table:
        return self._checker.rows(
            asked[0].objects
            if len(asked) == 1
            else list(chain.from_iterable([each.objects for each in asked]))
        )

    async def _predict(self, asked: list[Asked], table: Table, params: Mapping[str, Any]) -> None:
        begun = time.monotonic()
        part, _ = await self._pool.predict(table, self._method, params, begun + self._within)
        rows = part.rows(plain)
        start = 0
        for each in asked:
            stop = start + each.rows
            each.answer = dump(rows[start:stop])
            start = stop
        size = sum([len(each.line or b"") for each in asked])
        seconds = time.monotonic() - begun
        self._records.answered(len(asked), table.rows, size, seconds, part.whole.seconds)


def _objects_of(value: Any) -> Objects:
    """Give the rows of a line, of columns too. Raises ValueError, InvalidInput."""
    if type(value) is dict and value.keys() == {"columns"} and type(value["columns"]) is dict:
        columns = value["columns"]
        check_columns(columns)
        rows = zip(*columns.values(), strict=True)
        value = [dict(zip(columns, row, strict=True)) for row in rows]
    if type(value) is not list:
        raise ValueError('not a list of objects, nor {"columns": {name: list of values}}')
    if not value:
        raise ValueError("no rows, expected at least one")
    return value


def _told(number: int, asked: Asked) -> str:
    """Say what is wrong with a line, in one line."""
    line = asked.line or b""
    shown = line[:_SHOWN].decode(errors="replace") + ("…" if len(line) > _SHOWN else "")
    why = " ".join(str(asked.error).split())
    return f"{_PREFIX}line {number}: {why}: {shown}\n"
