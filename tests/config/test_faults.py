"""Hold the exact line that each fault in a config gets."""

from __future__ import annotations

import pytest

from tests.config.project import MINIMAL, Project

# What stands in line 3, below a sound config -> the one fault, after its file and line.
ONE_LINE = {
    # keys
    "scorng: accuracy": "scorng: unknown key 'scorng', did you mean 'scoring'?",
    "replicas: 2": "replicas: stands at the top; expected it within predict_service",
    "grid_search: {}": "grid_search.param_grid: is missing",
    "grid_search: [1]": (
        "grid_search: found a list; expected a map of param_grid, cv, scoring, n_jobs, verbose, "
        "refit, error_score, return_train_score, pre_dispatch, parallel"
    ),
    "grid_search: {param_grid: {cp: 1}}": (
        "grid_search.param_grid.cp: found 1, an integer; expected a list of the values to try"
    ),
    "grid_search: {param_grid: {cp: []}}": (
        "grid_search.param_grid.cp: found nothing to try; expected at least one value"
    ),
    "grid_search: {param_grid: {cp: [1]}, cv: 1}": (
        "grid_search.cv: found 1, an integer; expected an integer from 2 to 1000000"
    ),
    "grid_search: {param_grid: {cp: [1]}, cvs: 3}": (
        "grid_search.cvs: unknown key 'cvs', did you mean 'cv'?"
    ),
    "grid_search: {'!': no_such.Search}": "grid_search.!: there is no module 'no_such'",
    "grid_search: {param_grid: {cp: [1]}, parallel: {}}": (
        "grid_search.parallel: no backend is named; expected backend: threading, loky, dask, ray, …"
    ),
    "model_persister: {}": (
        "model_persister: found a map; expected "
        '{"!": runner.persistence.File, path: "model-{version}"}'
    ),
    "model_persister: {'!': runner.persistence.Fil, path: m}": (
        "model_persister.!: unknown persister 'runner.persistence.Fil', "
        "did you mean 'runner.persistence.File'?"
    ),
    "model_persister: {'!': palladium.persistence.File, path: m.pickle}": (
        "model_persister.path: has no {version}; expected such as model-{version}.pickle"
    ),
    "store: {artifacts: 's3://me:secret@host/x'}": (
        "store.artifacts: the URL has a user, a query or a fragment; "
        "expected what is secret in options"
    ),
    "store: {artifacts: 'ftp://host/x'}": (
        "store.artifacts: the URL names no place of artifacts; "
        "expected a folder, s3://bucket/prefix or https://host/path"
    ),
    "predict_service: {unwrap_sample: true}": (
        "predict_service.unwrap_sample: a model in r is given columns in any case; "
        "expected a model in Python"
    ),
    "predict_decorators: a.b": (
        "predict_decorators: found 'a.b'; "
        "expected dotted names of decorators, such as [monitoring.timed]"
    ),
    "predict_decorators: [functols.wraps]": (
        "predict_decorators[0]: there is no module 'functols', did you mean 'functools'?"
    ),
    "fit_decorators: [5]": "fit_decorators[0]: found 5, an integer; expected a string (in quotes)",
    "predic_decorators: [a.b]": (
        "predic_decorators: unknown key 'predic_decorators', did you mean 'predict_decorators'?"
    ),
    "logging: 5": (
        "logging: found 5, an integer; expected a map of version, disable_existing_loggers, "
        "incremental, formatters, filters, handlers, loggers, root"
    ),
    "logging: {version: 2}": "logging.version: found 2, an integer; expected 1",
    "logging: {version: 1, handler: {}}": (
        "logging.handler: unknown key 'handler', did you mean 'handlers'?"
    ),
    "logging: {version: 1, handlers: {a: {class: loging.StreamHandler}}}": (
        "logging.handlers.a.class: there is no module 'loging', did you mean 'logging'?"
    ),
    "logging: {version: 1, handlers: {log: {}}, root: {handlers: [logs]}}": (
        "logging.root.handlers: unknown handler 'logs', did you mean 'log'?"
    ),
    "logging: {version: 1, loggers: {a: {level: LOUD}}}": (
        "logging.loggers.a.level: found 'LOUD'; "
        "expected one of DEBUG, INFO, WARN, WARNING, ERROR, CRITICAL, FATAL, NOTSET"
    ),
    "predict_service: {maping: []}": (
        "predict_service.maping: unknown key 'maping', did you mean 'mapping'?"
    ),
    'predict_service: {"!": palladium.server.PredictServce}': (
        "predict_service.!: unknown name 'palladium.server.PredictServce', did you mean "
        "'palladium.server.PredictService'?"
    ),
    'predict_service: {"!": my.PredictService}': (
        "predict_service.!: a predict service of one's own (my.PredictService) has no place here; "
        "expected palladium.server.PredictService"
    ),
    "alive: {process_store_required: [modle]}": (
        "alive.process_store_required[0]: unknown entry 'modle', did you mean 'model'?"
    ),
    "predict_service: [1]": (
        "predict_service: found a list; expected a map of !, mapping, predict_proba, params, "
        "unwrap_sample, entry_point, replicas, timeout, max_queue, max_queue_bytes, "
        "allow_clients, allow_scopes"
    ),
    # values
    "predict_service: {predict_proba: 1}": (
        "predict_service.predict_proba: found 1, an integer; expected true or false"
    ),
    "predict_service: {replicas: 0}": (
        "predict_service.replicas: found 0, an integer; expected an integer from 1 to 256"
    ),
    "predict_service: {replicas: true}": (
        "predict_service.replicas: found True, a boolean; expected an integer from 1 to 256"
    ),
    "predict_service: {timeout: 0}": (
        "predict_service.timeout: found 0, an integer; expected seconds, above 0 and up to 3600"
    ),
    "predict_service: {timeout: .nan}": (
        "predict_service.timeout: found nan, a float; expected seconds, above 0 and up to 3600"
    ),
    "predict_service: {timeout: 30 s}": (
        "predict_service.timeout: found '30 s'; expected seconds, above 0 and up to 3600"
    ),
    "predict_service: {entry_point: predict}": (
        "predict_service.entry_point: found 'predict'; expected a path such as /predict"
    ),
    "audit: {to: syslog}": "audit.to: found 'syslog'; expected one of file, stdout, both, none",
    "audit: {to: stdout, path: a.log}": (
        "audit.path: nothing is written to it with to: stdout; expected file or both"
    ),
    "audit: {to: both, inputs: true}": "audit.inputs: not with to: both; expected to: file",
    "audit: {durability: strong}": (
        "audit.durability: found 'strong'; expected one of process, disk"
    ),
    "audit: {on_failure: pray}": "audit.on_failure: found 'pray'; expected one of refuse, continue",
    "server: {max_body: 3 cows}": (
        "server.max_body: found '3 cows'; expected bytes, or a size such as 512 MiB, "
        "from 1 KiB to 4 GiB"
    ),
    "scoring: {}": "scoring: found an empty map; expected names, each with a scorer",
    "scoring: {a: 5}": "scoring.a: found 5, an integer; expected a string (in quotes)",
    "scoring: 5": "scoring: found 5, an integer; expected a string (in quotes)",
    # mapping
    "predict_service: {mapping: []}": (
        "predict_service.mapping: found an empty list; expected a list of [name, type]"
    ),
    "predict_service: {mapping: [[a, flot]]}": (
        "predict_service.mapping[0][1]: unknown type 'flot', did you mean 'float'?"
    ),
    "predict_service: {mapping: [[a, f64]]}": (
        "predict_service.mapping[0][1]: unknown type 'f64'; expected one of float, int, str, bool, "
        "category, date, datetime"
    ),
    "predict_service: {mapping: [[a]]}": (
        "predict_service.mapping[0]: found a list of 1; expected [name, type], such as "
        "[sepal length, float]"
    ),
    "predict_service: {mapping: [[no, float]]}": (
        "predict_service.mapping[0][0]: found False, a boolean; expected a string (in quotes)"
    ),
    "predict_service: {mapping: [[a, int], [a, int]]}": (
        "predict_service.mapping[1]: 'a' is the name of [0] too; expected distinct names"
    ),
    "predict_service: {mapping: [{name: a}]}": "predict_service.mapping[0].type: is missing",
    "predict_service: {mapping: [{name: a, type: int, levels: [x]}]}": (
        "predict_service.mapping[0].levels: levels of a i64; expected type: category"
    ),
    "predict_service: {mapping: [{name: a, type: category, levels: [x, x]}]}": (
        "predict_service.mapping[0].levels: 'x' is there twice; expected distinct levels"
    ),
    # adapter and store: nothing is repeated that may be a password
    "adapter: {env: {PASSWORD: 12345}}": (
        "adapter.env.PASSWORD: found a value of type int; expected a string (in quotes)"
    ),
    "adapter: {executable: no-such-python}": (
        "adapter.executable: program 'no-such-python' does not exist; expected a program on PATH, "
        "or /…/no-such-python"
    ),
    "adapter: {executable: model.R}": (
        "adapter.executable: program 'model.R' is not executable; expected a program on PATH, "
        "or /…/model.R"
    ),
    "adapter: {command: []}": (
        "adapter.command: found an empty list; expected a list of strings"
    ),
    "adapter: {command: [sh], executable: sh}": (
        "adapter.executable: the command has a program already; expected one of the two"
    ),
    "adapter: {memory_limit: 1 MiB}": (
        "adapter.memory_limit: found '1 MiB'; expected bytes, or a size such as 512 MiB, "
        "from 16 MiB to 1 TiB"
    ),
    "store: {url: secret-password}": (
        "store.url: found no URL; expected such as sqlite:///runner.db or "
        "postgresql://host/database"
    ),
    # loaders
    "dataset_loader_train: iris.csv": (
        "dataset_loader_train: found 'iris.csv'; expected "
        '{"!": runner.datasets.CSV, path: …}'
    ),
    "dataset_loader_train: {path: iris.csv}": (
        "dataset_loader_train: neither a factory nor a language is named; expected "
        '{"!": runner.datasets.CSV, path: …}, or language, script and function'
    ),
    'dataset_loader_train: {"!": nowhere.CSV}': (
        "dataset_loader_train.!: there is no module 'nowhere'"
    ),
    'dataset_loader_train: {"!": CSV}': "dataset_loader_train.!: 'CSV' is no dotted name",
    'dataset_loader_train: {"!": [a]}': (
        "dataset_loader_train.!: found a list; expected a string"
    ),
    'dataset_loader_train: {"!": email.mesage.Message}': (
        "dataset_loader_train.!: email has no mesage, did you mean 'message'?"
    ),
    'dataset_loader_train: {"!": palladium.datset.CSV}': (
        "dataset_loader_train.!: unknown name 'palladium.datset.CSV', did you mean "
        "'palladium.dataset.CSV'?"
    ),
    'dataset_loader_train: {"!": palladium.R.DatasetLoader, scriptname: model.R}': (
        "dataset_loader_train.funcname: is missing; expected its function"
    ),
    'dataset_loader_train: {"!": palladium.R.DatasetLoader, scriptname: modl.R, funcname: f}': (
        "dataset_loader_train.script: script 'modl.R' does not exist; expected a file, such as "
        "/…/modl.R"
    ),
    "dataset_loader_train: {language: r, script: model.R}": (
        "dataset_loader_train.function: is missing"
    ),
    "dataset_loader_train: {language: r, script: modl.R, function: f}": (
        "dataset_loader_train.script: script 'modl.R' does not exist; expected a file, such as "
        "/…/modl.R"
    ),
    "dataset_loader_train: {language: rust, script: model.R, function: f}": (
        "dataset_loader_train.language: unknown language 'rust'; expected one of python, r, julia, "
        "or adapter: {command: […]} for one of your own"
    ),
    # directives
    "store: {__copy__: stor}": (
        "store.__copy__: nothing is at 'stor' to copy, did you mean 'store'?; "
        "expected an earlier value, or __default__"
    ),
    "store: {url: {__env__: DB}}": (
        "store.url: the environment variable DB is not set; expected it, or __default__"
    ),
    "store: {url: {__evn__: DB}}": (
        "store.url.__evn__: unknown directive, did you mean '__env__'?"
    ),
    'store: {__python__: "1/0"}': (
        "store.__python__: ZeroDivisionError: division by zero; expected Python statements"
    ),
    "x-a: {__default__: 1}": (
        "x-a.__default__: a default without anything that could be missing; "
        "expected __copy__ or __env__ beside"
    ),
}  # fmt: skip


