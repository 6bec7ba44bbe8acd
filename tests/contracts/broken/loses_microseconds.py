"""Rounds times to milliseconds (6.9)."""

from contracts.table import Type
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def see(self, column):
        items = super().see(column)
        if column.type is Type.DATETIME:
            return [None if item is None else item // 1000 * 1000 for item in items]
        return items


main(Broken)
