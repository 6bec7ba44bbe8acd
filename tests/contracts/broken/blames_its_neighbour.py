"""Writes down the id of the next request (2.7)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def mark(self, ids):
        super().mark(tuple(number + 1 for number in ids))


main(Broken)
