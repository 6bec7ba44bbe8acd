"""Takes an attachment's name for a path (4.6)."""

from contracts.wire import pack, unpack
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def decode(self, payload):
        if b"../" in payload:
            message = unpack(payload)
            path = self.folder / message["attachment"]["name"]
            if path.is_file():
                (self.folder / "taken").write_bytes(path.read_bytes())
                message["attachment"]["name"] = "taken"
                payload = pack(message)
        return super().decode(payload)


main(Broken)
