"""Waits for the runner to speak first (3.1)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def greet(self, peer) -> None:
        pass


main(Broken)
