"""Turn what an estimator returns into the columns and probabilities of SPEC 5.5."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters import arrays
from contracts.errors import Code, Failure
from contracts.table import Column, Columns, Field, Matrix, Type

_MANY = 64
"""Labels from which on a search by numpy is faster than a look-up for each."""

_AT_ONCE = 16_384
"""Labels of one search: fresh memory for those of a million would take longer than the search."""


class Predictions:
    """Know the target of one fitted model and how its classes relate to the target's levels."""

    def __init__(self, target: Field, classes: Any) -> None:
        """Take the target and the estimator's ``classes_``, or None if it has none."""
        self._target = target
        self._codes = {level: code for code, level in enumerate(target.levels)}
        names = np.array(target.levels, dtype=str)
        self._places = np.argsort(names, kind="stable").astype("<i4")
        self._sorted = names[self._places]
        labels = classes.tolist() if isinstance(classes, np.ndarray) else list(classes or ())
        self._labels = tuple(str(label) for label in labels)
        levels = target.levels if target.type is Type.CAT else self._labels
        self._levels = levels
        # Where each class stands among the levels, if not in its own place.
        place = {level: at for at, level in enumerate(levels)}
        self._order = None
        if self._labels and self._labels != levels and set(self._labels) <= set(levels):
            self._order = np.array([place[label] for label in self._labels])

    def columns(self, found: Any) -> Columns:
        """Give one column named after the target, or a column for each output of several.

        Raises Failure(bad_result) for labels that the target does not have and for what is no
        array of one or two dimensions.
        """
        array = _array(found, "predict")
        if array.ndim == 1:
            column = self._column(self._target.name, array)
            return Columns(len(array), (column,))
        if array.ndim != 2:
            raise Failure(Code.BAD_RESULT, f"predict gave {array.ndim} dimensions, expected 1 or 2")
        if array.shape[1] == 1:
            return self.columns(array[:, 0])
        names = getattr(found, "columns", range(array.shape[1]))
        columns = tuple(
            self._column(f"{self._target.name}_{name}", array[:, at])
            for at, name in enumerate(names)
        )
        return Columns(len(array), columns)

    def _column(self, name: str, array: NDArray[Any]) -> Column:
        if self._target.type is not Type.CAT:
            return arrays.column(name, array)
        codes = self._codes
        try:
            found = self._codes_of_many(array) if len(array) > _MANY else None
            if found is None:
                found = np.array([codes[label] for label in array.tolist()], "<i4")
        except (KeyError, TypeError):
            wrong = next(x for x in array.tolist() if not isinstance(x, str) or x not in codes)
            known = ", ".join(map(repr, self._target.levels[:10]))
            message = f"predict gave {wrong!r}, which is none of the target's levels: {known}"
            raise Failure(Code.BAD_RESULT, message) from None
        levels, ordered = self._target.levels, self._target.ordered
        return Column(name, Type.CAT, found.tobytes(), levels, ordered)

    def _codes_of_many(self, array: NDArray[Any]) -> NDArray[np.int32] | None:
        """Give the codes of labels, or None if they are no strings or one is no level."""
        if array.dtype.kind != "U" or not len(self._sorted):
            return None
        found = np.empty(len(array), "<i4")
        for start in range(0, len(array), _AT_ONCE):
            some = array[start : start + _AT_ONCE]
            at = np.searchsorted(self._sorted, some).clip(max=len(self._sorted) - 1)
            if (self._sorted[at] != some).any():
                return None
            found[start : start + _AT_ONCE] = self._places[at]
        return found

    def probabilities(self, found: Any) -> Matrix:
        """Give a column for each level of the target, in order; 0 for one that no fit row had.

        Raises Failure(bad_result) if the columns are not as many as the model has classes.
        """
        array = _array(found, "predict_proba")
        expected = len(self._labels or self._levels)
        if array.ndim != 2 or array.shape[1] != expected or array.dtype.kind != "f":
            message = (
                f"predict_proba gave {array.dtype} of shape {array.shape}, "
                f"expected floats in {expected} columns, one a class"
            )
            raise Failure(Code.BAD_RESULT, message)
        if self._order is not None:
            placed = np.zeros((len(array), len(self._levels)))
            placed[:, self._order] = array
            array = placed
        return arrays.to_matrix(self._levels, array)


def _array(found: Any, method: str) -> NDArray[Any]:
    try:
        array = np.asarray(found)
    except ValueError as ex:
        raise Failure(Code.BAD_RESULT, f"{method} gave no array: {ex}") from ex
    if array.ndim == 0:
        what = type(found).__name__
        raise Failure(Code.BAD_RESULT, f"{method} gave a {what}, expected a value for each row")
    if array.dtype.kind == "O":  # what pandas holds as objects may be plain numbers
        array = np.array(array.tolist())
    return array
