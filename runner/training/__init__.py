"""Fit, score and store models, each in a private worker that speaks the model's language.

data        train and test data, wherever they come from
scoring     scikit-learn's scorers over a worker's predictions
fit         data → worker → store
search      candidates of parameters by cross-validation → the best
estimator   a model in any language as scikit-learn's estimator; held, parameters: its parts
parallel    where the fits of a search run
candidates, failures   what a search came to
evaluate    a stored version against the test data
progress    what those who wait are told
"""

from runner.training.evaluate import Evaluation, evaluate
from runner.training.fit import FitResult, fit
from runner.training.progress import Progress, Silent

__all__ = ["Evaluation", "FitResult", "Progress", "Silent", "evaluate", "fit"]
