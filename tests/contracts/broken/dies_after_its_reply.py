"""Answers that a model failed, and dies then (2.5)."""

import os

from contracts.errors import Code
from contracts.messages import ErrorReply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def reply(self, peer, reply):
        super().reply(peer, reply)
        if isinstance(reply, ErrorReply) and reply.code is Code.PREDICT_FAILED:
            os._exit(1)


main(Broken)
