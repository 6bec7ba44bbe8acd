"""Palladium's lists of decorators and its `logging`, in the processes that they are for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.config.decorators import LISTS
from tests.serving.project import Project, tricky
from tests.serving.server import Server, serving, until

WATCH = '''
"""Decorators that note each call; written as for Palladium, they suit whatever they are around."""
import functools, os
from pathlib import Path

import falcon

NOTES = Path(__file__).with_name("notes.txt")

def _watch(which):
    def decorator(function):
        @functools.wraps(function)
        def called(*args, **keywords):
            with NOTES.open("a") as notes:
                notes.write(f"{which} {len(args)} {' '.join(sorted(keywords))}\\n")
            return function(*args, **keywords)
        return called
    return decorator

for _name in (NAMES):
    globals()[_name] = _watch(_name)

def team(get_metadata):
    def called(**fields):
        return {**get_metadata(**fields), "team": "flowers"}
    return called

def guarded(handler):
    async def called(request, response, **route):
        if request.get_header("X-Key") == "wrong":
            raise falcon.HTTPForbidden(title="wrong key")
        response.set_header("X-Watched", "yes")
        await handler(request, response, **route)
    return called

def deaf(handler):
    return lambda *args, **keywords: "no answer"
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A service with every list there is, which has been fitted once."""
    made = tricky(tmp_path_factory.mktemp("watched"))
    (made.folder / "watch.py").write_text(WATCH.replace("(NAMES)", repr(LISTS)))
    loader = '{"!": palladium.dataset.ScheduledDatasetLoader, update_cache_rrule: {freq: HOURLY}'
    lists = {f"{which}_decorators": [f"watch.{which}"] for which in LISTS}
    lists["predict_decorators"].append("watch.guarded")
    lists["get_metadata_decorators"].append("watch.team")
    with made.config.open("a") as config:
        config.write("server: {actions: true}\nx-data: {__copy__: dataset_loader_test}\n")
        config.write(f"dataset_loader_train: {loader}, impl: {{__copy__: x-data}}}}\n")
        config.writelines(f"{name}: {json.dumps(names)}\n" for name, names in lists.items())
    text = made.config.read_text().splitlines(keepends=True)
    first = next(line for line in text if line.startswith("dataset_loader_train"))
    text.remove(first)  # the one that reads the file itself
    made.config.write_text("".join(text))
    made.fit("--evaluate")
    return made


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[Server]:
    with serving(project) as found:
        yield found


def _notes(project: Project) -> Counter[str]:
    lines = (project.folder / "notes.txt").read_text().splitlines()
    return Counter(line.split()[0] for line in lines)


def test_around_a_fit(project: Project) -> None:
    """Row "decorator lists": those of fits, loaders and of writing are called in `runner fit`."""
    notes = _notes(project)
    assert (notes["fit"], notes["write_model"]) == (1, 1)
    assert notes["load_data"] == 2  # for training, and for testing
    assert notes["update_data"] == 1
    lines = (project.folder / "notes.txt").read_text()
    assert "fit 0 activate evaluate persist persist_if_better_than\n" in lines


def test_around_requests(project: Project, server: Server) -> None:
    """Row "decorator lists": those of requests are called in the front-ends, each for its own."""
    before = _notes(project)
    assert before["read_model"] >= 1
    assert before["update_model"] >= 1
    status, body, headers = server.request("GET", "/predict?x=3")
    assert (status, body["result"], headers["x-watched"]) == (200, 6.0, "yes")
    assert body["metadata"]["team"] == "flowers"
    assert server.predict("tricks", x=4)[1]["result"] == 8.0
    assert server.get("/list")[0] == server.get("/services/tricks/list")[0] == 200
    assert server.get("/alive")[0] == 200
    assert server.request("POST", "/activate?model_version=1")[0] == 200
    assert server.request("POST", "/update-model-cache")[0] == 200
    status, told, _ = server.request("POST", "/fit?evaluate=true")
    assert status == 202
    until(lambda: server.get(f"/jobs/{told['job_id']}")[1]["state"] == "finished", 60)
    called = _notes(project) - before
    expected = {"predict": 2, "list": 2, "activate": 1, "update_model_cache": 1, "server_fit": 1}
    assert expected.items() <= called.items()
    assert called["alive"] >= 1
    assert called["fit"] == 1  # the job's
    assert called["get_metadata"] == 2


