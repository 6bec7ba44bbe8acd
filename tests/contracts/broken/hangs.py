"""Hangs when a result cannot be encoded (3.2)."""

import time

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def regress(self, columns, mode="code", **params):
        while mode == "strange":
            time.sleep(60)
        return super().regress(columns, mode, **params)


main(Broken)
