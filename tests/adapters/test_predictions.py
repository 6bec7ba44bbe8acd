"""Labels become codes, however many there are."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.python.predictions import Predictions
from contracts.errors import Failure
from contracts.table import Field, Type

LEVELS = ("virginica", "setosa", "versicolor")
FEW, MANY = 10, 40_000


def predictions(levels: tuple[str, ...] = LEVELS) -> Predictions:
    return Predictions(Field("species", Type.CAT, levels), np.array(sorted(levels)))


@pytest.mark.parametrize("rows", [FEW, MANY])
@pytest.mark.parametrize("dtype", ["U", object])
def test_labels_keep_their_meaning(rows: int, dtype: object) -> None:
    """A label is told by its code among the target's levels, in whatever order these are."""
    labels = [LEVELS[at % 3] for at in range(rows)]
    answer = predictions().columns(np.array(labels, dtype=dtype))
    assert answer.columns[0].tolist() == labels


@pytest.mark.parametrize("rows", [FEW, MANY])
@pytest.mark.parametrize("wrong", ["a", "setosa2", "zz", ""])
def test_a_label_that_is_no_level(rows: int, wrong: str) -> None:
    """One label that the target does not have fails, and is named."""
    labels = ["setosa"] * (rows - 1) + [wrong]
    with pytest.raises(Failure, match=f"predict gave '{wrong}', which is none"):
        predictions().columns(np.array(labels))


def test_a_target_without_levels() -> None:
    """No label is one of none."""
    with pytest.raises(Failure, match="which is none"):
        predictions(()).columns(np.array(["a"] * MANY))
