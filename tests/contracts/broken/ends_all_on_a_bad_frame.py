"""Ends every connection when one sends a bad frame (4.5)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def bad_frame(self, peer) -> None:
        for each in list(self.peers.values()):
            self.drop(each)


main(Broken)
