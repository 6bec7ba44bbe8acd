"""Takes one connection at a time (2.1)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def accept(self) -> None:
        if not self.peers:
            super().accept()


main(Broken)
