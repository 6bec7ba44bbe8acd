"""Takes a map with bin as keys, as msgpack does (4.3)."""

import contextlib

import msgpack

from contracts.errors import BadFrame
from contracts.messages import Ping
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def decode(self, payload):
        try:
            return super().decode(payload)
        except BadFrame:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                return Ping(msgpack.unpackb(payload)["id"])
            raise


main(Broken)
