"""Offers predict and ping only, which is correct (5.1)."""

from dataclasses import replace

from contracts.errors import Code
from contracts.messages import ErrorReply
from tests.contracts.broken.stub import Stub, main


class PredictsOnly(Stub):
    hello = replace(Stub.hello, capabilities=("predict", "ping"))

    def respond(self, request):
        reply = super().respond(request)
        if getattr(request, "op", "ping") not in self.hello.capabilities:
            return ErrorReply(reply.id, Code.UNSUPPORTED, f"no capability {request.op}")
        return reply


main(PredictsOnly)
