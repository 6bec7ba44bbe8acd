"""Answers a table that is wrong as if the message were (6.2)."""

from dataclasses import replace

from contracts.errors import Code
from contracts.messages import ErrorReply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def respond(self, request):
        reply = super().respond(request)
        if isinstance(reply, ErrorReply) and reply.code is Code.BAD_TABLE:
            return replace(reply, code=Code.BAD_MESSAGE)
        return reply


main(Broken)