def test_a_decorator_that_refuses(project: Project, server: Server) -> None:
    """A decorator refuses with Falcon's errors: one shape, and a record as for any prediction."""
    status, body, _ = server.request("GET", "/predict?x=3", None, **{"X-Key": "wrong"})
    assert status == 403
    assert body["metadata"]["status"] == "ERROR"
    assert body["metadata"]["team"] == "flowers"
    records = (project.folder / "runner-audit.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in records if body["metadata"]["request_id"] in line]
    assert [each["http.response.status_code"] for each in found] == [403]


def test_a_failure_has_the_metadata(server: Server) -> None:
    """Row "decorator lists": get_metadata is around what failures say, as in Palladium."""
    status, body, _ = server.request("GET", "/predict?x=many")
    assert status == 422
    assert body["metadata"]["team"] == "flowers"


def test_a_decorator_that_never_asks(tmp_path: Path) -> None:
    """A decorator that answers nothing that could be awaited is a 500, and the log names it."""
    made = tricky(tmp_path / "deaf")
    made.fit()
    (made.folder / "watch_deaf.py").write_text(WATCH.replace("(NAMES)", "()"))
    with made.config.open("a") as config:
        config.write("predict_decorators: [watch_deaf.deaf]\n")
    with serving(made, RUNNER_LOG="json") as server:
        assert server.get("/predict", x=3)[0] == 500
        told = [event["reason"] for event in server.events if event["event"] == "request failed"]
    assert told == [
        "predict_decorators: gave a str, expected what awaits the function that was decorated"
    ]


def test_a_misspelt_name_ends_the_start(tmp_path: Path) -> None:
    """Row "decorator lists": a misspelt name fails when the server starts, not at a call."""
    made = tricky(tmp_path / "misspelt")
    (made.folder / "watch_it.py").write_text(WATCH.replace("(NAMES)", "()"))
    with made.config.open("a") as config:
        config.write("alive_decorators: [watch_it.gaurded]\n")
    done = made.run("serve", "--port", "0")
    assert done.code == 2
    assert "alive_decorators: watch_it has no gaurded, did you mean 'guarded'?" in done.stderr


def test_reload(tmp_path: Path) -> None:
    """Row "serve": with --reload a config or a module that is changed is read again."""
    made = tricky(tmp_path / "again")
    made.fit()
    module = made.folder / "watch_again.py"
    module.write_text(WATCH.replace("(NAMES)", "()"))
    with made.config.open("a") as config:
        config.write("get_metadata_decorators: [watch_again.team]\n")

    def team() -> str:
        return str(server.get("/predict", x=3)[1]["metadata"].get("team"))

    with serving(made, options=("--reload",)) as server:
        assert team() == "flowers"
        module.write_text(module.read_text().replace("flowers", "trees"))
        until(lambda: team() == "trees", 60)
        made.config.write_text(made.config.read_text().replace("get_metadata_", "x-"))
        until(lambda: team() == "None", 60)


LOGGING = """\
logging:
  version: 1
  formatters: {plain: {format: "%(levelname)s %(name)s %(message)s"}}
  handlers:
    file: {class: logging.FileHandler, filename: all.log, formatter: plain}
    screen: {class: logging.StreamHandler, formatter: plain}
  loggers: {palladium: {level: DEBUG, handlers: [file], propagate: false}}
  root: {level: INFO, handlers: [file, screen]}
predict_decorators: [telling.telling]
"""
TELLING = """
import functools, logging

class Model:
    def fit(self, X, y):
        logging.getLogger("my.model").info("the model is fitted")
        return self

    def predict(self, X):
        logging.getLogger("my.model").info("the model predicts")
        return X[:, 0]

def telling(function):
    def called(*args, **keywords):
        logging.getLogger("my.decorator").info("somebody asks")
        return function(*args, **keywords)
    return called
"""


def test_logging(tmp_path: Path) -> None:
    """Row "logging": a dictConfig sets up the log of users' code, and gets our messages, too."""
    made = tricky(tmp_path / "logged")
    (made.folder / "telling.py").write_text(TELLING)
    text = made.config.read_text().replace("tricks.Tricky, factor: 2.0", "telling.Model")
    made.config.write_text(text + LOGGING)
    done = made.run("fit")
    assert done.code == 0, done.stderr
    log = made.folder / "all.log"
    fitted = log.read_text()
    assert "INFO my.model the model is fitted\n" in fitted
    assert "INFO runner Wrote model with version 1, now active.\n" in fitted
    assert "INFO runner Fitting model… done in" in fitted
    assert done.stderr.count("Fitting model… done in") == 1  # not once more by `screen`
    with serving(made, RUNNER_LOG="json") as server:
        assert server.get("/predict", x=3)[0] == 200
        for told in (
            "INFO my.decorator somebody asks\n",
            "INFO my.model the model predicts\n",
            "INFO runner.workers version serves",
        ):
            until(lambda told=told: told in log.read_text()[len(fitted) :], what=told)
        assert any(event["event"] == "serving" for event in server.events)
        assert "INFO my.decorator somebody asks" in server.log.read_text()


def test_logging_that_cannot_be(tmp_path: Path) -> None:
    """What only carrying it out can find is told by its key: here a folder that is not there."""
    made = tricky(tmp_path / "nowhere")
    with made.config.open("a") as config:
        config.write(LOGGING.replace("all.log", "no/such/folder.log").rsplit("predict_", 1)[0])
    done = made.run("fit")
    assert done.code == 2
    assert "logging: Unable to configure handler 'file'" in done.stderr
    assert "No such file or directory" in done.stderr
