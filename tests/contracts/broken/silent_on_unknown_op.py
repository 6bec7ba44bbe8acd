"""Says nothing to an op that it does not know (3.2)."""

from contracts.errors import Code
from contracts.messages import ErrorReply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def reply(self, peer, reply):
        if not (isinstance(reply, ErrorReply) and reply.code is Code.UNKNOWN_OP):
            super().reply(peer, reply)


main(Broken)
