"""Messages: what their encoders leave out, what their decoders refuse (SPEC 5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.errors import BadFrame, BadMessage, BadTable, Code, ContractError, Failure, Fault
from contracts.messages import (
    ErrorReply,
    Fit,
    Hello,
    Load,
    Persist,
    Ping,
    Predict,
    Read,
    Reply,
    Request,
    Source,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from contracts.table import Column, Columns, Field, Type
from contracts.wire import MAX_FRAME, FrameReader, frame, pack

TABLE = Columns(1, (Column.of("x", Type.F64, [1.0]),))
TARGET = Column.of("y", Type.CAT, ["a"], ["a", "b"])
SOURCE = Source("/m.R", "dataset", {"rows": 2})
REQUESTS: list[Request] = [
    Fit(1, {"script": "/m.R"}, TABLE, TARGET),
    Fit(1, {}, source=SOURCE, expires=2.0),
    Predict(2, TABLE),
    Predict(2, source=SOURCE, method="predict_proba", params={"a": 1}, expires=1.5),
    Persist(3),
    Load(4, b"abc", "rds", "00"),
    Load(4, b"abc", "rds", "00", {"language": "r"}, 1.0),
    Read(5, SOURCE),
    Ping(6, 0.0),
]
REPLIES: list[Reply | ErrorReply] = [
    Reply(1, TABLE, seconds=0.5, batch=2),
    Reply(1, TABLE, TARGET),
    Reply(
        1,
        features=(Field("x", Type.F64, missing=True),),
        target_field=Field("y", Type.CAT, ("a", "b"), True),
        task="classification",
        rows=3,
        data_sha256="00",
    ),
    Reply(1, artifact=b"abc", format="rds"),
    Reply(2**64 - 1),
    ErrorReply(None, Code.BAD_MESSAGE, "m"),
    ErrorReply(3, Code.INTERNAL, "m", "trace"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=repr)
def test_requests_come_back_as_they_went(request_: Request) -> None:
    """Each request decodes to an equal one, and can be copied with another id."""
    assert decode_request(encode_request(request_)) == request_
    assert replace(request_, id=9).id == 9


@pytest.mark.parametrize("reply", REPLIES, ids=repr)
def test_replies_come_back_as_they_went(reply: Reply | ErrorReply) -> None:
    """Each reply decodes to an equal one."""
    assert decode_reply(encode_reply(reply)) == reply


def test_hello_comes_back_as_it_went() -> None:
    """A hello decodes to an equal one."""
    hello = Hello("r", "0.1", "r", "4.2.2", ("predict", "ping"), {"rpart": "4.1"})
    assert Hello.decode(hello.encode()) == hello


def test_error_replies_become_failures() -> None:
    """The exception says what the reply said."""
    failure = ErrorReply(3, Code.FIT_FAILED, "boom", "trace").failure()
    assert (type(failure), failure.code, failure.message, failure.traceback) == (
        Failure, Code.FIT_FAILED, "boom", "trace",
    )  # fmt: skip


def test_every_code_has_its_fault() -> None:
    """The closed list says whose fault each code is (SPEC 7.2)."""
    faults = {code: code.fault for code in Code}
    assert faults[Code.BAD_TABLE] is Fault.CALLER
    assert faults[Code.PREDICT_FAILED] is Fault.MODEL
    assert faults[Code.INTERNAL] is Fault.ADAPTER
    assert len(faults) == 18


def test_every_exception_carries_its_code() -> None:
    """The tree's exceptions say what an error reply will say."""
    assert [kind("m").code for kind in (ContractError, BadFrame, BadMessage, BadTable)] == [
        Code.INTERNAL, Code.BAD_FRAME, Code.BAD_MESSAGE, Code.BAD_TABLE,
    ]  # fmt: skip


@pytest.mark.parametrize("params", [{"x": object()}, {"x": 2**64}, {"x": "\ud800"}, {"x": {1, 2}}])
def test_what_msgpack_cannot_hold_is_a_bad_message(params: dict[str, object]) -> None:
    """Encoding raises BadMessage, whatever msgpack raised."""
    with pytest.raises(BadMessage, match="cannot be encoded"):
        encode_request(Predict(1, TABLE, params=params))


def test_only_a_target_without_a_table_is_refused() -> None:
    """A target needs a table to tell its rows; one that is nil is none."""
    with pytest.raises(BadMessage, match="a target needs its table"):
        decode_reply(pack({"id": 1, "ok": True, "target": {}}))
    assert decode_reply(pack({"id": 1, "ok": True, "target": None})) == Reply(1)


def test_frames_may_be_as_long_as_the_limit_and_no_longer() -> None:
    """64 MiB is a frame, a byte more is none, on either side (SPEC 4.2)."""
    assert len(frame(bytes(MAX_FRAME))) == MAX_FRAME + 4
    with pytest.raises(BadFrame, match="67108865 bytes exceeds 67108864"):
        frame(bytes(MAX_FRAME + 1))
    reader = FrameReader()
    assert reader.feed(MAX_FRAME.to_bytes(4, "big")) == []
    assert reader.pending == 4
    with pytest.raises(BadFrame, match="67108865 bytes exceeds 67108864"):
        FrameReader().feed((MAX_FRAME + 1).to_bytes(4, "big"))


def test_a_reader_may_have_a_lower_limit() -> None:
    """The control connections of the runner need less than 64 MiB."""
    assert FrameReader(limit=3).feed(frame(b"abc")) == [b"abc"]
    with pytest.raises(BadFrame, match="4 bytes exceeds 3"):
        FrameReader(limit=3).feed(frame(b"abcd"))
