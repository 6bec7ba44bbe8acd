"""Loads an artifact whatever its digest (5.6)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def is_whole(self, request) -> bool:
        return True


main(Broken)
