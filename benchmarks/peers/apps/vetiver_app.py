"""vetiver's API of the tree: `uvicorn vetiver_app:api`.

Fitted here with named columns: vetiver predicts from a data frame, and scikit-learn would warn
at each call.
"""

import os

import pandas as pd
from train import iris, tree
from vetiver import VetiverAPI, VetiverModel

names, features, classes = iris(os.environ["PEER_DATA"])
table = pd.DataFrame(features, columns=names)
model = VetiverModel(tree(table, classes), model_name="iris", prototype_data=table)
api = VetiverAPI(model, check_prototype=True).app
