"""Leave the tree as an MLflow model: `python mlflow_model.py iris.csv FOLDER`."""

import sys

import mlflow
import pandas as pd
from train import iris, tree

names, features, classes = iris(sys.argv[1])
table = pd.DataFrame(features, columns=names)
mlflow.sklearn.save_model(
    tree(table, classes),
    sys.argv[2],
    signature=mlflow.models.infer_signature(table, pd.Series(classes)),
    serialization_format="cloudpickle",  # skops, the default, refuses trees
)
