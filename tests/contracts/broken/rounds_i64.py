"""Rounds integers to doubles (6.9)."""

from contracts.table import Type
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def see(self, column):
        items = super().see(column)
        if column.type is Type.I64:
            return [None if item is None else int(float(item)) for item in items]
        return items


main(Broken)
