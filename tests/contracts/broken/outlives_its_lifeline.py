"""Goes on when its standard input ends (2.2)."""

import os

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def end(self) -> int:
        self.lifeline, _ = os.pipe()
        return self.run()


main(Broken)
