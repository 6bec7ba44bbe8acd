"""Ends the connection of a message that is none (5.2)."""

from contracts.errors import Code
from contracts.messages import ErrorReply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def reply(self, peer, reply):
        super().reply(peer, reply)
        if isinstance(reply, ErrorReply) and reply.code is Code.BAD_MESSAGE:
            self.drop(peer)


main(Broken)
