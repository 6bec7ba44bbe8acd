"""Fit the tree of examples/iris-sklearn: `python train.py iris.csv model.joblib`.

Runs in a peer's own environment, so that no pickle crosses versions of scikit-learn.
"""

import csv
import sys
from pathlib import Path

import joblib
from sklearn.tree import DecisionTreeClassifier


def iris(path: str, rows: int = 100) -> tuple[list[str], list[list[float]], list[str]]:
    """Read the features' names, the first rows and their classes."""
    with Path(path).open(newline="") as file:
        header, *lines = csv.reader(file)
    chosen = lines[:rows]
    return header[:-1], [[float(x) for x in line[:-1]] for line in chosen], [r[-1] for r in chosen]


def tree(x: object, y: list[str]) -> DecisionTreeClassifier:
    """Fit with the parameters of the example."""
    return DecisionTreeClassifier(min_samples_leaf=1, random_state=0).fit(x, y)


if __name__ == "__main__":
    _, features, classes = iris(sys.argv[1])
    joblib.dump(tree(features, classes), sys.argv[2])
