"""Tests of the loop, against a real process whose model adds up each row."""

from __future__ import annotations

import hashlib
import itertools
import os
import resource
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.loop import PATIENCE
from contracts.errors import Code, Failure
from contracts.messages import Cancel, ErrorReply, Load, Persist, Predict, Reply
from contracts.table import Column, Columns, Matrix, Type, pack_floats
from contracts.wire import frame, pack
from tests.adapters.conftest import samples
from tests.adapters.driver import AdapterProcess, Client


def row(*numbers: float) -> Matrix:
    """One row of features a and b."""
    return pack_floats(1, ("a", "b"), numbers)


def values(reply: Reply | ErrorReply, name: str = "sum") -> list[Any]:
    """The values of one column of a predict's answer."""
    assert isinstance(reply, Reply), reply
    assert reply.table is not None
    return next(c for c in reply.table.columns if c.name == name).tolist()


class Gate:
    """A FIFO that keeps the model at work until it is opened, so that requests queue up."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gate"
        os.mkfifo(self.path)

    def close(self, client: Client) -> None:
        """Send a request whose model call waits here, and wait until it does."""
        client.send(Predict(client.next_id(), row(0, 0), params={"wait": str(self.path)}))
        self._writer = os.open(self.path, os.O_WRONLY)  # returns when the model has opened it

    def open(self) -> None:
        """Let the model go on."""
        os.close(self._writer)


@pytest.fixture(scope="module")
def adder() -> Iterator[AdapterProcess]:
    """One process for all tests here, none of which ends it: each `client` fits it anew."""
    with (
        tempfile.TemporaryDirectory(prefix="adapter-") as name,
        AdapterProcess.python_module("tests.adapters.adder", Path(name)) as process,
    ):
        yield process


@pytest.fixture
def gate(folder: Path) -> Gate:
    """A gate of its own."""
    return Gate(folder)


def predicts(client: Client, *rows: Matrix, **keys: Any) -> list[Predict]:
    """A request for each row."""
    return [Predict(client.next_id(), each, **keys) for each in rows]


# What queued up goes to the model together.


def test_alike_requests_of_all_clients_share_one_call(
    adder: AdapterProcess, client: Client, gate: Gate
) -> None:
    """Forty requests of two clients that queued while the model worked take one call of it."""
    with adder.connect() as other:
        gate.close(client)
        client.send(*predicts(client, *(row(n, 1) for n in range(20))))
        other.send(*predicts(other, *(row(n, 2) for n in range(20))))
        gate.open()
        (waited,) = values(client.receive(), "calls")
        ours = [client.receive() for _ in range(20)]
        theirs = [other.receive() for _ in range(20)]
    assert [[n + 1.0] for n in range(20)] == [values(reply) for reply in ours]
    assert [[n + 2.0] for n in range(20)] == [values(reply) for reply in theirs]
    assert {waited + 1} == {values(reply, "calls")[0] for reply in ours + theirs}
    assert {40} == {reply.batch for reply in ours + theirs if isinstance(reply, Reply)}


@pytest.mark.parametrize(
    "other",
    [
        {"table": row(1, 2), "params": {"x": 1}},
        {"table": pack_floats(1, ("b", "a"), (2, 1))},
        {"table": Columns(1, (Column.of("a", Type.F64, [1.0]), Column.of("b", Type.F64, [2.0])))},
    ],
    ids=["params", "order of names", "shape"],
)
def test_unlike_requests_do_not_share_a_call(
    client: Client, gate: Gate, other: dict[str, Any]
) -> None:
    """Requests that differ in params, names or shape are answered by calls of their own."""
    gate.close(client)
    client.send(*predicts(client, row(1, 2)), Predict(client.next_id(), **other))
    gate.open()
    client.receive()
    replies = [client.receive() for _ in range(2)]
    if "params" not in other:
        assert [[3.0], [3.0]] == [values(reply) for reply in replies]
    assert {1} == {reply.batch for reply in replies if isinstance(reply, Reply)}


def test_a_bad_row_fails_only_its_own_request(client: Client, gate: Gate) -> None:
    """If the joint call fails each request is tried alone."""
    gate.close(client)
    client.send(*predicts(client, row(1, 1), row(-1, 1), row(2, 2)))
    gate.open()
    client.receive()
    first, bad, last = (client.receive() for _ in range(3))
    assert [2.0] == values(first)
    assert isinstance(bad, ErrorReply)
    assert (Code.PREDICT_FAILED, "a number is below 0 among 1 rows") == (bad.code, bad.message)
    assert [4.0] == values(last)


def test_what_is_cancelled_before_its_turn_never_reaches_the_model(
    adder: AdapterProcess, client: Client, gate: Gate
) -> None:
    """Cancelled while the model worked: answered so, and neither run nor joined; others are."""
    with adder.connect() as other:
        gate.close(client)
        first, gone, last = predicts(client, row(1, 1), row(2, 1), row(3, 1))
        lonely = Predict(client.next_id(), row(4, 1), alone=True)
        theirs = Predict(gone.id, row(5, 1))  # the same id, on another connection
        other.send(theirs)
        cancels = [Cancel(client.next_id(), each.id) for each in (gone, lonely)]
        client.send(first, gone, last, lonely, *cancels)
        gate.open()
        client.receive()
        replies = {reply.id: reply for reply in (client.receive() for _ in range(6))}
        beside = other.receive()
    for each in (gone, lonely):
        told = replies[each.id]
        assert Code.CANCELLED == (told.code if isinstance(told, ErrorReply) else told)
    assert [Reply(each.id) for each in cancels] == [replies[each.id] for each in cancels]
    found = [replies[first.id], replies[last.id], beside]
    assert [[2.0], [4.0], [6.0]] == [values(reply) for reply in found]
    assert {3} == {reply.batch for reply in found if isinstance(reply, Reply)}
    assert values(client.predict(row(1, 1)), "calls") == [values(beside, "calls")[0] + 1]


def test_what_is_answered_or_was_never_asked_can_be_cancelled(client: Client) -> None:
    """It does nothing, and is answered; one that has expired is refused as any request is."""
    asked = Predict(client.next_id(), row(1, 1))
    client.ask(asked)
    for number in (asked.id, 2**64 - 1):
        assert Reply(cancel := client.next_id()) == client.ask(Cancel(cancel, number))
    with pytest.raises(Failure, match="expired"):
        client.ask(Cancel(client.next_id(), asked.id, expires=0.0))


def test_a_giant_request_does_not_hold_up_small_ones(client: Client, gate: Gate) -> None:
    """Small requests that queued before and after a giant one share a call without it."""
    giant = Matrix(100_000, ("a", "b"), bytes(1_600_000))
    gate.close(client)
    client.send(*predicts(client, row(1, 1), giant, row(2, 2)))
    gate.open()
    client.receive()
    replies = [client.receive() for _ in range(3)]
    assert [1, 1, 100_000] == [len(values(reply)) for reply in replies]
    assert [2, 2, 1] == [reply.batch for reply in replies if isinstance(reply, Reply)]


def test_a_predict_after_a_fit_is_for_the_new_model(client: Client, gate: Gate) -> None:
    """Alike predicts on either side of a load are answered by different models."""
    artifact = client.persist().artifact
    assert artifact is not None
    digest = hashlib.sha256(artifact).hexdigest()
    client.predict(row(1, 1))  # the model that persist gave does not count this call
    gate.close(client)
    load = Load(client.next_id(), artifact, "adder", digest)
    client.send(*predicts(client, row(1, 1)), load, *predicts(client, row(1, 1)))
    gate.open()
    client.receive()
    before, _, after = (client.receive() for _ in range(3))
    assert ([5], [4]) == (values(before, "calls"), values(after, "calls"))


# Time.


def test_an_expired_request_never_reaches_the_model(client: Client, gate: Gate) -> None:
    """A request whose time is over when its turn comes is answered with expired, not run."""
    gate.close(client)
    (late,) = predicts(client, row(1, 1), expires=time.monotonic())
    (early,) = predicts(client, row(2, 2), expires=time.monotonic() + 1000)
    client.send(late, early)
    gate.open()
    (waited,) = values(client.receive(), "calls")
    replies = [client.receive(), client.receive()]
    assert [Code.EXPIRED] == [r.code for r in replies if isinstance(r, ErrorReply)]
    assert [waited + 1] == values(replies[1], "calls")


def test_requests_of_a_client_that_left_are_dropped(
    adder: AdapterProcess, client: Client, gate: Gate
) -> None:
    """The model is not called for a client that has closed its connection."""
    with adder.connect() as leaving:
        gate.close(client)
        leaving.send(*predicts(leaving, row(1, 1), params={"x": "own call"}))
    gate.open()
    (waited,) = values(client.receive(), "calls")
    assert [waited + 1] == values(client.predict(row(1, 1)), "calls")


# Columns.


def test_columns_are_brought_into_the_order_of_the_fit(client: Client) -> None:
    """Names decide, and columns that the fit did not have are dropped."""
    table = pack_floats(1, ("b", "extra", "a"), (1, 100, 2))
    assert [3.0] == values(client.predict(table))


def test_a_missing_feature_is_named(client: Client) -> None:
    """A table without a feature of the fit is bad_table."""
    with pytest.raises(Failure, match="feature 'b' is not in the table") as caught:
        client.predict(pack_floats(1, ("a", "c"), (1, 2)))
    assert caught.value.code is Code.BAD_TABLE


def test_a_feature_of_another_type_is_refused(client: Client) -> None:
    """A str where the fit had numbers is bad_table, not the model's failure."""
    columns = (Column.of("a", Type.STR, ["x"]), Column.of("b", Type.F64, [1.0]))
    with pytest.raises(Failure, match="column 'a' is str, the model was fitted with f64") as caught:
        client.predict(Columns(1, columns))
    assert caught.value.code is Code.BAD_TABLE


