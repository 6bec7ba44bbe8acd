"""Take over a model that was fitted and pickled elsewhere, as Palladium's persisters did.

SECURITY: a pickle runs whatever it says. It is opened here, in a worker's process, and only if it
has the sha256 that whoever named it had seen.
"""

from __future__ import annotations

import gzip
import hashlib
import pickle
import warnings
from typing import Any

_GZIP = b"\x1f\x8b"


def restore(path: str, sha256: str) -> Any:
    """Give the estimator in a pickle, compressed or not, whose `fit` fits nothing once.

    To be named as a model's factory: the fit then learns the signature from the data, tries the
    estimator on their first row, and leaves it as it was. Raises ValueError naming the versions of
    scikit-learn where these stand in the way.
    """
    with open(path, "rb") as file:
        content = file.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path} is not the file that was found before")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        try:
            estimator = pickle.loads(gzip.decompress(content) if content[:2] == _GZIP else content)
        except Exception as ex:
            raise ValueError(f"{type(ex).__name__}: {ex}{_versions(found)}") from ex
    told = _versions(found)

    def fit(x: Any, y: Any) -> Any:
        del estimator.fit
        try:
            estimator.predict(x[:1])
        except Exception as ex:
            raise ValueError(f"it cannot predict: {type(ex).__name__}: {ex}{told}") from ex
        return estimator

    estimator.__dict__.pop("__metadata__", None)  # the store has it
    estimator.fit = fit
    return estimator


def _versions(found: list[warnings.WarningMessage]) -> str:
    """Say which versions of scikit-learn a pickle is of, if it warns that they differ."""
    for each in found:
        original = getattr(each.message, "original_sklearn_version", None)
        if original is not None:
            current = getattr(each.message, "current_sklearn_version", "another")
            return f" (pickled with scikit-learn {original}, here is {current})"
    return ""
