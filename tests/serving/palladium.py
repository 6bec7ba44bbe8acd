"""Write services as Palladium's users have them: its own form of config, its own names."""

from __future__ import annotations

from pathlib import Path

from tests.serving.project import Project

_IRIS = Path(__file__).resolve().parents[2] / "examples" / "iris-r" / "iris.csv"

LOADERS = """
    'dataset_loader_train': {
        '__factory__': 'palladium.dataset.Table',
        'path': 'iris.data',
        'names': ['sepal length', 'sepal width', 'petal length', 'petal width', 'species'],
        'target_column': 'species',
        'sep': ',',
        'nrows': 100,
    },
    'dataset_loader_test': {
        '__copy__': 'dataset_loader_train',
        'nrows': None,
        'skiprows': 100,
    },
"""
MAPPING = """
    'predict_service': {
        '__factory__': 'palladium.server.PredictService',
        'mapping': [
            ('sepal length', 'float'),
            ('sepal width', 'float'),
            ('petal length', 'float'),
            ('petal width', 'float'),
        ],
    },
"""
FLOWER = {"sepal length": 5.2, "sepal width": 3.5, "petal length": 1.5, "petal width": 0.2}


def write(folder: Path, config: str, **files: str) -> Project:
    """Write a config.py, the flowers without a header, and more files; give the service."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "iris.data").write_text(_IRIS.read_text().split("\n", 1)[1])
    for name, text in files.items():
        stem, _, ending = name.rpartition("_")
        (folder / f"{stem}.{ending}").write_text(text)
    project = Project(folder)
    project.config = folder / "config.py"
    project.config.write_text("{" + config + "}\n")
    return project
