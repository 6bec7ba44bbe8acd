"""Exits with 1 at the end of its standard input (2.2)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def end(self) -> int:
        return 1


main(Broken)