# Errors: one reply to each request, and the loop goes on.


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"raise": "bug"}, Code.INTERNAL, "ZeroDivisionError: bug"),
        ({"raise": "memory"}, Code.INTERNAL, "MemoryError: memory"),
        ({"result": "short"}, Code.BAD_RESULT, "predict gave 0 rows for 1"),
        (
            {"result": "odd"},
            Code.BAD_RESULT,
            "the result cannot be encoded: TypeError: object of type 'object' has no len()",
        ),
    ],
)
def test_what_the_model_does_wrong_is_told(
    client: Client, params: dict[str, Any], code: Code, message: str
) -> None:
    """Anything a model raises or returns becomes an error reply, and the next request works."""
    with pytest.raises(Failure) as caught:
        client.predict(row(1, 1), **params)
    assert (code, message) == (caught.value.code, caught.value.message)
    assert [2.0] == values(client.predict(row(1, 1)))


def test_an_unforeseen_error_carries_its_traceback(client: Client) -> None:
    """internal comes with the Python traceback that shows the place."""
    with pytest.raises(Failure) as caught:
        client.predict(row(1, 1), **{"raise": "bug"})
    assert "tests/adapters/adder.py" in caught.value.traceback


@pytest.mark.parametrize(
    ("message", "number", "code"),
    [
        ({"id": 7, "op": "dance"}, 7, Code.UNKNOWN_OP),
        ({"id": 7}, 7, Code.UNKNOWN_OP),
        ({"op": "ping"}, None, Code.BAD_MESSAGE),
        ({"id": 7, "op": "predict"}, 7, Code.BAD_MESSAGE),
        ({"id": 7, "op": "read", "source": {"script": "", "function": "", "params": {}}}, 7,
         Code.UNSUPPORTED),
        ({"id": 7, "op": "predict", "method": "predict_proba",
          "table": {"rows": 0, "names": ["a", "b"], "matrix": b""}}, 7, Code.UNSUPPORTED),
        ({"id": 7, "op": "predict", "table": {"rows": 1, "names": ["a"], "matrix": b""}}, 7,
         Code.BAD_TABLE),
    ],
)  # fmt: skip
def test_a_wrong_message_is_answered_and_the_connection_goes_on(
    client: Client, message: dict[str, Any], number: int | None, code: Code
) -> None:
    """Each wrong message gets its code under its own id, and a ping after it is answered."""
    client.send_bytes(frame(pack(message)))
    reply = client.receive()
    assert isinstance(reply, ErrorReply)
    assert (number, code) == (reply.id, reply.code)
    client.ping()


