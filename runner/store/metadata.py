"""Metadata as JSON text: strict on the way in, the same text on every database."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from runner.errors import MetadataInvalid

_MAX_DEPTH = 100


def encode(metadata: Mapping[str, Any]) -> str:
    """Return metadata as ASCII JSON; raise MetadataInvalid naming the path of what is not JSON."""
    if not isinstance(metadata, Mapping):
        raise MetadataInvalid(f"metadata: {_type_name(metadata)} is not a JSON object")
    return json.dumps(_plain(metadata, "metadata", 0), allow_nan=False, separators=(",", ":"))


def decode(text: str, owner: str) -> dict[str, Any]:
    """Return what `encode` was given; `owner` names the version in an error."""
    try:
        metadata = json.loads(text)
    except ValueError as ex:
        raise MetadataInvalid(f"the stored metadata of {owner} is not JSON: {ex}") from ex
    if not isinstance(metadata, dict):
        raise MetadataInvalid(f"the stored metadata of {owner} is not a JSON object")
    return metadata


def _plain(value: Any, path: str, depth: int) -> Any:
    """Check what json.dumps would let pass: NaN, keys that are not str, endless nesting."""
    if depth > _MAX_DEPTH:
        raise MetadataInvalid(f"metadata is nested deeper than {_MAX_DEPTH} levels")
    if value is None or isinstance(value, (str, int)):  # bool is an int
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise MetadataInvalid(f"{path}: {value} is not JSON")
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise MetadataInvalid(f"{path}: the key {key!r} is not a string")
        return {key: _plain(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise MetadataInvalid(f"{path}: {_type_name(value)} is not JSON")


def _type_name(value: object) -> str:
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
