"""Answers NaN where the model answered missing (6.6)."""

import math

from contracts.table import Column, Columns, Type
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def regress(self, columns, mode="code", **params):
        answer = super().regress(columns, mode, **params)
        items = [math.nan if item is None else item for item in answer.columns[0].tolist()]
        return Columns(answer.rows, (Column.of("y", Type.F64, items),))


main(Broken)