@pytest.mark.parametrize("op", [Predict(1, row(1, 1)), Persist(1)], ids=["predict", "persist"])
def test_without_a_model_there_is_no_prediction(folder: Path, op: Predict) -> None:
    """predict and persist before fit or load are no_model."""
    adder = AdapterProcess.python_module("tests.adapters.adder", folder)
    with adder, adder.connect() as client, pytest.raises(Failure) as caught:
        client.ask(op)
    assert caught.value.code is Code.NO_MODEL


def test_fit_to_no_rows_is_refused(client: Client) -> None:
    """A table of 0 rows is bad_table, and the former model stays."""
    table, target = samples()
    with pytest.raises(Failure, match="0 rows") as caught:
        client.fit({}, table.slice(0, 0), target.slice(0, 0))
    assert caught.value.code is Code.BAD_TABLE
    assert [2.0] == values(client.predict(row(1, 1)))


@pytest.mark.parametrize(
    "raw",
    [b"\xff\xff\xff\xff", frame(b"\xc1"), frame(pack({"id": 1, "op": "ping"}) + b"x")],
    ids=["too long", "no msgpack", "bytes left over"],
)
def test_a_bad_frame_ends_its_connection_only(
    adder: AdapterProcess, client: Client, raw: bytes
) -> None:
    """The receiver says bad_frame and closes; other connections do not notice."""
    with adder.connect() as other:
        other.send_bytes(raw)
        reply = other.receive()
        assert isinstance(reply, ErrorReply)
        assert (None, Code.BAD_FRAME) == (reply.id, reply.code)
        with pytest.raises(EOFError):
            other.receive()
    client.ping()


