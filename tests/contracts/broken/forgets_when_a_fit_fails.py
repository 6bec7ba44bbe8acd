"""Drops the model that it has when a fit fails (5.4)."""

from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def fit(self, request):
        self.features = None
        return super().fit(request)


main(Broken)
