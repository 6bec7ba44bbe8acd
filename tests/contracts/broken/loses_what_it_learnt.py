"""Persists what the model was fitted to, not what it learnt (5.6)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def load(self, request):
        reply = super().load(request)
        self.total = 0.0
        return reply


main(Broken)
