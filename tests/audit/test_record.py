"""The record is a contract: its schema, its golden examples, and what is made here agree."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runner.audit import record
from runner.audit.chain import GENESIS, Chain, digest_of, is_sealed
from runner.audit.record import Recorder, trace_id
from tests.docs import pages

CONTRACTS = Path(__file__).parents[2] / "contracts"
SCHEMA = json.loads((CONTRACTS / "usage_record.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
GOLDEN = CONTRACTS / "usage_records"
KEY = b"golden key"

REQUEST: dict[str, Any] = {
    "seconds": 0.0125,
    "request_id": "order-17",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "method": "POST",
    "path": "/predict",
    "address": "203.0.113.5",
    "bytes_in": 81,
    "bytes_out": 160,
}


def made(**fields: Any) -> dict[str, Any]:
    """Record one request; give the line's fields."""
    lines: list[bytes] = []
    Recorder(lines, Chain()).request(record.PREDICT, **{**REQUEST, "status": 200, **fields})
    told: dict[str, Any] = json.loads(lines[0])
    return told


@pytest.mark.parametrize("file", sorted((GOLDEN / "valid").iterdir()), ids=lambda f: f.stem)
def test_valid_examples(file: Path) -> None:
    """Every golden example satisfies the schema, and is sealed as its bytes say."""
    line = file.read_bytes()
    VALIDATOR.validate(json.loads(line))
    assert is_sealed(line, KEY if "keyed" in file.stem else None)


@pytest.mark.parametrize("file", sorted((GOLDEN / "invalid").iterdir()), ids=lambda f: f.stem)
def test_invalid_examples(file: Path) -> None:
    """The schema refuses each, for one reason."""
    assert len(list(VALIDATOR.iter_errors(json.loads(file.read_bytes())))) == 1


def test_schema_is_sound() -> None:
    """It is a schema, of the version that is written, with an example of each action."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["runner.schema"]["const"] == record.SCHEMA
    assert SCHEMA["properties"]["event.action"]["enum"] == list(record.ACTIONS)
    examples = {json.loads(f.read_bytes())["event.action"] for f in (GOLDEN / "valid").iterdir()}
    assert examples == set(record.ACTIONS)


def test_every_field_is_documented() -> None:
    """The page has every field of the schema, and no other."""
    keys = set(pages.section("audit.md", "Fields").keys())
    assert keys == set(SCHEMA["properties"])


def test_a_request() -> None:
    """What is made of a request satisfies the schema, and tells nothing that is not known."""
    told = made(service="iris", version=7, language="r", rows=2, client="billing", user="anna")
    VALIDATOR.validate(told)
    assert next(iter(told)) == "@timestamp"
    assert (told["event.duration"], told["client.id"], told["event.outcome"]) == (
        12_500_000, "billing", "success",
    )  # fmt: skip
    assert "runner.batch" not in told
    VALIDATOR.validate(made(status=500, error="internal_error"))


def test_an_action() -> None:
    """What is made of an action satisfies the schema."""
    lines: list[bytes] = []
    recorder = Recorder(lines, Chain())
    recorder.action(record.ACTIVATE, service="iris", version=2, former=1, user="anna")
    recorder.action(record.FIT, service="iris", user="anna", error="ModelError")
    for line in lines:
        VALIDATOR.validate(json.loads(line))


@pytest.mark.parametrize("name", ["\ud800", "ü\n\x00", '"},{', "x" * 10_000])
def test_names_that_callers_choose(name: str) -> None:
    """Whatever a client is called, the line is one line of JSON, of bounded length."""
    told = made(client=name, path=name)
    VALIDATOR.validate(told)
    assert len(told["client.id"]) <= 256


def test_chain() -> None:
    """Records are numbered from 1, and each holds the digest of the one before it."""
    lines: list[bytes] = []
    recorder = Recorder(lines, Chain())
    for _ in range(3):
        recorder.action(record.START)
    told = [json.loads(line) for line in lines]
    assert [each["event.sequence"] for each in told] == [1, 2, 3]
    assert [each["runner.chain.previous"] for each in told] == [
        GENESIS, *(each["runner.chain.digest"] for each in told[:2]),
    ]  # fmt: skip
    assert digest_of(lines[1]) == told[1]["runner.chain.digest"]
    body = lines[0].partition(b',"runner.chain.digest"')[0]
    assert told[0]["runner.chain.digest"] == hashlib.sha256(body).hexdigest()


def test_key() -> None:
    """With a key the digest is an HMAC, which nobody makes without it."""
    lines: list[bytes] = []
    Recorder(lines, Chain(KEY)).action(record.START)
    body = lines[0].partition(b',"runner.chain.digest"')[0]
    assert digest_of(lines[0]) == hmac.new(KEY, body, "sha256").hexdigest()
    assert is_sealed(lines[0], KEY)
    assert not is_sealed(lines[0], None)
    assert not is_sealed(lines[0], b"another")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        (b"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", True),
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", False),
        (b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", False),
        (b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", False),
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01", False),
        (b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", False),
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", False),
        (b"", False),
        (None, False),
    ],
)
def test_traceparent(header: bytes | None, expected: bool) -> None:
    """A trace id is taken from what W3C Trace Context allows, and from nothing else."""
    assert trace_id(header) == ("4bf92f3577b34da6a3ce929d0e0e4736" if expected else None)
