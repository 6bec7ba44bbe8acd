"""Whose memory the data lie in, and for how long; large tables and empty ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from contracts.messages import Predict, encode_request
from contracts.table import Column, Columns, Matrix, Type
from contracts.wire import frame, unpack
from tests.adapters.driver import AdapterProcess, Client
from tests.adapters.julia.conftest import (
    kinds,
    matrix,
    model,
    numbers,
    restore,
    y,
)
from tests.requirements import need

pytestmark = need("julia")


def test_a_model_may_keep_what_it_was_fitted_with(client: Client) -> None:
    """X and y of the fit are Julia's own: they outlive the request, and collections."""
    table = numbers([0, 10, 20], [0, 10, 20])
    client.fit(model("nearest.jl"), table, kinds("p", "q", "r"))
    for _ in range(20):
        client.ping()
        found = client.predict(matrix([1, 1], [19, 19], [11, 9])).table.columns[0]
        assert found.tolist() == ["p", "r", "q"]


def test_changing_x_in_predict_does_no_harm(client: Client) -> None:
    """A predict that writes into X, as careless ones do, changes nobody's data."""
    client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
    asked = matrix([1, 2], [3, 4])
    assert client.predict(asked, fault="change").table.columns[0].tolist() == [-1, -1]
    reply = client.persist()
    restore(client, reply)
    assert client.persist().artifact == reply.artifact


def test_a_hundred_thousand_rows_by_attachment(client: Client, worker: AdapterProcess) -> None:
    """Large tables go over beside the frame, in both directions."""
    rows = np.arange(400_000, dtype=float).reshape(100_000, 4)
    client.fit(model("mirror.jl"), numbers([1], [2], [3], [4]), y(1))
    found = by_attachment(client, worker, rows)
    assert np.array_equal(found, rows.sum(axis=1))


def test_changing_large_x_in_predict(client: Client, worker: AdapterProcess) -> None:
    """Data too large to be copied may be written to as well."""
    rows = np.ones((100_000, 4))
    client.fit(model("faults.jl"), numbers([1], [2], [3], [4]), y(1))
    assert by_attachment(client, worker, rows, fault="change").tolist() == [-1.0] * 100_000


def test_thousands_of_columns(client: Client) -> None:
    """A wide table costs no minutes of compilation, as NamedTuple's constructor would."""
    columns = tuple(Column.of(f"c{n}", Type.STR, [str(n)]) for n in range(4096))
    settings = model("nearest.jl", fit="first_feature", predict="same")
    client.fit(settings, Columns(1, columns), Column.of("y", Type.STR, ["0"]))
    assert client.predict(Columns(1, columns)).table.columns[0].tolist() == ["0"]


def test_no_rows(client: Client) -> None:
    """A prediction for nobody is empty."""
    client.fit(model("mirror.jl"), numbers([1, 2], [3, 4]), y(1, 2))
    assert client.predict(Matrix(0, ("a", "b"), b"")).table.rows == 0
    client.fit(model("shares.jl"), numbers([0, 1], [0, 1]), kinds("p", "q"))
    assert client.predict(Matrix(0, ("a", "b"), b"")).table.columns[0].levels == tuple("pqr")
    shares = client.predict(Matrix(0, ("a", "b"), b""), "predict_proba").table
    assert (shares.rows, shares.names) == (0, tuple("pqr"))


def test_batches_are_split_by_rows(client: Client) -> None:
    """Requests that queued are answered by one call, each with its own rows (SPEC 3.5)."""
    client.fit(model("mirror.jl"), numbers([1, 2], [3, 4]), y(1, 2))
    asked = [Predict(client.next_id(), matrix([float(n), 0.0])) for n in range(50)]
    client.send(*asked)
    replies = {}
    for _ in asked:
        reply = client.receive()
        replies[reply.id] = reply.table.columns[0].tolist()
    assert replies == {request.id: [float(n)] for n, request in enumerate(asked)}


def by_attachment(
    client: Client, worker: AdapterProcess, rows: np.ndarray[Any, Any], **params: Any
) -> np.ndarray[Any, Any]:
    """Predict rows that lie in a file beside the socket; give the first column of the answer."""
    table = Matrix(len(rows), tuple("abcdefgh"[: rows.shape[1]]), rows.tobytes())
    payload = encode_request(Predict(client.next_id(), table, params=params), worker.folder)
    assert "attachment" in unpack(payload)
    client.send_bytes(frame(payload))
    return np.frombuffer(client.receive().table.columns[0].values)
