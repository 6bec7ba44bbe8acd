"""Serves from a child, which allocates what a frame announces before it is there (4.4)."""

import os

from contracts.wire import MAX_FRAME
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def run(self):
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return super().run()

    def feed(self, peer, received):
        length = int.from_bytes(received[:4], "big")
        if 1 << 20 < length <= MAX_FRAME:
            self.room = b"\1" * length
        return super().feed(peer, received)


main(Broken)
