"""Load whole configs, in both languages, and look at what comes out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from contracts.messages import Source
from contracts.table import Type
from runner.config import (
    AdapterSettings,
    LoaderSettings,
    MappedField,
    ServerSettings,
    ServiceSettings,
    default_spec,
    load,
    load_all,
    sections,
)
from runner.errors import ConfigError
from tests.config.project import MINIMAL, Project


def test_least_config(project: Project) -> None:
    """Two lines make a service; everything else has a default."""
    project.write("a.yaml", MINIMAL)

    config = load("a.yaml")

    assert ("iris", "0") == (config.service_name, config.service_version)
    assert project.folder / "a.yaml" == config.path
    assert "r" == config.model.language
    assert {"language": "r", "script": str(project.folder / "model.R")} == config.model.wire
    assert f"sqlite:///{project.folder}/runner.db" == config.store_url
    assert (None, None, None) == (config.train, config.test, config.scoring)
    assert (ServiceSettings(), AdapterSettings(), ServerSettings()) == (
        config.service,
        config.adapter,
        config.server,
    )


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", "runner-audit.jsonl"),
        ('store: {url: "sqlite:///{__base__}/var/models.db"}', "var/runner-audit.jsonl"),
        ('store: {url: "postgresql://db.example/models"}', "runner-audit.jsonl"),
        ("audit: {path: log/usage.jsonl}", "log/usage.jsonl"),
    ],
)
def test_where_records_go(project: Project, more: str, expected: str) -> None:
    """Beside the store where that is a file, else beside the config, unless the config says."""
    base = str(project.folder)
    project.write("a.yaml", MINIMAL + more.replace("{__base__}", base))

    assert project.folder / expected == load("a.yaml").audit_in_full.path


def test_every_key(project: Project) -> None:
    """Each key reaches the setting of its name."""
    project.write(
        "a.yaml",
        """\
        service_metadata: {service_name: tooth, service_version: "1.10", team: dental}
        dataset_loader_train: {language: R, script: model.R, function: dataset, params: {n: 5}}
        dataset_loader_test: {"!": runner.datasets.SQL, url: "sqlite:///data.db", sql: t}
        model:
          language: julia
          script: model.R
          fit: train
          predict: ask
          predict_proba: chances
          params: {depth: 3, names: [a, b], deep: {x: null}}
          predict_params: {fast: true}
        adapter:
          executable: sh
          env: {JULIA_NUM_THREADS: "2"}
          memory_limit: 2 GiB
          start_timeout: 90
          fit_timeout: 3600
        predict_service:
          mapping:
            - [supp, "category?"]
            - {name: dose, type: float, nullable: true}
            - {name: size, type: category, levels: [s, m]}
          params: [[k, int]]
          predict_proba: true
          unwrap_sample: false
          entry_point: /tooth/predict
          replicas: 2
          timeout: 1.5
          max_queue: 10
          max_queue_bytes: 1 MiB
        server: {max_body: 1 MB, body_timeout: 5, max_rows: 7, keep_alive: 8}
        store: {url: "sqlite:///models.db"}
        scoring: r2
        """,
    )
    script = str(project.folder / "model.R")

    config = load("a.yaml")

    assert {
        "service_name": "tooth",
        "service_version": "1.10",
        "team": "dental",
    } == config.service_metadata
    assert LoaderSettings("r", source=Source(script, "dataset", {"n": 5})) == config.train
    assert (
        LoaderSettings(
            factory={
                "!": "runner.datasets.SQL",
                "url": f"sqlite:///{project.folder}/data.db",
                "sql": "t",
            }
        )
        == config.test
    )
    assert {
        "language": "julia",
        "script": script,
        "fit": "train",
        "predict": "ask",
        "predict_proba": "chances",
        "params": {"depth": 3, "names": ["a", "b"], "deep": {"x": None}},
        "predict_params": {"fast": True},
    } == config.model.wire
    assert config.adapter.executable is not None
    assert "sh" == Path(config.adapter.executable).name
    assert ({"JULIA_NUM_THREADS": "2"}, 2 * 1024**3, 90.0, 3600.0) == (
        config.adapter.env,
        config.adapter.memory_limit,
        config.adapter.start_timeout,
        config.adapter.fit_timeout,
    )
    assert (
        ServiceSettings(
            mapping=(
                MappedField("supp", Type.CAT, nullable=True),
                MappedField("dose", Type.F64, nullable=True),
                MappedField("size", Type.CAT, levels=("s", "m")),
            ),
            predict_proba=True,
            params=(MappedField("k", Type.I64),),
            unwrap_sample=False,
            entry_point="/tooth/predict",
            replicas=2,
            timeout=1.5,
            max_queue=10,
            max_queue_bytes=1024**2,
        )
        == config.service
    )
    assert ServerSettings(1_000_000, 5.0, max_rows=7, keep_alive=8.0) == config.server
    assert f"sqlite:///{project.folder}/models.db" == config.store_url
    assert "r2" == config.scoring


def test_tables_fill_the_settings() -> None:
    """Every setting has its key and every key its setting, with the same default."""
    tables = {
        ServiceSettings: sections.PREDICT_SERVICE,
        AdapterSettings: sections.ADAPTER,
        ServerSettings: sections.SERVER,
    }
    for settings, table in tables.items():
        defaults = {name: key.default for name, key in table.items() if name != "!"}

        assert {field.name for field in fields(settings)} == set(defaults)
        assert settings() == settings(**defaults)


def test_palladium_file(project: Project) -> None:
    """A Python config of Palladium's form loads: `here`, `environ`, tuples, `__factory__`.

    Row "config file".
    """
    project.write(
        "a.py",
        """\
        # The iris service
        {
            'service_metadata': {'service_name': 'iris', 'service_version': '0.1'},
            'dataset_loader_train': {
                '__factory__': 'runner.datasets.Table',
                'path': '{}/iris.data'.format(here),
                'names': ['sepal length', 'species'],
                'target_column': 'species',
                'sep': ',',
                'nrows': 100,
                'skiprows': lambda row: row > 3,
            },
            'model': {
                '!': 'sklearn.linear_model.LogisticRegression',
                'C': float(environ['C']),
            },
            'predict_service': {'mapping': [('sepal length', 'float')]},
        }
        """,
    )

    config = load("a.py", environ={"C": "0.3"})

    assert "python" == config.model.language
    assert {
        "factory": {"!": "sklearn.linear_model.LogisticRegression", "C": 0.3},
        "path": [str(project.folder)],
    } == config.model.wire
    assert config.train is not None
    assert config.train.factory is not None
    assert "runner.datasets.Table" == config.train.factory["!"]
    assert f"{project.folder}/iris.data" == config.train.factory["path"]
    assert (MappedField("sepal length", Type.F64),) == config.service.mapping


def test_long_form_of_python(project: Project) -> None:
    """The long form of a Python model says whether it wants frames, and where its modules are."""
    project.write(
        "a.yaml",
        """\
        service_metadata: {service_name: a}
        model: {language: python, factory: {"!": collections.Counter}, frame: true, path: [lib]}
        """,
    )

    assert {
        "factory": {"!": "collections.Counter"},
        "path": [str(project.folder), str(project.folder / "lib")],
        "frame": True,
    } == load("a.yaml").model.wire


def test_python_literals_travel(project: Project) -> None:
    """What only Python has travels to Python as its own source text, around factories as lists."""
    project.write(
        "a.py",
        """\
        {
            'service_metadata': {'service_name': 'a'},
            'model': {
                '!': 'sklearn.pipeline.Pipeline',
                'steps': [
                    ('v', {'!': 'sklearn.feature_extraction.text.CountVectorizer',
                           'ngram_range': (1, 2)}),
                    ('m', {'!': 'sklearn.tree.DecisionTreeClassifier', 'class_weight': {0: 1}}),
                ],
            },
        }
        """,
    )

    def literal(text: str) -> dict[str, str]:
        return {"!": "ast.literal_eval", "node_or_string": text}

    assert [
        [
            "v",
            {
                "!": "sklearn.feature_extraction.text.CountVectorizer",
                "ngram_range": literal("(1, 2)"),
            },
        ],
        ["m", {"!": "sklearn.tree.DecisionTreeClassifier", "class_weight": literal("{0: 1}")}],
    ] == load("a.py").model.wire["factory"]["steps"]


def test_function_cannot_travel(project: Project) -> None:
    """A lambda among a model's arguments is refused: it lives in this process."""
    project.write(
        "a.py",
        """\
        {'service_metadata': {'service_name': 'a'},
         'model': {'!': 'collections.Counter', 'key': lambda: 1}}
        """,
    )

    assert [
        "a.py:2: model.key: a function cannot travel to the adapter; expected strings, numbers, "
        'booleans, lists, and maps with strings as keys, or {"!": …} for what must be made there'
    ] == project.faults("a.py")


