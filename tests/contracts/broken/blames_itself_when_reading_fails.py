"""Answers internal where the function of a source failed (5.7)."""

from contracts.errors import Code, Failure
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def load_source(self, source):
        try:
            return super().load_source(source)
        except Failure as ex:
            if ex.code is not Code.READ_FAILED:
                raise
            raise Failure(Code.INTERNAL, ex.message) from ex


main(Broken)
