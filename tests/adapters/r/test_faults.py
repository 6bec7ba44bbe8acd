"""What goes wrong in a script is told in R's words, with the script's own lines (SPEC 7)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contracts.errors import Code, Failure
from contracts.messages import ErrorReply, Predict, Source
from tests.adapters.driver import AdapterProcess, Client
from tests.adapters.r.conftest import SCRIPTS, columns, floats, model
from tests.requirements import need

pytestmark = need("r")

X = columns(floats("a", 1.0, 2.0))
Y = floats("y", 1.0, 2.0)


def refusal(r: Client, script: str, fit: str = "fit", **settings: object) -> Failure:
    """Give the error of a fit."""
    with pytest.raises(Failure) as caught:
        r.fit(model(script, fit, **settings), X, Y)
    return caught.value


def test_a_stop_is_told_with_its_line_and_calls(r: Client) -> None:
    """Message, place and the user's calls come back, none of the adapter's."""
    found = refusal(r, "faults.R", "stops")
    expected = [
        "Error in inner(x): too many teeth",
        '3: stop("too many teeth") at faults.R:5',
        "2: inner(x) at faults.R:10",
        "1: stops(x, y)",
    ]
    assert (Code.FIT_FAILED, "too many teeth (faults.R:5)") == (found.code, found.message)
    assert expected == found.traceback.splitlines()


def test_an_error_of_a_builtin_has_its_line_too(r: Client) -> None:
    """Functions without a frame of their own leave the line of the statement at work."""
    found = refusal(r, "faults.R", "builtin")
    assert found.message == "invalid 'type' (character) of argument (faults.R:15)"


def test_an_endless_recursion_is_an_error(r: Client) -> None:
    """R's limits end it, the process lives on, and the traceback stays readable."""
    found = refusal(r, "faults.R", "endless")
    assert found.code == Code.FIT_FAILED
    assert "infinite recursion" in found.message or "C stack usage" in found.message
    assert len(found.traceback.splitlines()) < 50
    r.ping()


@pytest.mark.parametrize(
    ("script", "fit", "message"),
    [
        ("broken.R", "fit", "broken.R:2:6: unexpected '*'"),
        ("toplevel.R", "fit", "there is no package called ‘nosuchpackage’ (toplevel.R:2)"),
        ("absent.R", "fit", "absent.R is not there"),
        ("sourcing.R", "missing", "function missing is not in"),
        ("sourcing.R", "mean", "function mean is not in"),
        ("sourcing.R", "missing", "which has fit, help_with, offset_by, predict.helped"),
        ("sourcing.R", "FACTOR", "function FACTOR is not in"),
    ],
)
def test_a_script_that_cannot_be_used_is_a_bad_model(
    r: Client, script: str, fit: str, message: str
) -> None:
    """It says which file, line and column, or which functions there are."""
    found = refusal(r, script, fit)
    assert found.code == Code.BAD_MODEL
    assert message in found.message.replace("'nosuchpackage'", "‘nosuchpackage’")


@pytest.mark.parametrize("setting", ["predict", "predict_proba"])
def test_a_predict_that_is_not_there_fails_the_fit(r: Client, setting: str) -> None:
    """A misspelt name shows before anything is stored."""
    if setting == "predict_proba":
        script = model("models.R", "constant", **{setting: "nowhere"})
        target = columns(floats("y", 1.0, 2.0)).columns[0]
        assert r.fit(script, X, target).task == "regression"
        return
    found = refusal(r, "models.R", "constant", **{setting: "nowhere"})
    assert (Code.BAD_MODEL, True) == (found.code, "function nowhere is not in" in found.message)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"script": None}, "model setting 'script' is None, expected a str"),
        ({"params": [1]}, "model setting 'params' is [1], expected a dict"),
        ({"fit": 1}, "model setting 'fit' is 1, expected a str"),
    ],
)
def test_a_mistyped_setting_is_a_bad_model(
    r: Client, settings: dict[str, object], message: str
) -> None:
    """The setting and what it should be are named."""
    with pytest.raises(Failure) as caught:
        r.fit(model("probe.R") | settings, X, Y)
    assert (Code.BAD_MODEL, message) == (caught.value.code, caught.value.message)


def test_a_failed_fit_leaves_the_former_model(r: Client) -> None:
    """The old model answers until a new one is there (SPEC 5.4)."""
    r.fit(model("models.R", "constant"), X, Y)
    refusal(r, "faults.R", "stops")
    assert [1.5, 1.5] == r.predict(X).table.columns[0].tolist()


def test_bad_rows_fail_nobody_elses_request(r: Client) -> None:
    """Of requests that were answered jointly only the one at fault hears of it (SPEC 3.5)."""
    r.fit(model("faults.R", "fails_to_predict"), X, Y)
    asked = (3.0, -1.0, 4.0)
    r.send(*(Predict(at, columns(floats("a", number))) for at, number in enumerate(asked)))
    replies = {reply.id: reply for reply in (r.receive() for _ in asked)}
    failed = replies.pop(1)
    assert isinstance(failed, ErrorReply)
    assert (failed.code, failed.message) == (Code.PREDICT_FAILED, "a is negative (faults.R:22)")
    assert "predict.mute(model, newdata)" in failed.traceback
    assert {0: [3.0], 2: [4.0]} == {
        at: reply.table.columns[0].tolist() for at, reply in replies.items()
    }


