"""Leaves standard output to the model (2.3)."""

import os

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def take_stdio(self) -> int:
        output = os.dup(1)
        lifeline = super().take_stdio()
        os.dup2(output, 1)
        return lifeline


main(Broken)
