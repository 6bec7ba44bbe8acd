"""Check the values of one field, one by one or a column at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from contracts.table import Column, Field, Type
from runner.signature.faults import MOST_FAULTS, MOST_LEVELS, InputFault
from runner.signature.matching import MappedField
from runner.signature.raw import Raw
from runner.signature.reading import CONVERSIONS, KINDS, column

ABSENT: Any = object()
"""Stands for the value of a field that was not given."""


class CheckedField:
    """One field: its name outside, the model's feature, and how one becomes the other."""

    def __init__(self, feature: Field, mapped: MappedField | None) -> None:
        self.feature = feature
        self.name = feature.name if mapped is None else mapped.name
        self.accepts = feature.type if mapped is None else mapped.type
        self.type = CONVERSIONS[feature.type, self.accepts]
        self.nullable = feature.missing or (mapped is not None and mapped.nullable)
        self._allowed = (mapped.levels if mapped is not None else ()) or feature.levels
        codes = {level: code for code, level in enumerate(feature.levels)}
        self._levels = {level: codes[level] for level in self._allowed}
        is_cat = self._is_cat = self.type is Type.CAT
        self._kind = KINDS[Type.CAT if is_cat else self.accepts]
        if self.type in (Type.DATE, Type.DATETIME):
            self._kind = KINDS[self.type]
        self._pack = KINDS[self.type].pack
        self._blanks = _blanks(self.type, self._levels) if self.nullable else ()

    def blank(self, text: Any) -> Any:
        """Give None for a text that means missing."""
        return None if text in self._blanks else text

    def column(
        self,
        values: Sequence[Any] | Raw,
        first_row: int | None,
        faults: list[InputFault],
        no_bools: bool = False,
    ) -> Column:
        """Build the model's column; what is not acceptable is added to ``faults``.

        ``no_bools``: that none is among the values is known.
        """
        feature = self.feature
        if isinstance(values, Raw):
            if values.type is self.accepts is self.type:
                if not values.sound:
                    faults += [
                        self.fault(row, value)
                        for row, value in islice(values.unsound(), MOST_FAULTS - len(faults))
                    ]
                return Column(feature.name, self.type, values.data)
            values = list(values.values())
        # PERF: only a bool would pass for a float; to look at every type takes as long as to pack.
        sure = no_bools and self.accepts is self.type is Type.F64
        if self._pack is not None and (sure or self._kind.native.issuperset(map(type, values))):
            try:
                packed = self._pack(values, self._levels)
                return Column(feature.name, self.type, packed, feature.levels, feature.ordered)
            except (ValueError, OverflowError, KeyError, TypeError):
                pass  # which of them it is, the long way tells
        items = self._read(values, first_row, faults)
        return column(feature.name, self.type, items, feature.levels, feature.ordered)

    def _read(
        self, values: Iterable[Any], first_row: int | None, faults: list[InputFault]
    ) -> list[Any]:
        items: list[Any] = []
        read = self._kind.read
        for row, value in enumerate(values):
            item = None
            if value is not None or not self.nullable:
                try:
                    item = read(value)
                    if self._is_cat and item not in self._levels:
                        raise ValueError(item)
                except (ValueError, TypeError, KeyError, OverflowError):
                    item = None
                    faults.append(self.fault(None if first_row is None else row, value))
                    if len(faults) >= MOST_FAULTS:
                        return []
            items.append(item)
        return items

    def fault(self, row: int | None, value: Any) -> InputFault:
        """Say what was expected in the place of ``value``."""
        expected = self._kind.expected
        if self.nullable:
            words = " or ".join(_BLANKS[blank] for blank in self._blanks)
            expected += f", or null (in a query or CSV: {words})" if words else ", or null"
        allowed = self._allowed[:MOST_LEVELS]
        if value is ABSENT:
            return InputFault(self.name, row, None, expected, absent=True, allowed=allowed)
        return InputFault(self.name, row, value, expected, allowed=allowed)


_BLANKS = {"": "an empty value", "NA": "NA"}


def _blanks(type_: Type, levels: Mapping[str, int]) -> tuple[str, ...]:
    """Give the texts that mean missing: none that is a value itself."""
    if type_ is Type.STR:
        return ("",)
    return tuple(blank for blank in _BLANKS if blank not in levels)