def test_adapter_of_ones_own(project: Project) -> None:
    """With a command of its own any language is possible, and the model is its own business."""
    project.write(
        "a.yaml",
        """\
        service_metadata: {service_name: a}
        adapter: {command: [sh, -c, "exec adapter"]}
        model: {language: Rust, script: model.R, anything: [1, 2]}
        """,
    )

    config = load("a.yaml")

    assert ("sh", "-c", "exec adapter") == (
        Path(config.adapter.command[0]).name,
        *config.adapter.command[1:],
    )
    assert "rust" == config.model.language
    assert {
        "language": "rust",
        "script": str(project.folder / "model.R"),
        "anything": [1, 2],
    } == config.model.wire


def test_model_of_another_interpreter(project: Project) -> None:
    """What only another interpreter has installed is not looked for in this one."""
    project.write(
        "a.yaml",
        """\
        service_metadata: {service_name: a}
        adapter: {executable: sh}
        model: {"!": torch_of_elsewhere.Model}
        """,
    )

    assert {"!": "torch_of_elsewhere.Model"} == load("a.yaml", deep=True).model.wire["factory"]


def test_files_merge(project: Project) -> None:
    """Of a top-level key the later file's value holds whole; relative paths are of their file.

    Row "config file".
    """
    (project.folder / "sub").mkdir()
    project.write("sub/fit.R", "")
    project.write("a.yaml", MINIMAL + "predict_service: {replicas: 2, timeout: 5}\n")
    project.write("sub/b.yaml", "model: {language: julia, script: fit.R}\npredict_service: {}\n")

    config = load("a.yaml, sub/b.yaml")

    assert ("iris", "julia") == (config.service_name, config.model.language)
    assert str(project.folder / "sub" / "fit.R") == config.model.wire["script"]
    assert ServiceSettings() == config.service
    assert project.folder / "a.yaml" == config.path


