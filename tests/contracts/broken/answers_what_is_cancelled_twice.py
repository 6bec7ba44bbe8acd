"""Answers what it has answered once more when that is cancelled (3.3, 5.9)."""

from contracts.errors import Code
from contracts.messages import Cancel, ErrorReply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def reply(self, peer, reply) -> None:
        super().reply(peer, reply)
        if self.cancelled is not None:
            number, self.cancelled = self.cancelled, None
            super().reply(peer, ErrorReply(number, Code.CANCELLED, "nobody waits"))

    cancelled = None

    def cancel(self, request: Cancel):
        self.cancelled = request.request
        return super().cancel(request)


main(Broken)
