"""Refuses a message of as many values as there may be (4.4)."""

from contracts import bounds
from tests.contracts.broken.stub import Stub, main

bounds.MAX_VALUES -= 1
main(Stub)
