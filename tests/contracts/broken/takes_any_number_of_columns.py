"""Takes tables of more columns than there may be (6.1)."""

from contracts import table
from tests.contracts.broken.stub import Stub, main

table.MAX_COLUMNS = 10**9
main(Stub)