def test_paths_from_the_working_directory(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path that is not beside the config is looked for where the runner was started.

    Row "config file".
    """
    (project.folder / "etc").mkdir()
    project.write("etc/a.yaml", MINIMAL)

    assert str(project.folder / "model.R") == load("etc/a.yaml").model.wire["script"]

    project.write("etc/model.R", "")

    assert str(project.folder / "etc" / "model.R") == load("etc/a.yaml").model.wire["script"]


def test_modules_beside_the_config(project: Project) -> None:
    """Row "config file": Factories find modules in the config's folder."""
    project.write("beside_the_config.py", "class Model: pass\n")
    project.write(
        "a.yaml",
        'service_metadata: {service_name: a}\nmodel: {"!": beside_the_config.Model}\n',
    )

    load("a.yaml", deep=True)

    assert "beside_the_config" in sys.modules


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "runner.yaml"),
        ({"PALLADIUM_CONFIG": "p.py"}, "p.py"),
        ({"RUNNER_CONFIG": "r.yaml", "PALLADIUM_CONFIG": "p.py"}, "r.yaml"),
        ({"RUNNER_CONFIG": "", "PALLADIUM_CONFIG": "p.py"}, "p.py"),
    ],
)
def test_default_spec(environ: dict[str, str], expected: str) -> None:
    """Row "config file": The environment names the config, ours before Palladium's."""
    assert expected == default_spec(environ)


def test_palladium_places(project: Project) -> None:
    """Row "config file": where nothing is named, Palladium's own places are looked at, too."""
    assert default_spec({}) == "runner.yaml"
    (project.folder / "etc").mkdir()
    project.write("etc/palladium-config.py", "{}")
    assert default_spec({}) == "etc/palladium-config.py"
    project.write("runner.yaml", "")
    assert default_spec({}) == "runner.yaml"
    assert default_spec({"PALLADIUM_CONFIG": "a.py"}) == "a.py"


def test_several_services(project: Project) -> None:
    """Each spec is a service; without any, the default one is loaded."""
    project.write("runner.yaml", MINIMAL)
    project.write("b.yaml", "service_metadata: {service_name: b}\n")

    assert ["iris"] == [config.service_name for config in load_all([], environ={})]
    assert ["iris", "b"] == [
        config.service_name for config in load_all(["runner.yaml", "runner.yaml,b.yaml"])
    ]


def test_services_that_clash(project: Project) -> None:
    """Two services cannot share a name, an entry point, or differ in the server's settings."""
    common = "predict_service: {entry_point: /predict}\n"
    project.write("a.yaml", MINIMAL + common)
    project.write("b.yaml", MINIMAL + common + "server: {max_body: 2048}\n")
    project.write("c.yaml", "service_metadata: {}\n")

    with pytest.raises(ConfigError) as caught:
        load_all(["a.yaml", "b.yaml", "c.yaml"])

    assert [
        (None, "service_metadata.service_name"),
        (None, "model"),
        ("b.yaml", "service_metadata.service_name"),
        ("b.yaml", "predict_service.entry_point"),
        ("b.yaml", "server"),
    ] == [
        (Path(fault.file).name if fault.file and ":" not in fault.file else None, fault.key)
        for fault in caught.value.faults
    ]


def test_loading_imports_nothing_heavy(project: Project) -> None:
    """Loading a config that names scikit-learn and our datasets imports neither, nor pandas.

    Row "factories".
    """
    project.write(
        "a.yaml",
        """\
        service_metadata: {service_name: a}
        dataset_loader_train: {"!": runner.datasets.CSV, path: a.csv}
        model: {"!": sklearn.tree.DecisionTreeClassifier}
        """,
    )
    code = (
        "import sys; from runner.config import load; load('a.yaml');"
        "print([m for m in ('numpy', 'pandas', 'sklearn', 'sqlalchemy') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]

    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(root)}, cwd=project.folder,
    )  # fmt: skip

    assert "[]\n" == found.stdout


def test_passwords_are_not_shown(project: Project) -> None:
    """A config's text form has no URL, no environment and no raw values in it."""
    project.write(
        "a.yaml",
        MINIMAL
        + """\
store: {url: "postgresql://me:hunter2@host/db"}
adapter: {env: {TOKEN: hunter2}}
dataset_loader_train: {"!": runner.datasets.SQL, url: "postgresql://me:hunter2@h/d", sql: x}
""",
    )

    assert "hunter2" not in repr(load("a.yaml"))
