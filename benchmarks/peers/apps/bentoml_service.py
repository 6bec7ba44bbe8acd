"""BentoML's service of a batchable model, in the folder of model.joblib."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1)
class Iris:
    """One method, which BentoML may call with the rows of several callers."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["PEER_MODEL"])

    @bentoml.api(batchable=True)
    def predict(self, rows: np.ndarray) -> list[str]:
        return self.model.predict(rows).tolist()
