"""Dies when a model fails (2.5)."""

import os

from contracts.errors import Code
from contracts.messages import ErrorReply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def respond(self, request):
        reply = super().respond(request)
        if isinstance(reply, ErrorReply) and reply.code is Code.PREDICT_FAILED:
            os._exit(0)
        return reply


main(Broken)
