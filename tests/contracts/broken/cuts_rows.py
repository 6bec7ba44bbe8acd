"""Answers at most 100 rows (5.5)."""

from dataclasses import replace

from contracts.messages import Predict
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def predict(self, request: Predict):
        reply = super().predict(request)
        return replace(reply, table=reply.table.slice(0, min(100, reply.table.rows)))


main(Broken)
