"""The contract between the runner and its adapters: the one thing that both sides import.

SPEC.md is the contract in words; the modules are one implementation of it, with the standard
library and msgpack only:

    errors    the closed list of error codes and whose fault each one is
    wire      bytes <-> maps: frames, bounded decoding
      bounds    what a payload would become, counted before it is built
      buffers   bulk data, in the frame or in a file beside the socket
    table     tables of typed columns, and matrices <-> maps
      column    one column over its buffers, and its description
      values    Python values <-> buffers
    messages  every message <-> payload, by one name
      hello, requests, replies
      keys      typed keys out of a message's map
      seal      bulk into its place, and pack
    conform   drives any adapter command and names the clause that it breaks
"""

VERSION = 1
"""The contract's version, told in ``hello`` (SPEC 8.1)."""
