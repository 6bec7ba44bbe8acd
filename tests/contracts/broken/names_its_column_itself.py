"""Calls the column of predict what it likes (5.5)."""

from dataclasses import replace

from contracts.table import Columns
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def regress(self, columns, **params):
        (column,) = super().regress(columns, **params).columns
        return Columns(column.rows, (replace(column, name="prediction"),))


main(Broken)