# Sockets.


def test_the_socket_is_for_this_user_only(adder: AdapterProcess, client: Client) -> None:
    """The socket has mode 0600."""
    assert 0o600 == adder.socket.stat().st_mode & 0o777


def test_a_stale_socket_is_replaced(folder: Path) -> None:
    """A socket file that a killed process left does not keep the next from listening."""
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(folder / "adapter.sock"))
    adder = AdapterProcess.python_module("tests.adapters.adder", folder)
    with adder, adder.connect() as client:
        client.ping()


def test_a_file_in_the_sockets_place_is_kept(folder: Path) -> None:
    """What is no socket is not deleted: the adapter ends and says so."""
    (folder / "adapter.sock").write_text("precious")
    with AdapterProcess.python_module("tests.adapters.adder", folder) as process:
        assert 1 == process.wait()
        assert "cannot listen on" in process.stderr
    assert "precious" == (folder / "adapter.sock").read_text()


def test_no_descriptor_is_left_of_a_thousand_connections(
    adder: AdapterProcess, client: Client
) -> None:
    """Descriptors are as many after 1,000 connections as before."""
    descriptors = Path(f"/proc/{adder.process.pid}/fd")
    before = len(list(descriptors.iterdir()))
    for _ in range(1000):
        adder.connect().close()
    client.ping()
    client.ping()  # the turn of the first one may have closed the last of them
    assert before == len(list(descriptors.iterdir()))


def test_whoever_finds_no_descriptor_left_waits_for_one(folder: Path) -> None:
    """Out of descriptors the adapter serves those it has, and the next when one of them leaves."""
    adder = AdapterProcess.python_module("tests.adapters.adder", folder)
    with adder, adder.connect() as client:
        used = [int(entry.name) for entry in Path(f"/proc/{adder.process.pid}/fd").iterdir()]
        spare = next(n for n in itertools.count() if n not in used)
        resource.prlimit(adder.process.pid, resource.RLIMIT_NOFILE, (spare + 1, spare + 1))
        last = adder.connect()
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(str(adder.socket))
            client.ping()
            client.ping()
            with pytest.raises(BlockingIOError):
                waiting.recv(1, socket.MSG_DONTWAIT)
            last.close()
            waiting.settimeout(60)
            assert 1 == len(waiting.recv(1))


def test_a_client_that_does_not_read_holds_up_nobody(adder: AdapterProcess, client: Client) -> None:
    """While one client lets its replies pile up another is answered, then the first as well."""
    with adder.connect() as lazy:
        wide = predicts(lazy, *(row(1, 1) for _ in range(20)), params={"wide": 4000})
        lazy.send(*wide)
        client.ping()
        assert [2.0] == values(client.predict(row(1, 1)))
        replies = [lazy.receive() for _ in wide]
    assert [request.id for request in wide] == [reply.id for reply in replies]
    assert [{1.5}] * 20 == [set(values(reply, "wide3999")) for reply in replies]


