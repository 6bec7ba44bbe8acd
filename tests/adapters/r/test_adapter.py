"""R in its process: console, artifacts, data that stay in R, packages (SPEC 2, 5)."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from pathlib import Path

import pytest

from contracts.errors import Code, Failure
from contracts.messages import Source
from contracts.table import Column, Type
from tests.adapters.driver import AdapterProcess, Client
from tests.adapters.r.conftest import SCRIPTS, columns, floats, heard, model
from tests.requirements import need

pytestmark = need("r")

X = columns(floats("a", 1.0, 2.0))
Y = floats("y", 1.0, 2.0)


def move(r: Client, process: AdapterProcess) -> Client:
    """Load what ``r`` persists into another process; gives a connection to that."""
    reply = r.persist()
    other = process.connect()
    sha256 = hashlib.sha256(reply.artifact).hexdigest()
    other.load(bytes(reply.artifact), reply.format, sha256)
    return other


def test_a_model_talks_to_the_log_only(own: AdapterProcess) -> None:
    """print, cat, message, warning and child processes end up on standard error (SPEC 2.3)."""
    with own.connect() as r:
        r.fit(model("console.R"), X, Y)
    for said in ("printed by", "written by", "messaged by", "warned by", "echoed by a child"):
        assert said in own.stderr
    assert own.hang_up() == 0
    assert own.process.stdout.read() == b""
    assert not (SCRIPTS / "Rplots.pdf").exists()


def test_a_model_hears_the_end_of_input(r: Client) -> None:
    """readline() and standard input give nothing, and none of the protocol's bytes."""
    r.fit(model("console.R"), X, Y)
    assert [0, 0] == r.predict(X).table.columns[0].tolist()


def test_an_interrupt_is_left_to_the_runner(own: AdapterProcess) -> None:
    """Ctrl-C reaches the whole terminal's group; the adapter works on."""
    with own.connect() as r:
        os.kill(own.process.pid, signal.SIGINT)
        r.fit(model("models.R", "constant"), X, Y)
        os.kill(own.process.pid, signal.SIGINT)
        assert [1.5, 1.5] == r.predict(X).table.columns[0].tolist()


def test_hello_names_r_and_the_packages_in_use(own: AdapterProcess) -> None:
    """A connection that is opened after a fit tells which packages the model has loaded."""
    with own.connect() as r:
        assert (r.hello.adapter, r.hello.language) == ("r", "R")
        assert "." in r.hello.language_version
        assert "rpart" not in r.hello.packages
        r.fit(model("models.R", "constant"), X, Y)
    with own.connect() as r:
        assert {"rpart", "rpy2"} <= set(r.hello.packages)
        assert "stats" not in r.hello.packages


def test_unicode_needs_no_locale(tmp_path: Path) -> None:
    """Under LC_ALL=C names, levels and R's own output are still Unicode."""
    env = os.environ | {"LC_ALL": "C"}
    with (
        AdapterProcess.python_module("adapters.r", tmp_path, env=env) as process,
        process.connect() as r,
    ):
        words = Column.of("größe", Type.CAT, ["小", "größer"], ["小", "größer"])
        r.fit(
            model("probe.R", params={"expression": "utf8ToInt(print(levels(x$größe))[1])"}),
            columns(words),
            Y,
        )
        assert [ord("小")] * 2 == r.predict(columns(words)).table.columns[0].tolist()
        assert "größer" in process.stderr


def test_the_folder_is_that_of_the_model(r: Client, tmp_path: Path) -> None:
    """Relative paths mean the model's folder, also after other scripts had their turn."""
    expected, look = str(SCRIPTS), "stop(getwd())"
    r.fit(model("probe.R"), X, Y)
    assert expected == heard(r.predict, X, expression=look)
    loader = tmp_path / "loader.R"
    loader.write_text("data <- function() list(x = data.frame(a = 1), y = 1)\nfit <- NULL")
    r.read(Source(str(loader), "data"))
    assert expected == heard(r.predict, X, expression=look)
    with pytest.raises(Failure):
        r.fit({"script": str(loader)}, X, Y)
    assert expected == heard(r.predict, X, expression=look)


def test_a_closure_keeps_working_in_another_process(r: Client, own: AdapterProcess) -> None:
    """Its environment, and the script's variables that it uses, travel along."""
    r.fit(model("models.R", "closure"), X, Y)
    expected = [-5.0, 5.0]
    assert expected == r.predict(X).table.columns[0].tolist()
    with move(r, own) as other:
        assert expected == other.predict(X).table.columns[0].tolist()


