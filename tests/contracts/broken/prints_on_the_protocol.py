"""Lets what a model prints reach the connection (2.3)."""

import os

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def receive(self, peer) -> None:
        os.dup2(peer.socket.fileno(), 1)
        super().receive(peer)
        os.dup2(2, 1)


main(Broken)
