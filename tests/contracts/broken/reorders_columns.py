"""Takes columns by their place, not by their name (5.5)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def align(self, table):
        super().align(table)
        return list(table.columns)


main(Broken)