def test_a_version_stays_what_it_was(r: Client, own: AdapterProcess, tmp_path: Path) -> None:
    """A model loads from its artifact alone: scripts may have changed or be gone (SPEC 5.6)."""
    folder = tmp_path / "of the user"
    folder.mkdir()
    for name in ("sourcing.R", "helper.R", "nested.R"):
        shutil.copy(SCRIPTS / name, folder)
    r.fit({"script": str(folder / "sourcing.R")}, X, Y)
    expected = [5.0, 5.0]  # FACTOR * (mean(y) + 1)
    assert expected == r.predict(X).table.columns[0].tolist()
    (folder / "helper.R").write_text("stop('changed')")
    with move(r, own) as other:
        assert expected == other.predict(X).table.columns[0].tolist()
    shutil.rmtree(folder)
    with move(r, own) as other:
        assert expected == other.predict(X).table.columns[0].tolist()
        with move(other, own) as once_more:
            assert expected == once_more.predict(X).table.columns[0].tolist()


def test_packages_travel_with_the_model_by_name(r: Client, own: AdapterProcess) -> None:
    """A script that writes package::function() attaches nothing, and its model still predicts."""
    labels = Column.of("y", Type.CAT, ["u", "v"] * 4, ["u", "v"])
    features = columns(floats("a", 1, 2, 1, 2, 2, 1, 1, 2))
    r.fit(model("models.R", "multinomial"), features, labels)
    with move(r, own) as other:
        expected = r.predict(features, "predict_proba").table
        assert expected == other.predict(features, "predict_proba").table


def test_settings_travel_with_the_model(r: Client, own: AdapterProcess) -> None:
    """What predict is called, and its params, are those of the fit."""
    settings = {"predict": "forecast", "predict_params": {"add": 10}}
    r.fit(model("models.R", "named", **settings), X, Y)
    with move(r, own) as other:
        assert [11.5, 11.5] == other.predict(X).table.columns[0].tolist()


def test_bytes_that_r_did_not_serialize_fail_to_load(r: Client, own: AdapterProcess) -> None:
    """An artifact whose digest is right and whose content is not is `load_failed`, no crash."""
    r.fit(model("models.R", "constant"), X, Y)
    cut = bytes(r.persist().artifact)[:-40]
    with own.connect() as other, pytest.raises(Failure) as caught:
        other.load(cut, "r-serialize", hashlib.sha256(cut).hexdigest())
    assert caught.value.code == Code.LOAD_FAILED


@pytest.mark.parametrize("function", ["teeth", "unnamed"])
def test_a_fit_to_data_that_stay_in_r(r: Client, function: str) -> None:
    """A function of a script gives features and target; the reply describes them."""
    source = Source(str(SCRIPTS / "sources.R"), function)
    reply = r.fit_source(model("sources.R"), source)
    supp, dose = reply.features
    table = r.read(source).table
    assert (60, "regression") == (reply.rows, reply.task)
    assert ("supp", Type.CAT, ("OJ", "VC")) == (supp.name, supp.type, supp.levels)
    assert ("dose", Type.F64) == (dose.name, dose.type)
    assert reply.target_field.type == Type.F64
    assert [60] == r.predict(table.slice(0, 1)).table.columns[0].tolist()


def test_a_source_takes_params(r: Client) -> None:
    """They are the function's arguments; `target_column` tells a data.frame's target."""
    script = str(SCRIPTS / "sources.R")
    assert r.read(Source(script, "teeth", {"rows": 7})).table.rows == 7
    reply = r.read(Source(script, "frame", {"target_column": "len"}))
    assert (("supp", "dose"), "len") == (reply.table.names, reply.target.name)
    reply = r.read(Source(script, "told", {"target_column": "tooth"}))
    assert (("a", "b"), "tooth") == (reply.table.names, reply.target.name)


def test_predict_with_a_source_gives_its_target(r: Client) -> None:
    """The rows of a test set need not leave R but for the answer (SPEC 5.5)."""
    source = Source(str(SCRIPTS / "sources.R"), "teeth", {"rows": 3})
    r.fit_source(model("sources.R"), source)
    reply = r.predict_source(source)
    assert ([3] * 3, [4.2, 11.5, 7.3]) == (
        reply.table.columns[0].tolist(),
        reply.target.tolist(),
    )


def test_many_answers_do_not_wear_the_process_out(r: Client) -> None:
    """Reading R's vectors takes and gives back its references evenly, 20,000 times over."""
    r.fit(model("probe.R"), X, Y)
    for _ in range(5):
        wide = r.predict(X, expression="as.data.frame(matrix(1, nrow(newdata), 4000))").table
        assert (2, 4000) == (wide.rows, len(wide.columns))
    r.ping()
