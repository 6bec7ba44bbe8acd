"""Runs requests that have expired (3.6)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def expired(self, request) -> bool:
        return False


main(Broken)
