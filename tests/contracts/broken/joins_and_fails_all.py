"""Fails all requests that it answers together when one of them fails (3.5)."""

from contracts.errors import Code
from contracts.messages import ErrorReply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def feed(self, peer, received):
        self.failure = None
        return super().feed(peer, received)

    def respond(self, request):
        reply = super().respond(request)
        if isinstance(reply, ErrorReply) and reply.code is Code.PREDICT_FAILED:
            self.failure = reply
        elif self.failure is not None:
            return ErrorReply(request.id, Code.PREDICT_FAILED, "a neighbour's rows failed")
        return reply


main(Broken)
