"""Make malformed frames: what hypothesis draws, and golden vectors with something wrong in them.

Hypothesis draws whole messages that look like ones of the contract, with any value anywhere. They
and the golden vectors are then damaged, by a seeded generator since that makes thousands a second:
in their bytes, in their length, or in one value of the decoded message, which reaches deepest.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contracts.errors import ContractError
from contracts.golden import vectors
from contracts.wire import MAX_FRAME, frame, pack, unpack

LARGEST = 256 * 1024
"""Bytes of the longest payload that is made here."""

_KEYS = (
    "id", "op", "ok", "expires", "table", "model", "target", "source", "method", "params", "rows",
    "columns", "names", "matrix", "name", "type", "values", "present", "offsets", "levels",
    "ordered", "artifact", "format", "sha256", "script", "function", "attachment", "size", "error",
    "code", "message", "traceback", "signature", "features", "missing", "task", "seconds", "batch",
    "contract", "adapter", "version", "runtime", "language", "capabilities",
)  # fmt: skip
_WORDS = (
    "fit", "predict", "predict_proba", "persist", "load", "read", "ping", "hello", "f64", "i64",
    "bool", "str", "cat", "date", "datetime", "x", "y", "", "é", "\x00", "../s", "s", "a" * 300,
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2, 255, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63))
_FLOATS = (0.0, -0.0, 1.0, 0.5, 1e308, float("inf"), float("-inf"), float("nan"), 5e-324)

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(_NUMBERS),
    st.sampled_from(_FLOATS),
    st.sampled_from(_WORDS),
    st.text(max_size=8),
    st.binary(max_size=24),
)
_anything = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=4), inner, max_size=5),
    ),
    max_leaves=12,
)
_messages = st.dictionaries(st.sampled_from(_KEYS), _anything, max_size=8)


def drawn(count: int) -> list[bytes]:
    """Let hypothesis draw so many payloads."""
    found: list[bytes] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_messages, st.integers(0, 2**64 - 1), st.sampled_from(_WORDS[:8]))
    def draw(message: dict[str, Any], number: int, op: str) -> None:
        found.append(pack({"id": number, "op": op} | message))

    draw()
    return found


def golden(at: str) -> list[bytes]:
    """Give the golden payloads that ``at``, `request` or `reply`, reads; valid and invalid ones."""
    found = []
    for vector in [*vectors("valid"), *vectors("invalid")]:
        replies = vector.meaning.endswith(("Reply", "Error")) or vector.meaning == "Hello"
        where = vector.text.get("at", "reply" if replies else "request")
        if where == "hello":
            where = "reply"
        if "hex" in vector.text and where == at and len(vector.payload) <= LARGEST:
            found.append(vector.payload)
    return found


def streams(groups: Sequence[Sequence[bytes]], count: int, seed: int = 1) -> Iterator[bytes]:
    """Give so many damaged frames, their lengths included; payloads of each group are as likely."""
    chance = random.Random(seed)
    bases = [payload for group in groups for payload in group]
    readable = [[base for base in group if _is_readable(base)] for group in groups]
    for _ in range(count):
        if chance.random() < 0.5:
            message = _unpacked(chance.choice(chance.choice(readable)))
            assert message is not None
            for _ in range(chance.randint(1, 3)):
                _distort(message, chance)
            try:
                yield frame(pack(message))
                continue
            except ContractError:  # no msgpack: an integer beyond 64 bits
                pass
        payload = bytearray(chance.choice(chance.choice(groups)))
        for _ in range(chance.randint(1, 4)):
            _damage(payload, bases, chance)
        yield _length(len(payload), chance) + bytes(payload)


@lru_cache(maxsize=10_000)
def _is_readable(payload: bytes) -> bool:
    return _unpacked(payload) is not None


def _unpacked(payload: bytes) -> dict[str, Any] | None:
    try:
        return unpack(payload)
    except ContractError:
        return None


def _length(size: int, chance: random.Random) -> bytes:
    if chance.random() < 0.9:
        return size.to_bytes(4, "big")
    wrong = (0, 1, size + 1, max(0, size - 1), MAX_FRAME, MAX_FRAME + 1, 2**32 - 1, size // 2)
    return chance.choice(wrong).to_bytes(4, "big")


def _damage(payload: bytearray, bases: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(payload) + 1)
    kind = chance.randrange(7)
    if kind == 0 and payload:
        payload[at % len(payload)] ^= 1 << chance.randrange(8)
    elif kind == 1 and payload:
        payload[at % len(payload)] = chance.choice((0x00, 0x80, 0x90, 0xC1, 0xC4, 0xDB, 0xDD, 0xDF))
    elif kind == 2:
        del payload[at : at + chance.randrange(1, 9)]
    elif kind == 3:
        payload[at:at] = chance.randbytes(chance.randrange(1, 9))
    elif kind == 4:
        payload[at:at] = payload[at : at + chance.randrange(1, 200)]
    elif kind == 5:
        del payload[at:]
    else:
        other = chance.choice(bases)
        payload[at:] = other[chance.randrange(len(other) + 1) :]
    del payload[LARGEST:]


def _distort(message: dict[str, Any], chance: random.Random) -> None:
    """Change one value, key or element somewhere in a decoded message."""
    places: list[tuple[Any, Any]] = []
    todo: list[Any] = [message]
    for container in todo:
        keys = container if isinstance(container, dict) else range(len(container))
        for key in list(keys):
            places.append((container, key))
            if isinstance(container[key], dict | list):
                todo.append(container[key])
    if not places:
        message[chance.choice(_KEYS)] = _odd(chance)
        return
    container, key = chance.choice(places)
    kind = chance.randrange(6)
    if kind == 0:
        del container[key]
    elif kind == 1 and isinstance(container, dict):
        container[chance.choice(_KEYS)] = container[key]
    elif kind == 2 and isinstance(container, list):
        container.insert(0, container[key])
    elif kind == 3 and isinstance(container[key], bytes):
        raw = bytearray(container[key])
        for _ in range(chance.randint(1, 4)):
            _damage(raw, [b"\xff" * 8, b"\0" * 8], chance)
        container[key] = bytes(raw)
    elif kind == 4 and type(container[key]) is int:
        container[key] += chance.choice((-1, 1, 2**31))
    else:
        container[key] = _odd(chance)


def _odd(chance: random.Random) -> Any:
    value: Any = chance.choice(
        (
            None, True, False, [], {}, [[]], {"": None}, b"", chance.randbytes(8),
            chance.choice(_NUMBERS), chance.choice(_FLOATS), chance.choice(_WORDS),
            [0, 8], [8, 0], [0, 2**63], [-1, 1],
        )
    )  # fmt: skip
    if chance.random() < 0.05:
        for _ in range(chance.randrange(40)):
            value = [value]
    return value
