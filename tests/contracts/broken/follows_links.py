"""Follows a link that stands in an attachment's place (4.6)."""

from contracts.messages import decode_request
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def decode(self, payload):
        for path in self.folder.iterdir():
            if path.is_symlink():
                content = path.read_bytes()
                path.unlink()
                path.write_bytes(content)
        return decode_request(payload, self.folder)


main(Broken)
