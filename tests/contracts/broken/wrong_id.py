"""Answers a failed predict with the id of the next request (3.2)."""

from dataclasses import replace

from contracts.errors import Code
from contracts.messages import ErrorReply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def respond(self, request):
        reply = super().respond(request)
        if isinstance(reply, ErrorReply) and reply.code is Code.UNKNOWN_OP:
            return replace(reply, id=reply.id + 1)
        return reply


main(Broken)
