"""Opens whatever stands in an attachment's place, and waits for it (4.6)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def decode(self, payload):
        for path in self.folder.iterdir():
            if path.is_fifo():
                path.read_bytes()
        return super().decode(payload)


main(Broken)
