"""Takes buffers that lie upon one another, any number of them (4.4)."""

from contracts import buffers
from tests.contracts.broken.stub import Stub, main

buffers.OVERLAP = 10**9
main(Stub)
