"""Makes up error codes of its own (7.2)."""

from contracts.messages import ErrorReply, encode_reply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def reply(self, peer, reply):
        payload = encode_reply(reply, self.folder)
        if isinstance(reply, ErrorReply):
            payload = payload.replace(b"\xa8no_model", b"\xa8no_idea!")
        self.send(peer, payload)


main(Broken)
