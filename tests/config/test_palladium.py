"""Read configs that say Palladium's names: what each becomes, and what is told of a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.messages import Source
from runner.config import Config, build, load
from runner.config.palladium import NAMES
from tests.config.project import Project

HEAD = "{'service_metadata': {'service_name': 's'}, 'model': {'!': 'email.message.Message'},"


def _load(project: Project, text: str) -> Config:
    project.write("config.py", text)
    return load("config.py", environ={})


@pytest.mark.parametrize("name", ["CSV", "Table", "SQL", "OpenML", "EmptyDatasetLoader"])
def test_loaders(project: Project, name: str) -> None:
    """Row "loaders": palladium.dataset's are ours, in either spelling of `!`."""
    text = HEAD + f"'dataset_loader_train': {{'__factory__': 'palladium.dataset.{name}'}}}}"
    config = _load(project, text)
    assert config.train is not None
    assert config.train.factory == {"!": f"runner.datasets.{name}"}


def test_scheduled_loader(project: Project) -> None:
    """Row "loaders": a ScheduledDatasetLoader loads what its `impl` does, beside the config."""
    project.write("data.csv", "x,y\n1,a\n2,b\n")
    config = _load(
        project,
        HEAD
        + """
        'dataset_loader_train': {
            '!': 'palladium.dataset.ScheduledDatasetLoader',
            'update_cache_rrule': {'freq': 'HOURLY'},
            'impl': {
                '!': 'palladium.dataset.CSV',
                'path': 'data.csv',
                'target_column': 'y',
                'ndarray': True,
            },
        }}""",
    )
    assert config.train is not None
    frame, target = build(config.train.factory)()
    assert (frame["x"].tolist(), target.tolist()) == ([1, 2], ["a", "b"])


def test_schedule_that_is_none(project: Project) -> None:
    """A misspelt frequency is told when the config is checked."""
    project.write(
        "config.py",
        HEAD
        + """
        'dataset_loader_train': {
            '!': 'palladium.dataset.ScheduledDatasetLoader',
            'update_cache_rrule': {'freq': 'OURLY'},
            'impl': {'!': 'palladium.dataset.EmptyDatasetLoader'},
        }}""",
    )
    assert "freq 'OURLY' is none of YEARLY" in project.faults("config.py", deep=True)[0]


R = """{
    'service_metadata': {'service_name': 's'},
    'dataset_loader_train': {
        '!': 'palladium.R.DatasetLoader',
        'scriptname': 'model.R',
        'funcname': 'dataset',
        'year': 2024,
    },
    'model': %s
}"""
FOREST = (
    "{'!': 'palladium.R.%sModel', 'scriptname': 'model.R', 'funcname': 'train.forest', "
    "'encode_labels': True, 'ntree': 50}"
)


@pytest.mark.parametrize("kind", ["Classification", "Regression"])
def test_r(project: Project, kind: str) -> None:
    """Row "R": palladium.R's loader and models are scripts; other keys go to the function."""
    config = _load(project, R % (FOREST % kind))
    script = str(project.folder / "model.R")
    assert config.model.wire == {
        "language": "r",
        "script": script,
        "fit": "train.forest",
        "params": {"ntree": 50},
    }
    assert config.train is not None
    assert config.train.source == Source(script, "dataset", {"year": 2024})


def test_r_in_a_pipeline(project: Project) -> None:
    """Row "R": Rpy2Transform before a model in R does nothing that its worker does not do."""
    steps = f"[('rpy2', {{'!': 'palladium.R.Rpy2Transform'}}), ('r', {FOREST % 'Regression'})]"
    config = _load(project, R % f"{{'!': 'sklearn.pipeline.Pipeline', 'steps': {steps}}}")
    assert config.model.language == "r"
    assert config.model.wire["fit"] == "train.forest"


def test_python_before_r(project: Project) -> None:
    """A step of Python's before a model in R is refused, with what to do about it."""
    scale = "('scale', {'!': 'sklearn.preprocessing.StandardScaler'})"
    steps = f"[{scale}, ('r', {FOREST % 'Regression'})]"
    project.write("config.py", R % f"{{'!': 'sklearn.pipeline.Pipeline', 'steps': {steps}}}")
    assert project.faults("config.py") == [
        "config.py:9: model.steps: sklearn.preprocessing.StandardScaler is Python's and the model "
        "is not: no process has both; expected palladium.R.Rpy2Transform alone before it, or that "
        "step in the model's own language"
    ]


def test_julia(project: Project) -> None:
    """Row "Julia": the two functions, their arguments and encode_labels go to a script of ours."""
    config = _load(
        project,
        """{
        'model': {
            '!': 'palladium.julia.ClassificationModel',
            'fit_func': 'SVM.svm',
            'predict_func': 'SVM.predict',
            'fit_kwargs': {'k': 3},
            'encode_labels': True,
        }}""",
    )
    assert config.model.language == "julia"
    assert config.model.wire["script"].endswith("palladium.jl")
    assert config.model.wire["params"] == {
        "fit_func": "SVM.svm",
        "predict_func": "SVM.predict",
        "fit_kwargs": {"k": 3},
        "encode_labels": True,
    }


def test_service_without_a_name(project: Project) -> None:
    """A Python config without service_metadata is named after its folder: Palladium asks none."""
    config = _load(project, "{'model': {'!': 'email.message.Message'}}")
    assert config.service_name == project.folder.name


def test_predict_service(project: Project) -> None:
    """Row "GET predict": all of PredictService's keys are read."""
    config = _load(
        project,
        HEAD
        + """
        'predict_service': {
            '!': 'palladium.server.PredictService',
            'mapping': [('text', 'str')],
            'params': [('threshold', 'float')],
            'entry_point': '/classify',
            'predict_proba': True,
            'unwrap_sample': True,
        }}""",
    )
    service = config.service
    assert service.mapping is not None
    assert [field.name for field in (*service.mapping, *service.params)] == ["text", "threshold"]
    assert (service.entry_point, service.predict_proba) == ("/classify", True)
    assert config.model.wire["unwrap"] is True


def test_two_fields_cannot_be_unwrapped(project: Project) -> None:
    """A sample of two fields has no value of its own."""
    project.write(
        "config.py",
        HEAD
        + """
        'predict_service': {'mapping': [('a', 'str'), ('b', 'str')], 'unwrap_sample': True}}""",
    )
    assert project.faults("config.py") == [
        "config.py:2: predict_service.unwrap_sample: the mapping has 2 fields; expected one field"
    ]


def test_partial(project: Project) -> None:
    """Row "Partial": a function with some arguments given stands wherever a factory may."""
    project.write("mine.py", "def load(year, month):\n    return year, month\n")
    config = _load(
        project,
        HEAD
        + """
        'dataset_loader_train': {
            '!': 'palladium.util.Partial',
            'func': 'mine.load',
            'year': 2024,
            'month': 5,
        }}""",
    )
    assert config.train is not None
    made: Any = build(config.train.factory)
    assert (made(), made.__name__) == ((2024, 5), "load")


@pytest.mark.parametrize("name", NAMES)
def test_misspelt(project: Project, name: str) -> None:
    """A name of Palladium's that is misspelt is told with file, line, key and the right one.

    Row "missing key".
    """
    project.write("config.py", HEAD + f"\n'dataset_loader_train': {{'!': '{name[:-1]}'}}}}")
    assert project.faults("config.py") == [
        f"config.py:2: dataset_loader_train.!: unknown name '{name[:-1]}', did you mean '{name}'?"
    ]
