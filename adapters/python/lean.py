"""Import scikit-learn and skops without what they bring along and do not need here.

PERF: scikit-learn imports pandas if there is one, only to have a name for it, and skops imports
every module of scikit-learn, its test tools with them, only to list the names of its estimators.
Together they are a third of the time and of the memory that a worker takes.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def hidden(name: str) -> Iterator[None]:
    """Let a package seem not to be installed, unless it has been imported before."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # so that an import raises
    try:
        yield
    finally:
        del sys.modules[name]


with hidden("pandas"):
    from sklearn.base import BaseEstimator, is_classifier, is_regressor

__all__ = ["hidden", "is_classifier", "is_regressor", "public_estimators", "skops_io"]

_NOT_PUBLIC = {"tests", "externals", "experimental", "conftest"}


def skops_io() -> Any:
    """Give skops.io, which then trusts no estimator by itself. Raises ImportError without skops."""
    if "skops.io" in sys.modules:
        return sys.modules["skops.io"]
    from sklearn import utils  # noqa: PLC0415  imported already

    listed = utils.all_estimators
    utils.all_estimators = lambda *_, **__: []
    try:
        return importlib.import_module("skops.io")
    finally:
        utils.all_estimators = listed


def public_estimators(names: list[str]) -> list[str]:
    """Give those of these types that skops would trust: scikit-learn's public estimators.

    SECURITY: a type is one if a public package of scikit-learn has it under its name, which is how
    `sklearn.utils.all_estimators` finds them. Only modules of scikit-learn are imported.
    """
    return [name for name in names if _is_public_estimator(name)]


def _is_public_estimator(name: str) -> bool:
    module, _, kind = name.rpartition(".")
    parts = module.split(".")
    if parts[0] != "sklearn" or kind.startswith("_") or _NOT_PUBLIC & set(parts):
        return False
    private = next((at for at, part in enumerate(parts) if part.startswith("_")), len(parts))
    try:
        found = getattr(importlib.import_module(".".join(parts[:private])), kind, None)
    except ImportError:
        return False
    return (
        isinstance(found, type)
        and issubclass(found, BaseEstimator)
        and found is not BaseEstimator
        and f"{found.__module__}.{found.__qualname__}" == name
    )
