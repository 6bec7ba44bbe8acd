"""The contract between the runner and its adapters: the one thing that both sides import.

SPEC.md is the contract in words; the modules are one implementation of it, with the standard
library and msgpack only:

    errors    the closed list of error codes and whose fault each one is
    wire      bytes <-> maps: frames, bounded decoding, attachments
    table     typed columns and matrices <-> maps
    messages  requests, replies and hello <-> maps
    conform   drives any adapter command and names the clause that it breaks
"""

VERSION = 1
"""The contract's version, told in ``hello`` (SPEC 8.1)."""
