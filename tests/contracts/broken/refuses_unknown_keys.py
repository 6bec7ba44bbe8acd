"""Refuses messages with keys that it does not know (8.2)."""

from contracts.errors import Code
from contracts.messages import ErrorReply
from contracts.wire import unpack
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def decode(self, payload):
        request = super().decode(payload)
        known = "id op expires method params model source table target format sha256 request"
        unknown = unpack(payload).keys() - {*known.split(), "artifact", "attachment"}
        if unknown and not isinstance(request, ErrorReply):
            return ErrorReply(request.id, Code.BAD_MESSAGE, f"unknown keys {unknown}")
        return request


main(Broken)
