"""Answers probabilities in the order of the alphabet (5.5)."""

from contracts.table import pack_floats
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def classify(self, method, cells):
        answer = super().classify(method, cells)
        if method == "predict":
            return answer
        columns = sorted(answer.columns, key=lambda column: column.name)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        names = tuple(column.name for column in columns)
        return pack_floats(answer.rows, names, [cell for row in rows for cell in row])


main(Broken)
