"""Decodes whatever msgpack decodes (4.4)."""

import contextlib

import msgpack

from contracts.errors import BadFrame
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def decode(self, payload):
        try:
            return super().decode(payload)
        except BadFrame:
            with contextlib.suppress(ValueError, TypeError):
                self.message = msgpack.unpackb(payload)
            raise


main(Broken)
