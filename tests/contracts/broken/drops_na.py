"""Gives the model NaN for a missing number (6.6)."""

import math

from contracts.table import Type
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def see(self, column):
        items = super().see(column)
        if column.type is Type.F64:
            return [math.nan if item is None else item for item in items]
        return items


main(Broken)
