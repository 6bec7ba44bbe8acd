"""Answers predicts that came together with the rows of one another (3.5)."""

from dataclasses import replace

from contracts.messages import Predict
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def feed(self, peer, received):
        payloads = super().feed(peer, received)
        requests = [self.decode(payload) for payload in payloads]
        if len(requests) > 1 and all(isinstance(request, Predict) for request in requests):
            swapped = zip(requests, reversed(requests), strict=True)
            for request, other in swapped:
                self.reply(peer, replace(self.respond(other), id=request.id))
            return []
        return payloads


main(Broken)
