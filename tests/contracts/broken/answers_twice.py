"""Answers every ping twice (3.3)."""

from contracts.messages import ErrorReply, Reply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def reply(self, peer, reply: Reply | ErrorReply) -> None:
        super().reply(peer, reply)
        if isinstance(reply, Reply) and reply == Reply(reply.id):
            super().reply(peer, reply)


main(Broken)
