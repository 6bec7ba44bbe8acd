"""Leaves the attachment of a request that it does not understand (4.6)."""

from contracts.errors import Code
from contracts.messages import ErrorReply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def decode(self, payload):
        before = {path: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        request = super().decode(payload)
        if isinstance(request, ErrorReply) and request.code is Code.UNKNOWN_OP:
            for path, content in before.items():
                path.write_bytes(content)
        return request


main(Broken)
