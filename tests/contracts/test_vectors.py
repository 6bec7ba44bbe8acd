"""Golden bytes, in both directions and against a second decoder (contracts/vectors/README.md)."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contracts import messages, table, wire
from contracts.errors import BadFrame, Code, ContractError
from contracts.golden import FOLDER, Vector, vectors
from contracts.messages import ErrorReply, Hello, Predict, Reply
from contracts.table import Column, Columns, Type
from tests.contracts import plain_msgpack

VALID = vectors("valid")
INVALID = vectors("invalid")
SCHEMA = json.loads(FOLDER.with_name("schema.json").read_text("utf-8"))
REPLIES = {
    f"{name}Reply" for name in ("Fit", "Predict", "Persist", "Load", "Read", "Ping", "Cancel")
}


def each(found: list[Vector]) -> pytest.MarkDecorator:
    """Run a test with each of these vectors."""
    return pytest.mark.parametrize("vector", found, ids=lambda vector: vector.name)


def decode(at: str, payload: bytes, folder: Path) -> Any:
    """Decode as the side does that this payload comes to."""
    if at == "hello":
        return Hello.decode(payload)
    read = messages.decode_reply if at == "reply" else messages.decode_request
    return read(payload, folder)


def encode(message: Any) -> bytes:
    """Encode as the side does that this message comes from."""
    if isinstance(message, Hello):
        return message.encode()
    if isinstance(message, Reply | ErrorReply):
        return messages.encode_reply(message)
    return messages.encode_request(message)


def side(definition: str) -> str:
    """Tell who reads messages of this definition."""
    if definition == "Hello":
        return "hello"
    return "reply" if definition in {*REPLIES, "Error"} else "request"


def validator(definition: str) -> jsonschema.Draft202012Validator:
    """Give a validator for one definition of the schema."""
    return jsonschema.Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{definition}"}]})


def same(one: Any, other: Any) -> bool:
    """Compare what came off the wire: NaN equals NaN, 1 is not 1.0 and not True."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (isinstance(one, float) and math.isnan(one) and math.isnan(other))


@each(VALID)
def test_a_second_decoder_reads_what_the_vector_says(vector: Vector) -> None:
    """The bytes are msgpack's own for the message, whoever reads them."""
    assert same(plain_msgpack.decode(vector.payload), vector.message)


@each(VALID)
def test_golden_bytes_decode_to_their_message(vector: Vector, tmp_path: Path) -> None:
    """Decoding the golden bytes and decoding the message's own msgpack give the same."""
    at = side(vector.meaning)
    vector.lay_out(tmp_path)
    golden = decode(at, vector.payload, tmp_path)
    vector.lay_out(tmp_path)
    told = decode(at, wire.pack(vector.message), tmp_path)
    assert golden == told
    assert isinstance(golden, ErrorReply) == (vector.meaning == "Error")


@each([vector for vector in VALID if vector.text.get("canonical", True)])
def test_the_message_encodes_to_exactly_the_golden_bytes(vector: Vector, tmp_path: Path) -> None:
    """Our encoder writes the golden bytes, key order included."""
    message = decode(side(vector.meaning), vector.payload, tmp_path)
    assert encode(message).hex() == vector.payload.hex()


@each(VALID)
def test_valid_messages_hold_to_the_schema(vector: Vector) -> None:
    """The schema takes every valid message."""
    errors = validator(vector.meaning).iter_errors(vector.text["message"])
    assert [error.message for error in errors] == []


@each([vector for vector in VALID if "files" in vector.text])
def test_attachments_are_unlinked_by_who_received_them(vector: Vector, tmp_path: Path) -> None:
    """Nothing is left in the folder once a message has been read (SPEC 4.6)."""
    vector.lay_out(tmp_path)
    decode(side(vector.meaning), vector.payload, tmp_path)
    assert list(tmp_path.iterdir()) == []


@each(INVALID)
def test_invalid_payloads_get_their_code(vector: Vector, tmp_path: Path) -> None:
    """Each payload of ``invalid/`` is refused with the code of its folder, and with its id."""
    vector.lay_out(tmp_path)
    if "stream" in vector.text:
        with pytest.raises(BadFrame):
            wire.FrameReader().feed(bytes.fromhex(vector.text["stream"]))
        return
    at = vector.text["at"]
    if at == "request" and vector.meaning != "bad_frame":
        reply = decode(at, vector.payload, tmp_path)
        assert (reply.code.value, reply.id) == (vector.meaning, vector.text["id"])
    else:
        with pytest.raises(ContractError) as caught:
            decode(at, vector.payload, tmp_path)
        assert caught.value.code.value == vector.meaning
    left = {path.name for path in tmp_path.iterdir()}
    assert left == set()


