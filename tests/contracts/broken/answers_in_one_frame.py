"""Answers in the frame, however large the answer is (4.6)."""

import struct

from contracts.messages import encode_reply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def reply(self, peer, reply):
        payload = encode_reply(reply)
        peer.socket.sendall(struct.pack(">I", len(payload)) + payload)


main(Broken)