def test_a_frame_may_come_byte_by_byte(client: Client) -> None:
    """A request that trickles in is answered once it is whole."""
    for byte in frame(pack({"id": 9, "op": "ping"})):
        client.send_bytes(bytes([byte]))
    assert 9 == client.receive().id


# Attachments.


def test_a_large_table_travels_beside_the_socket(adder: AdapterProcess, client: Client) -> None:
    """Question and answer beyond a frame go through files, and none is left behind."""
    rows = 5_000_000
    reply = client.predict(Matrix(rows, ("a", "b"), bytes(16 * rows)))
    assert reply.table is not None
    assert rows == reply.table.rows
    assert [] == list(adder.folder.glob("attachment*"))


def test_an_attachment_for_a_client_that_left_is_removed(
    adder: AdapterProcess, client: Client, gate: Gate
) -> None:
    """An answer that nobody fetches leaves no file."""
    with adder.connect() as leaving:
        table = Matrix(200_000, ("a", "b"), bytes(3_200_000))
        leaving.send(Predict(1, table, params={"wait": str(gate.path)}))
        writer = os.open(gate.path, os.O_WRONLY)
    os.close(writer)
    client.ping()
    client.ping()
    assert [] == list(adder.folder.glob("attachment*"))


# Artifacts.


def test_names_and_example_survive_persist_and_load(adder: AdapterProcess, client: Client) -> None:
    """A process that only loaded the model still reorders columns and names a missing one."""
    reply = client.persist()
    assert reply.artifact is not None
    assert reply.format == "adder"
    digest = hashlib.sha256(reply.artifact).hexdigest()
    client.load(reply.artifact, "adder", digest)
    assert [3.0] == values(client.predict(pack_floats(1, ("b", "a"), (1, 2))))
    with pytest.raises(Failure, match="feature 'a' is not in the table"):
        client.predict(pack_floats(1, ("b",), (1,)))


def test_any_flipped_bit_is_refused(client: Client) -> None:
    """An artifact that is not what its digest says is bad_artifact, and names both digests."""
    artifact = bytearray(client.persist().artifact or b"")
    digest = hashlib.sha256(artifact).hexdigest()
    artifact[-1] ^= 1
    with pytest.raises(Failure, match=f"artifact has sha256 .*, expected {digest}") as caught:
        client.load(bytes(artifact), "adder", digest)
    assert caught.value.code is Code.BAD_ARTIFACT


@pytest.mark.parametrize(
    ("change", "format"),
    [(lambda raw: raw, "pickle"), (lambda raw: raw[1:], "adder"), (lambda raw: b"", "adder"),
     (lambda raw: raw[:30], "adder")],
    ids=["another format", "another beginning", "empty", "cut off"],
)  # fmt: skip
def test_what_persist_did_not_write_is_refused(client: Client, change: Any, format: str) -> None:
    """An artifact of another format, or that is no artifact, is bad_artifact."""
    artifact = change(bytes(client.persist().artifact or b""))
    with pytest.raises(Failure) as caught:
        client.load(artifact, format, hashlib.sha256(artifact).hexdigest())
    assert caught.value.code is Code.BAD_ARTIFACT


def test_an_adapter_that_nobody_asks_prepares_itself_once(tmp_path: Path) -> None:
    """Before the first request there is time to prepare, and after it there is none."""
    with AdapterProcess.python_module("tests.adapters.adder", tmp_path) as process:
        process.connect().close()
        deadline = time.monotonic() + 30
        while "prepared" not in process.stderr:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with process.connect() as client:
            client.ping()
            time.sleep(2 * PATIENCE)
            client.ping()
        assert process.stderr.count("prepared") == 1


def test_an_adapter_that_is_asked_at_once_does_not_prepare_itself(tmp_path: Path) -> None:
    """What a request is about to compile needs no rehearsal, and the request need not wait."""
    with AdapterProcess.python_module("tests.adapters.adder", tmp_path) as process:
        with process.connect() as client:
            client.ping()
            time.sleep(2 * PATIENCE)
            client.ping()
        assert "prepared" not in process.stderr
