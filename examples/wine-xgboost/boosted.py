"""Boosted trees that take labels as they are: XGBoost itself wants them numbered from 0."""

import numpy as np
from sklearn.preprocessing import LabelEncoder
from xgboost import XGBClassifier


class Boosted:
    """Fit XGBoost (Chen and Guestrin 2016) to texts as labels."""

    def __init__(self, **params):
        self.labels = LabelEncoder()
        self.trees = XGBClassifier(n_jobs=1, **params)

    def fit(self, X, y):
        self.trees.fit(X, self.labels.fit_transform(y))
        self.classes_ = self.labels.classes_
        return self

    def predict(self, X):
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]

    def predict_proba(self, X):
        return self.trees.predict_proba(X)
