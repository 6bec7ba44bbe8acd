"""Lets the last of two equal keys count (4.3)."""

import msgpack

from contracts.wire import pack
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def decode(self, payload):
        if payload.count(b"\xa2id") == 2 or payload.count(b"\xa1a") == 2:
            payload = pack(msgpack.unpackb(payload))
        return super().decode(payload)


main(Broken)
