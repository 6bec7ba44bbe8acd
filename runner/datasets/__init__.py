"""Load training and test data in Python; the only place that knows pandas.

    dataset    a config's loader, carried out: features and target as columns of declared types
    frames     pandas frames and series → columns
    arrays     what Python's libraries hand on ⇄ tables
    declared   types of columns that a config names
    files      CSV, Table, Parquet
    sources    SQL, OpenML, EmptyDatasetLoader, ScheduledDatasetLoader

A loader is anything that a config can name (`{"!": …}`) and that, called without arguments, gives
features and target. Loaders in R and Julia run in a worker of theirs instead, and never come here.
"""

from runner.datasets.dataset import Dataset, load
from runner.datasets.files import CSV, Parquet, Table
from runner.datasets.sources import SQL, EmptyDatasetLoader, OpenML, ScheduledDatasetLoader

__all__ = [
    "CSV",
    "SQL",
    "Dataset",
    "EmptyDatasetLoader",
    "OpenML",
    "Parquet",
    "ScheduledDatasetLoader",
    "Table",
    "load",
]
