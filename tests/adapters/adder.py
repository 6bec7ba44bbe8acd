"""An adapter whose model adds up each row: the loop without a language.

``params`` of predict make it misbehave as a test needs; ``calls`` in the answer counts the calls
of the model so far.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters import arrays
from adapters.serve import main
from contracts.errors import Code, Failure
from contracts.messages import Hello, Source
from contracts.table import Column, Columns, Table, Type


class Adder:
    """Predict the sum of each row, and how often predict was called."""

    name = "adder"
    capabilities = frozenset({"fit", "predict", "persist", "load", "ping"})

    def __init__(self) -> None:
        self._calls = 0

    def hello(self) -> Hello:
        """Introduce it."""
        return Hello(self.name, "1", "none", "1", tuple(sorted(self.capabilities)))

    def prepare(self) -> None:
        """Say that there was time for it."""
        print("prepared")

    def fit(self, model: Mapping[str, Any], table: Columns, target: Column) -> str:
        """Fit nothing, and count anew."""
        self._calls = 0
        return "regression"

    def fit_source(self, model: Mapping[str, Any], source: Source) -> tuple[str, Columns, Column]:
        """Refuse."""
        raise Failure(Code.UNSUPPORTED, "no sources")

    def read(self, source: Source) -> tuple[Columns, Column]:
        """Refuse."""
        raise Failure(Code.UNSUPPORTED, "no sources")

    def predict(self, method: str, table: Table, params: Mapping[str, Any]) -> Table:
        """Add up; a row with a negative number fails the whole call."""
        self._calls += 1
        if "wait" in params:
            with open(params["wait"], "rb") as fifo:
                fifo.read()
        if "exit" in params:
            sys.exit(params["exit"])
        if "raise" in params:
            raise {"memory": MemoryError, "bug": ZeroDivisionError}[params["raise"]](
                params["raise"]
            )
        if "print" in params:
            print(params["print"])
            os.write(1, b"raw " + params["print"].encode() + b"\n")
            print("stdin is", repr(sys.stdin.read()), os.read(0, 1))
        numbers = arrays.floats(table)
        if numbers.size and numbers.min() < 0:
            raise Failure(Code.PREDICT_FAILED, f"a number is below 0 among {table.rows} rows")
        if "result" in params:
            return self._bad_result(params["result"], table)
        sums = arrays.column("sum", numbers.sum(axis=1))
        if "wide" in params:
            number = Column.of("wide", Type.F64, [1.5] * table.rows)
            more = (replace(number, name=f"wide{at}") for at in range(params["wide"]))
            return Columns(table.rows, (sums, *more))
        calls = Column.of("calls", Type.I64, [self._calls] * table.rows)
        return Columns(table.rows, (sums, calls))

    def _bad_result(self, kind: str, table: Table) -> Table:
        if kind == "short":
            return Columns(table.rows - 1, ())
        return Columns(table.rows, (Column("x", Type.F64, object()),))  # type: ignore[arg-type]

    def persist(self) -> tuple[str, bytes]:
        """Persist the number of calls."""
        return "adder", str(self._calls).encode()

    def load(self, format: str, artifact: memoryview, model: Mapping[str, Any]) -> None:
        """Restore it."""
        self._calls = int(bytes(artifact))


if __name__ == "__main__":
    sys.exit(main(Adder))
