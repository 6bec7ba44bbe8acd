"""Takes columns of more levels than there may be (6.5)."""

from contracts import column
from tests.contracts.broken.stub import Stub, main

column.MAX_LEVELS = 10**9
main(Stub)
