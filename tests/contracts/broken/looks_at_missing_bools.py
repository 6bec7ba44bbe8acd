"""Refuses a bool that is neither 0 nor 1 where none is present (6.4)."""

from contracts.errors import BadTable
from contracts.table import Type
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def align(self, table):
        for column in table.columns:
            if column.type is Type.BOOL and max(column.values, default=0) > 1:
                raise BadTable("a bool that is neither 0 nor 1")
        return super().align(table)


main(Broken)