@each([vector for vector in INVALID if "message" in vector.text])
def test_the_schema_refuses_faults_of_shape_and_no_others(vector: Vector) -> None:
    """What ``shape`` says of an invalid message is what the schema does with it."""
    definition = validator(vector.text["definition"])
    assert definition.is_valid(vector.text["message"]) != vector.text["shape"]


@each([vector for vector in INVALID if "message" in vector.text])
def test_invalid_messages_are_what_the_vector_says(vector: Vector) -> None:
    """The second decoder reads invalid messages as they are described, too."""
    assert same(plain_msgpack.decode(vector.payload), vector.message)


def test_the_schema_is_one_itself() -> None:
    """The schema holds to JSON Schema 2020-12."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_definition_of_a_message_has_vectors() -> None:
    """The folders of ``valid/`` are the messages that the schema lists."""
    listed = {reference["$ref"].removeprefix("#/$defs/") for reference in SCHEMA["anyOf"]}
    assert {vector.meaning for vector in VALID} == listed


def test_invalid_vectors_outnumber_valid_ones_two_to_one() -> None:
    """For every valid vector somebody thought of two invalid ones."""
    assert len(INVALID) > 2 * len(VALID)


def test_the_schema_lists_the_codes_of_the_contract() -> None:
    """The schema's codes are those of contracts.errors."""
    codes = SCHEMA["$defs"]["Error"]["properties"]["error"]["properties"]["code"]["enum"]
    assert codes == [code.value for code in Code]


def test_every_type_and_code_has_a_valid_vector() -> None:
    """No type and no error code is without golden bytes."""
    seen: Counter[str] = Counter()
    for vector in VALID:
        if vector.meaning == "Predict":
            tabled = vector.message.get("table") or {}
            seen.update(column["type"] for column in tabled.get("columns", []))
        if vector.meaning == "Error":
            seen[vector.message["error"]["code"]] += 1
    assert set(seen) == {type_.value for type_ in Type} | {code.value for code in Code}


def test_bytes_put_together_by_hand() -> None:
    """One request and one reply, byte by byte from the msgpack specification."""
    request = bytes.fromhex(
        "84"  # map of 4
        "a2" "6964" "07"  # "id": 7
        "a2" "6f70" "a7" "70726564696374"  # "op": "predict"
        "a6" "6d6574686f64" "a7" "70726564696374"  # "method": "predict"
        "a5" "7461626c65" "83"  # "table": map of 3
        "a4" "726f7773" "01"  # "rows": 1
        "a5" "6e616d6573" "92" "a1" "61" "a1" "62"  # "names": ["a", "b"]
        "a6" "6d6174726978" "c4" "10"  # "matrix": bin of 16
        "000000000000f83f" "000000000000f87f"  # 1.5, NaN; little-endian
    )  # fmt: skip
    asked = Predict(7, table.pack_floats(1, ("a", "b"), [1.5, math.nan]))
    assert messages.encode_request(asked).hex() == request.hex()
    assert messages.decode_request(request) == asked
    reply = bytes.fromhex(
        "84"  # map of 4
        "a2" "6964" "07" "a2" "6f6b" "c3"  # "id": 7, "ok": true
        "a5" "6261746368" "02"  # "batch": 2
        "a5" "7461626c65" "82"  # "table": map of 2
        "a4" "726f7773" "02"  # "rows": 2
        "a7" "636f6c756d6e73" "91" "85"  # "columns": [map of 5]
        "a4" "6e616d65" "a1" "79"  # "name": "y"
        "a4" "74797065" "a3" "636174"  # "type": "cat"
        "a6" "76616c756573" "c4" "08" "01000000" "ffffffff"  # "values": bin of 8: 1, -1
        "a6" "6c6576656c73" "92" "a2" "6e6f" "a3" "796573"  # "levels": ["no", "yes"]
        "a7" "6f726465726564" "c2"  # "ordered": false
    )  # fmt: skip
    labels = Column.of("y", Type.CAT, ["yes", None], ["no", "yes"])
    answered = Reply(7, Columns(2, (labels,)), batch=2)
    assert messages.encode_reply(answered).hex() == reply.hex()
    assert messages.decode_reply(reply) == answered