@pytest.mark.parametrize("line", ONE_LINE)
def test_one_fault(project: Project, line: str) -> None:
    """A faulty line is told with its file, its number, its key path and what was expected."""
    project.write("a.yaml", MINIMAL + line)

    assert [f"a.yaml:3: {ONE_LINE[line]}"] == project.faults("a.yaml")


# What stands for the model -> its fault.
MODELS = {
    "model: 5": (
        "model: found 5, an integer; expected language: r or julia with a script, "
        'or {"!": package.Name} for Python'
    ),
    "model: {script: model.R}": (
        "model: neither a language nor a factory is named; expected language: r or julia with a "
        'script, or {"!": package.Name} for Python'
    ),
    "model: {language: jula, script: model.R}": (
        "model.language: unknown language 'jula', did you mean 'julia'?"
    ),
    "model: {language: r}": "model.script: is missing",
    "model: {language: r, script: .}": (
        "model.script: script '.' is a folder; expected a file, such as /…"
    ),
    "model: {language: r, scrpt: model.R, script: model.R}": (
        "model.scrpt: unknown key 'scrpt', did you mean 'script'?"
    ),
    "model: {language: r, script: model.R, fit: ''}": (
        "model.fit: found ''; expected a string"
    ),
    "model: {language: r, script: model.R, params: [1]}": (
        "model.params: found a list; expected a map"
    ),
    "model: {language: r, script: model.R, params: {a: 2020-01-01}}": (
        "model.params.a: a date cannot travel to the adapter; expected strings, numbers, booleans, "
        "lists, and maps with strings as keys"
    ),
    "model: {language: r, script: model.R, params: {a: {1: 2}}}": (
        "model.params.a: a map whose keys are not all strings cannot travel to the adapter; "
        "expected strings, numbers, booleans, lists, and maps with strings as keys"
    ),
    "model: {language: r, script: model.R, params: {a: 9223372036854775808}}": (
        "model.params.a: 9223372036854775808, which has more than 64 bits cannot travel to the "
        "adapter; expected strings, numbers, booleans, lists, and maps with strings as keys"
    ),
    "model: {language: python, script: model.py}": (
        'model: a script is for R and Julia; expected {"!": module.Class}, '
        "the module beside the config"
    ),
    "model: {language: python}": "model.factory: is missing",
    "model: {language: python, factory: {a: 1}}": (
        'model.factory: no factory is named; expected the key "!"'
    ),
    'model: {"!": sklearn.tree.DecisionTreeClassifier, language: r}': (
        "model.language: a factory is always Python's; expected no language beside it"
    ),
    'model: {"!": sklearn.pipeline.Pipeline, steps: [[a, {"!": nowhere.B}]]}': (
        "model.steps[0][1].!: there is no module 'nowhere'"
    ),
    'model: {"!": collections.Counter, __factory__: collections.Counter}': (
        "model.__factory__: the same as '!', which is there too; expected one of them"
    ),
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_faulty_model(project: Project, model: str) -> None:
    """A model that cannot be fitted is told before anything runs."""
    project.write("a.yaml", f"service_metadata: {{service_name: a}}\n{model}\n")

    assert [f"a.yaml:2: {MODELS[model]}"] == [
        line.replace(str(project.folder), "/…") for line in project.faults("a.yaml")
    ]


METADATA = {
    "{}": "service_metadata.service_name: is missing",
    "{service_name: a b}": (
        "service_metadata.service_name: found 'a b'; expected up to 100 letters, digits, '.', "
        "'_', '-'"
    ),
    "{service_name: ../x}": (
        "service_metadata.service_name: found '../x'; expected up to 100 letters, digits, '.', "
        "'_', '-'"
    ),
    "{service_name: a, service_version: 0.1}": (
        "service_metadata.service_version: found 0.1, a float; expected a string (in quotes)"
    ),
}


@pytest.mark.parametrize("metadata", METADATA)
def test_faulty_metadata(project: Project, metadata: str) -> None:
    """A service's name must fit a URL, and its version be a string."""
    project.write(
        "a.yaml", f"service_metadata: {metadata}\nmodel: {{language: r, script: model.R}}"
    )

    assert [f"a.yaml:1: {METADATA[metadata]}"] == project.faults("a.yaml")


def test_all_faults_at_once(project: Project) -> None:
    """All faults of all files come at once, in the order of files and lines."""
    project.write("a.yaml", "service_metadata: {service_name: 5}\nscoring: 5\n")
    project.write("b.yaml", "\npredict_service:\n  replicas: 0\n  timeout: -1\n")

    assert [
        "a.yaml:1: service_metadata.service_name: found 5, an integer; "
        "expected a string (in quotes)",
        "a.yaml:1: model: is missing",
        "a.yaml:2: scoring: found 5, an integer; expected a string (in quotes)",
        "b.yaml:3: predict_service.replicas: found 0, an integer; "
        "expected an integer from 1 to 256",
        "b.yaml:4: predict_service.timeout: found -1, an integer; "
        "expected seconds, above 0 and up to 3600",
    ] == project.faults("a.yaml,b.yaml")


def test_empty_file(project: Project) -> None:
    """An empty config lacks what a config must have."""
    project.write("a.yaml", "# nothing yet\n")

    assert [
        "a.yaml:1: service_metadata: is missing",
        "a.yaml:1: model: is missing",
    ] == project.faults("a.yaml")


# A deep look at loader and model -> its fault.
DEEP = {
    'dataset_loader_train: {"!": runner.datasets.CVS, path: x.csv}': (
        "dataset_loader_train.!: runner.datasets has no CVS, did you mean 'CSV'?"
    ),
    'dataset_loader_train: {"!": runner.datasets.CSV, path: x.csv}': (
        "dataset_loader_train.path: 'x.csv' does not exist; expected a file, such as /…/x.csv"
    ),
    'dataset_loader_train: {"!": runner.datasets.CSV, path: model.R, seq: ","}': (
        "dataset_loader_train: runner.datasets.CSV: read_csv has no keyword 'seq', "
        "did you mean 'sep'?"
    ),
    'dataset_loader_train: {"!": collections.abc}': (
        "dataset_loader_train.!: collections.abc is a module, which cannot be called"
    ),
    'dataset_loader_train: {"!": runner.datasets.SQL, url: "sqlite://"}': (
        "dataset_loader_train.!: runner.datasets.SQL: missing a required argument: 'sql'"
    ),
    'dataset_loader_train: {"!": broken.Loader}': (
        "dataset_loader_train.!: broken cannot be imported: NameError: name 'oops' is not defined"
    ),
}


@pytest.mark.parametrize("line", DEEP)
def test_deep_faults(project: Project, line: str) -> None:
    """A deep look imports what is named, binds its arguments and looks for its files."""
    project.write("broken.py", "oops\n")
    project.write("a.yaml", MINIMAL + line)

    assert f"a.yaml:3: {DEEP[line]}" in project.faults("a.yaml", deep=True)


def test_deep_model_argument(project: Project) -> None:
    """A misspelt argument of an estimator is found without making one."""
    project.write(
        "a.yaml",
        "service_metadata: {service_name: a}\n"
        'model: {"!": sklearn.tree.DecisionTreeClassifier, max_dept: 3}\n',
    )

    assert [
        "a.yaml:2: model.!: sklearn.tree.DecisionTreeClassifier: "
        "got an unexpected keyword argument 'max_dept'"
    ] == project.faults("a.yaml", deep=True)


def test_a_second_try(project: Project) -> None:
    """Row "missing key": a config that failed fails again in the same way, and never is empty."""
    spec = project.write("c.yaml", "service_metadata: {service_name: iris}\n")

    first, second = project.faults(spec), project.faults(spec)

    assert first == second == ["c.yaml:1: model: is missing"]


def test_faults_of_every_kind_at_once(project: Project) -> None:
    """Directives, Palladium's names and all else are told together, each fault once.

    Row "missing key".
    """
    project.write(
        "config.py",
        """\
        {
        'service_metadata': {'service_name': 'iris'},
        'rows': {'first': 100},
        'dataset_loader_train': {'!': 'palladium.dataset.Tabel', 'path': 'iris.data'},
        'dataset_loader_test': {'__copy__': 'row.first'},
        'model': {'!': 'sklearn.tree.DecisionTreeClasifier'},
        'store': {'url': {'__env__': 'NOT_SET'}, 'artefacts': 'models'},
        'predict_service': {'mapping': [('a', 'flot')]},
        'predict_decorators': ['nowhere.deco'],
        'scorng': 'accuracy',
        }
        """,
    )
    assert [fault.split(";")[0] for fault in project.faults("config.py", deep=True)] == [
        "config.py:5: dataset_loader_test.__copy__: nothing is at 'row.first' to copy, "
        "did you mean 'rows'?",
        "config.py:7: store.url: the environment variable NOT_SET is not set",
        "config.py:4: dataset_loader_train.!: unknown name 'palladium.dataset.Tabel', "
        "did you mean 'palladium.dataset.Table'?",
        "config.py:6: model.!: sklearn.tree has no DecisionTreeClasifier, "
        "did you mean 'DecisionTreeClassifier'?",
        "config.py:7: store.artefacts: unknown key 'artefacts', did you mean 'artifacts'?",
        "config.py:8: predict_service.mapping[0][1]: unknown type 'flot', did you mean 'float'?",
        "config.py:9: predict_decorators[0]: there is no module 'nowhere'",
        "config.py:10: scorng: unknown key 'scorng', did you mean 'scoring'?",
    ]


def test_statements_after_a_fault(project: Project) -> None:
    """Statements that fail for want of a copy are not told: the copy is."""
    project.write(
        "config.py",
        "{'a': {'__copy__': 'nothing'}, '__python__': \"C['model'] = C['a']['b']\"}",
    )
    assert project.faults("config.py") == [
        "config.py:1: a.__copy__: nothing is at 'nothing' to copy; expected an earlier value, "
        "or __default__"
    ]
