"""Turn models into bytes and back: skops, which runs no code on loading, or else pickle.

SECURITY: what skops may make is listed here, never taken from the artifact. Pickle runs whatever
the artifact says; the loop has compared the sha256 by then, so it is what we wrote ourselves.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from adapters.python import lean
from contracts.wire import Buffer

_DISTANCES = (
    "BrayCurtis Canberra Chebyshev Dice Euclidean Hamming Haversine Jaccard Mahalanobis Manhattan "
    "Minkowski RogersTanimoto RussellRao SEuclidean SokalSneath"
)
_KERNELS = (
    "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter Matern "
    "PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel"
)
TRUSTED = [
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    *(f"sklearn.gaussian_process.kernels.{name}" for name in _KERNELS.split()),
    *(f"sklearn.metrics._dist_metrics.{name}Distance64" for name in _DISTANCES.split()),
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
]
"""Types of scikit-learn beside its estimators, and those that skops trusts: data only."""


def dump(estimator: Any) -> tuple[str, bytes]:
    """Give format and bytes. Raises what pickle raises for an object that it cannot."""
    try:
        dumped = lean.skops_io().dumps(estimator)
        # Loading is the only proof that it can be loaded: skops is young.
        _load_skops(dumped)
    except Exception:
        pass  # no skops here; a type of the user's own, or one that skops does not know
    else:
        return "skops", dumped
    return "pickle", pickle.dumps(estimator, protocol=pickle.HIGHEST_PROTOCOL)


def _load_skops(artifact: Buffer) -> Any:
    try:
        skops = lean.skops_io()
    except ImportError as ex:
        what = "the model was stored with skops, which is not installed here"
        raise ImportError(what) from ex
    content = bytes(artifact)
    estimators = lean.public_estimators(skops.get_untrusted_types(data=content))
    return skops.loads(content, trusted=[*TRUSTED, *estimators])


LOADERS: dict[str, Callable[[Buffer], Any]] = {"skops": _load_skops, "pickle": pickle.loads}
"""Format -> what makes a model of its bytes."""
