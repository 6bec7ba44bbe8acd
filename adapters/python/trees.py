"""Ask scikit-learn's trees without their own look at the input, which takes ten times as long.

What reaches them has been looked at: the request by its signature, the columns by `Fitted.align`.
The trees themselves offer this (their parameter ``check_input``); no other estimator does.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

_OFFERED = frozenset({"predict", "predict_proba"})


def is_tree(estimator: Any) -> bool:
    """Say whether it is one of scikit-learn's own trees. Imports nothing for it."""
    module = sys.modules.get("sklearn.tree")
    return module is not None and isinstance(estimator, module.BaseDecisionTree)


def unchecked(method: str, x: NDArray[Any]) -> NDArray[np.float32] | None:
    """Give what a tree can take with ``check_input=False``; None: it has to look itself.

    That is what its own look would make of ``x``. A missing value, an infinity, and a number that
    32 bits cannot hold are its own to judge, by its own rules and in its own words.
    """
    if method not in _OFFERED:
        return None
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(x, np.float32)
    return single if np.isfinite(single).all() else None
