"""Takes the memory for a frame when its length is announced (4.4)."""

from contracts.wire import MAX_FRAME
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    kept: list[bytes] = []  # noqa: RUF012

    def feed(self, peer, received):
        length = int.from_bytes(received[:4], "big")
        if 1 << 20 < length <= MAX_FRAME:
            self.kept.append(b"\1" * length)
        return super().feed(peer, received)


main(Broken)
