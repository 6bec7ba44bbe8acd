"""Read JSON columns of numbers straight into matrices, if they are as a model wants them.

As `RecordReader` does with records: what is not just so is left to the long way. simdjson hands a
list of numbers over as one array of doubles, of which Python makes no objects.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from contracts.table import Matrix

try:
    import simdjson
except ImportError:  # it has no wheels for the newest Python yet: the long way reads the same
    simdjson = None  # type: ignore[assignment]

_REFUSED = (ValueError, TypeError, KeyError, AttributeError, RuntimeError)  # as simdjson refuses


class ColumnReader:
    """Read texts such as ``{"columns": {"x": [1, 2.5], "y": [3, 4]}}`` for a model of floats.

    ``names``: of the columns, in the order of ``features``.
    """

    def __init__(self, names: Sequence[str], features: tuple[str, ...]) -> None:
        self._names = names
        self._features = features

    def read_lines(self, lines: Sequence[bytes], most: int) -> tuple[Matrix, list[int]] | None:
        """Read such texts, one a line, to one matrix; give the number of rows of each, too.

        None if one is anything else: has other columns, no rows or over ``most``, or a value that
        is no number. A document takes a dozen times its text at most while it is read.
        """
        try:
            parts = [self._read(line) for line in lines]
        except _REFUSED:
            return None
        counts = [len(part) // (8 * len(self._names)) for part in parts]
        if max(counts) > most:
            return None
        return Matrix(sum(counts), self._features, b"".join(parts)), counts

    def _read(self, text: bytes) -> bytes:
        """Give the numbers of a text, row by row. Raises what `_REFUSED` has."""
        width = len(self._names)
        if simdjson is None or b'"columns"' not in text:
            raise ValueError("a record, or nothing to read columns with")
        document: Any = simdjson.Parser().parse(text)
        columns = document["columns"]
        # Each name is found, and they are as many: so none is there twice. Lists within lists would
        # come flat, but have brackets of their own.
        if len(document) != 1 or len(columns) != width or text.count(b"[") != width:
            raise ValueError("not only the model's columns")
        found = [bytes(columns[name].as_buffer(of_type="d")) for name in self._names]
        size = len(found[0])
        if not size or any(len(each) != size for each in found):
            raise ValueError("columns that are empty, or differ in length")
        numbers = array("d", bytes(size * width))
        for at, each in enumerate(found):
            numbers[at::width] = array("d", each)
        return numbers.tobytes()
