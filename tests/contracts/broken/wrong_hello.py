"""Tells a contract that there is not (3.1)."""

from dataclasses import replace

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    hello = replace(Stub.hello, contract=99)


main(Broken)
