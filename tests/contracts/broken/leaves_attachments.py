"""Reads attachments and leaves their files (4.6)."""

from contracts.messages import decode_request
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def decode(self, payload):
        before = {path: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        request = decode_request(payload, self.folder)
        for path, content in before.items():
            path.write_bytes(content)
        return request


main(Broken)
