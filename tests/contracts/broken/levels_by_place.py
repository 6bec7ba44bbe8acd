"""Reads codes of cat by the levels of the fit, not by those of the table (6.5)."""

from dataclasses import replace

from contracts.table import Type
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def align(self, table):
        return [
            replace(column, levels=field.levels) if column.type is Type.CAT else column
            for column, field in zip(super().align(table), self.features, strict=True)
        ]


main(Broken)
