"""Metadata are JSON, strictly, and come back as they were."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import MetadataInvalid
from runner.store import Store
from runner.store.metadata import decode, encode
from tests.store.samples import add, numbers

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=3))
def test_json_survives(metadata: dict[str, Any]) -> None:
    """Any JSON object decodes to itself, through text that is plain ASCII."""
    text = encode(metadata)
    assert text.isascii()
    assert decode(text, "iris version 1") == metadata


def test_the_database_keeps_odd_strings(store: Store) -> None:
    """NUL, lone surrogates, emoji, large integers and key order come back."""
    metadata = {"z": "a\x00b", "a": "\ud800", "👩‍🔬": [10**40, -0.0, 1e-310, True, None, {}]}
    added = add(store, **metadata)
    assert added.metadata == metadata
    assert list(added.metadata) == ["z", "a", "👩‍🔬"]


def test_tuples_and_numpy_floats_become_json() -> None:
    """What has one obvious JSON form is taken: a tuple is a list, a numpy float a number."""
    assert decode(encode({"a": (1, (2.5,)), "b": np.float64(0.5)}), "") == {
        "a": [1, [2.5]],
        "b": 0.5,
    }


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"scores": {"test": math.nan}}, "metadata.scores.test: nan is not JSON"),
        ({"scores": [1.0, -math.inf]}, "metadata.scores[1]: -inf is not JSON"),
        ({"n": np.int64(3)}, "metadata.n: numpy.int64 is not JSON"),
        ({"x": {1: 2}}, "metadata.x: the key 1 is not a string"),
        ({"raw": b"bytes"}, "metadata.raw: bytes is not JSON"),
        ({"set": {1}}, "metadata.set: set is not JSON"),
        ([("a", 1)], "metadata: list is not a JSON object"),
    ],
)
def test_what_is_not_json_is_refused_by_its_path(metadata: Any, message: str) -> None:
    """The message names the place, so that a modeller finds the NaN among a hundred scores."""
    with pytest.raises(MetadataInvalid) as caught:
        encode(metadata)
    assert str(caught.value) == message


def test_endless_metadata_are_refused() -> None:
    """A dict that holds itself ends in an error, not in a crash."""
    endless: dict[str, Any] = {}
    endless["self"] = endless
    with pytest.raises(MetadataInvalid, match="nested deeper than 100 levels"):
        encode(endless)


def test_bad_metadata_store_nothing(store: Store) -> None:
    """Neither a version nor a number is used up."""
    with pytest.raises(MetadataInvalid):
        add(store, score=math.nan)
    assert numbers(store) == []
    assert store.revision() == 0
    assert add(store).number == 1


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_damaged_metadata_name_their_version(text: str) -> None:
    """Text that is no JSON object any more is reported, not handed on."""
    with pytest.raises(MetadataInvalid, match="stored metadata of iris version 3"):
        decode(text, "iris version 3")
