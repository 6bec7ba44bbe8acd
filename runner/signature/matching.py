"""Pair the fields of a config's mapping with the features of a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from contracts.table import Field, Type
from runner.signature.faults import MOST_LEVELS, IncompatibleMapping
from runner.signature.nearest import nearest
from runner.signature.reading import CONVERSIONS
from runner.signature.signature import Signature


class MappedField(Protocol):
    """What a config's ``mapping`` says of one field: its name and type on the outside.

    ``levels``: those of the data that are accepted; empty for all of them.
    """

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> Type: ...
    @property
    def nullable(self) -> bool: ...
    @property
    def levels(self) -> tuple[str, ...]: ...


def match(signature: Signature, mapping: Sequence[MappedField]) -> list[tuple[Field, MappedField]]:
    """Pair each field of the mapping with a feature, as `Checker` says it.

    Raises IncompatibleMapping; names that are no features are told before what follows from them.
    """
    features = {feature.name: feature for feature in signature.features}
    names = [mapped.name for mapped in mapping]
    problems = [f"field {name!r} is there twice" for name in sorted(
        {name for name in names if names.count(name) > 1})]  # fmt: skip
    unknown = [name for name in dict.fromkeys(names) if name not in features]
    unused = [name for name in features if name not in names]
    if len(mapping) != len(features):
        problems += _strangers(unknown, unused, "")
        problems.append(
            f"it has {len(mapping)} fields ({_listed(names)}), and the model "
            f"{len(features)} features ({_listed(features)})"
        )
        raise IncompatibleMapping(problems)
    if not unknown:
        pairs = [(features[mapped.name], mapped) for mapped in mapping]
    else:
        pairs = list(zip(signature.features, mapping, strict=True))
        # Renaming by position, but two names of the model have changed places: surely no intent.
        problems += [
            f"field {mapped.name!r} is in the place of the model's feature {feature.name!r}"
            for feature, mapped in pairs
            if mapped.name in features and mapped.name != feature.name
        ]
    for feature, mapped in pairs:
        unseen = [level for level in mapped.levels if level not in feature.levels]
        if unseen:
            problems.append(
                f"field {mapped.name!r} has levels that the model never saw: {_listed(unseen)}"
            )
        if (feature.type, mapped.type) not in CONVERSIONS:
            problems.append(
                f"field {mapped.name!r} is {mapped.type}, and the model's feature "
                f"{feature.name!r} is {feature.type}"
            )
    if problems:
        by_position = ", so that all fields are matched by position"
        raise IncompatibleMapping(_strangers(unknown, unused, by_position) + problems)
    return pairs


def _strangers(unknown: Sequence[str], unused: Sequence[str], so: str) -> list[str]:
    """Say which names are not the model's, and which of its names they may have meant."""
    if not unknown:
        return []
    told = []
    for name in unknown:
        near = nearest(name, unused)
        told.append(repr(name) if near is None else f"{name!r} (did you mean {near!r}?)")
    if len(told) == 1:
        return [f"field {told[0]} is not one of the model's features{so}"]
    return [f"fields {_listed(told)} are not among the model's features{so}"]


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:MOST_LEVELS]) + (", …" if len(listed) > MOST_LEVELS else "")
