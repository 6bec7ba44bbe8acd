"""Knows nothing of what it has answered already, and refuses to cancel that (5.9)."""

from contracts.errors import Code, Failure
from contracts.messages import Cancel, Reply
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def cancel(self, request: Cancel) -> Reply:
        raise Failure(Code.BAD_MESSAGE, f"no request {request.request} waits here")


main(Broken)