def test_what_a_script_catches_is_no_error(r: Client) -> None:
    """tryCatch() and try() of the script come before ours."""
    r.fit(model("faults.R", "catches"), X, Y)
    assert [1.0, 2.0] == r.predict(X).table.columns[0].tolist()


@pytest.mark.parametrize(
    ("function", "code", "message"),
    [
        ("fails", Code.READ_FAILED, "no connection (sources.R:31)"),
        ("bare", Code.READ_FAILED, "bare() gave a integer, expected list(x = , y = ) or a data"),
        ("frame", Code.READ_FAILED, "name its target with the param target_column"),
        ("uneven", Code.READ_FAILED, "uneven() gave 3 rows of features and 2 values of the target"),
        ("complex_numbers", Code.BAD_RESULT, "column 'z': values of class complex cannot travel"),
        ("nowhere", Code.BAD_MODEL, "function nowhere is not in"),
    ],
)
def test_data_that_cannot_be_read(r: Client, function: str, code: Code, message: str) -> None:
    """A loader's own error, or a shape that is no features and target."""
    with pytest.raises(Failure) as caught:
        r.read(Source(str(SCRIPTS / "sources.R"), function))
    assert code == caught.value.code
    assert message in caught.value.message


def test_a_script_that_is_no_text_is_a_bad_model(r: Client, tmp_path: Path) -> None:
    """A file in another encoding than UTF-8 is refused, not guessed at."""
    script = tmp_path / "latin.R"
    script.write_bytes("fit <- function(x, y) 'grün'".encode("latin-1"))
    with pytest.raises(Failure, match="cannot be read") as caught:
        r.fit({"script": str(script)}, X, Y)
    assert caught.value.code == Code.BAD_MODEL


def test_quit_ends_the_process(own: AdapterProcess) -> None:
    """quit() in a model is a crash to the runner, and no answer (SPEC 2.5)."""
    with own.connect() as r:
        r.fit(model("console.R"), X, Y)
        with pytest.raises(EOFError):
            r.predict(X, leave=True)
        assert own.wait() == 0


def test_without_r_one_line_says_so(tmp_path: Path) -> None:
    """The command ends with exit code 5, and says what is missing."""
    env = {name: value for name, value in os.environ.items() if name != "R_HOME"}
    env["PATH"] = str(tmp_path)
    with AdapterProcess.python_module("adapters.r", tmp_path, env=env) as process:
        assert 5 == process.wait()
        assert "R is not here: no R on PATH, and R_HOME is not set\n" == process.stderr


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("rep('a', nrow(newdata))", "predict gave 1 column (str), expected numbers"),
        ("data.frame(a = 1, b = 'b')[rep(1, nrow(newdata)), ]",
         "predict gave 2 columns (f64, str), expected numbers"),
        ("I(rep('a', nrow(newdata)))", "predict gave 1 column (str), expected numbers"),
    ],
)  # fmt: skip
def test_numbers_are_not_predicted_by_anything_else(
    r: Client, expression: str, message: str
) -> None:
    """A target of numbers has predictions of numbers, whatever params make the model answer."""
    r.fit(model("probe.R"), X, Y)
    with pytest.raises(Failure) as caught:
        r.predict(X, expression=expression)
    assert (Code.BAD_RESULT, message) == (caught.value.code, caught.value.message)


def test_a_model_must_answer_each_row(r: Client) -> None:
    """A predict that gives one value whatever it is asked is refused at the fit."""
    with pytest.raises(Failure, match="predict gave 1 row for 2") as caught:
        r.fit(model("models.R", "named", predict="first_only"), X, Y)
    assert Code.BAD_RESULT == caught.value.code


def test_a_traceback_is_without_rs_own_machinery(r: Client) -> None:
    """Of tryCatch() the user's call is shown, not what it is made of."""
    r.fit(model("probe.R"), X, Y)
    with pytest.raises(Failure) as caught:
        r.predict(X, expression="tryCatch(stop('deep'), warning = identity)")
    assert "tryCatch(" in caught.value.traceback
    assert "doTryCatch" not in caught.value.traceback
    assert "tryCatchList" not in caught.value.traceback


def test_a_source_without_rows_leaves_no_model(r: Client) -> None:
    """A fit to 0 rows of a source is bad_table, and nothing is held that could answer for it."""
    with pytest.raises(Failure, match="0 rows") as caught:
        r.fit_source(model("sources.R", "anything"), Source(str(SCRIPTS / "sources.R"), "nothing"))
    assert caught.value.code is Code.BAD_TABLE
    with pytest.raises(Failure) as caught:
        r.predict(X)
    assert caught.value.code is Code.NO_MODEL
