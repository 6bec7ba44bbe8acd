"""Drive the Julia adapter's command, with real models in Julia."""

from __future__ import annotations

import csv
import hashlib
import math
import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.errors import Code, ContractError
from contracts.messages import Predict, Source, encode_request
from contracts.table import Column, Columns, Matrix, Type, pack_floats
from contracts.wire import frame, unpack
from tests.adapters.driver import AdapterProcess, Client
from tests.requirements import need

pytestmark = need("julia")

SCRIPTS = Path(__file__).parent / "fixtures/julia"
IRIS = Path(__file__).parents[2] / "examples/iris-julia"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdapterProcess]:
    """Run one adapter for all tests that leave it alive."""
    with AdapterProcess.python_module("adapters.julia", tmp_path_factory.mktemp("julia")) as worker:
        yield worker


@pytest.fixture
def client(worker: AdapterProcess) -> Iterator[Client]:
    """Connect to it."""
    with worker.connect() as client:
        yield client


def model(script: str, **settings: Any) -> dict[str, Any]:
    """Give the settings of a fixture's model."""
    return {"language": "julia", "script": str(SCRIPTS / script), **settings}


def numbers(*columns: list[float]) -> Columns:
    """Make a table of f64 columns a, b, …"""
    named = zip("abcdefgh", columns, strict=False)
    return Columns(len(columns[0]), tuple(Column.of(n, Type.F64, c) for n, c in named))


def matrix(*rows: list[float]) -> Matrix:
    """Make a matrix of columns a, b, …"""
    names = tuple("abcdefgh"[: len(rows[0])])
    return pack_floats(len(rows), names, [number for row in rows for number in row])


def y(*values: float) -> Column:
    """Make a target of a regression."""
    return Column.of("y", Type.F64, values)


def kinds(*labels: str | None, levels: str = "pqr") -> Column:
    """Make a cat target."""
    return Column.of("kind", Type.CAT, labels, tuple(levels))


def failure(code: Code, ask: Any, *arguments: Any, **options: Any) -> ContractError:
    """Give what a request is refused with, having checked its code."""
    with pytest.raises(ContractError) as caught:
        ask(*arguments, **options)
    assert caught.value.code is code, caught.value.message
    return caught.value


def restore(client: Client, reply: Any) -> None:
    """Load what persist gave."""
    raw = bytes(reply.artifact)
    client.load(raw, reply.format, hashlib.sha256(raw).hexdigest())


EVERY_TYPE = Columns(
    3,
    (
        Column.of("sepal length", Type.F64, [1.5, math.inf, None]),
        Column.of("größe α", Type.I64, [2**62, None, -3]),
        Column.of("flag", Type.BOOL, [True, False, None]),
        Column.of("text", Type.STR, ["a\n$x \\", "", "süß 🌷"]),
        Column.of("kind", Type.CAT, ["b", None, "a"], ["b", "unused", "a"]),
        Column.of("day", Type.DATE, [date(1969, 12, 31), date(2024, 2, 29), date(9999, 1, 1)]),
        Column.of(
            "time",
            Type.DATETIME,
            [datetime(1969, 12, 31, 23, 59, 59, 999000), None, datetime(2024, 1, 1)],
        ),
    ),
)


class TestExample:
    """The example of iris, which users read first."""

    def test_it_classifies_what_it_has_not_seen(self, client: Client) -> None:
        """Fitted to 100 flowers the example names at least 48 of the other 50."""
        table, species = read_iris()
        settings = {
            "language": "julia",
            "script": str(IRIS / "model.jl"),
            "params": {"penalty": 0.1},
        }
        reply = client.fit(settings, table.slice(0, 100), species.slice(0, 100))
        assert reply.task == "classification"
        found = client.predict(table.slice(100, 150)).table.columns[0]
        assert (found.name, found.levels) == ("species", species.levels)
        rest = species.slice(100, 150).tolist()
        assert sum(a == b for a, b in zip(found.tolist(), rest, strict=True)) >= 48

    def test_its_probabilities_are_named_and_sum_to_one(self, client: Client) -> None:
        """predict_proba gives a column for each level, each row summing to 1."""
        table, species = read_iris()
        client.fit({"script": str(IRIS / "model.jl")}, table, species)
        shares = client.predict(table, "predict_proba").table
        assert shares.names == species.levels
        sums = np.frombuffer(shares.values).reshape(150, 3).sum(axis=1)
        assert np.abs(sums - 1).max() < 1e-12

    def test_a_bad_param_is_refused_by_the_model(self, client: Client) -> None:
        """What fit throws comes back with its message and the script's line."""
        table, species = read_iris()
        settings = {"script": str(IRIS / "model.jl"), "params": {"penalty": 0}}
        caught = failure(Code.FIT_FAILED, client.fit, settings, table, species)
        assert caught.message.startswith("model.jl:")
        assert "penalty is 0, must be greater than 0" in caught.message


class TestWhatModelsSee:
    """SPEC 6 in Julia's types."""

    def test_numbers_are_a_matrix_of_features_by_samples(self, client: Client) -> None:
        """f64, i64 and bool without missing values make one Matrix{Float64}."""
        table = Columns(
            2,
            (
                Column.of("f", Type.F64, [0.5, 1.5]),
                Column.of("i", Type.I64, [10, -20]),
                Column.of("b", Type.BOOL, [True, False]),
            ),
        )
        client.fit(model("mirror.jl"), table, y(1, 2))
        assert client.predict(table).table.columns[0].tolist() == [11.5, -18.5]
        told = client.predict(table, tell="fitted").table.columns[0].tolist()
        assert told == ["2 × Float64", "2 × Float64"]

    def test_a_matrix_and_columns_give_the_same(self, client: Client) -> None:
        """Requests may come in either shape."""
        client.fit(model("mirror.jl"), numbers([1, 2], [3, 4]), y(1, 2))
        by_row = client.predict(matrix([1.5, 3], [2, 4.25])).table
        by_column = client.predict(numbers([1.5, 2], [3, 4.25])).table
        assert by_row == by_column
        assert by_row.columns[0].tolist() == [4.5, 6.25]

    def test_every_type_goes_there_and_back(self, client: Client) -> None:
        """Names, values, missing ones and infinities of all types survive; cat comes as text."""
        client.fit(model("mirror.jl"), EVERY_TYPE, y(1, 2, 3))
        found = client.predict(EVERY_TYPE).table
        assert found.names == EVERY_TYPE.names
        assert [c.tolist() for c in found.columns] == [c.tolist() for c in EVERY_TYPE.columns]
        types = [c.type for c in EVERY_TYPE.columns]
        types[4] = Type.STR
        assert [c.type for c in found.columns] == types

    def test_missing_is_not_nan(self, client: Client) -> None:
        """A NaN reaches Julia as NaN, a missing value as missing, and both come back (SPEC 6.6)."""
        table = numbers([math.nan, None, 1.0])
        client.fit(model("mirror.jl"), table, y(1, 2, 3))
        nan, missing, one = client.predict(table).table.columns[0].tolist()
        assert (math.isnan(nan), missing, one) == (True, None, 1.0)

    def test_columns_keep_the_type_of_the_fit(self, client: Client) -> None:
        """A column with missing values at the fit is a Union, whether a request has some or not."""
        client.fit(model("mirror.jl"), numbers([1, 3], [1, None]), y(1, 2))
        fitted = client.predict(matrix([1, 2]), tell="fitted").table.columns[0].tolist()
        seen = client.predict(matrix([1, 2]), tell="type").table.columns[0].tolist()
        assert fitted == seen == ["a: Float64; b: Union{Missing, Float64}"]

    def test_numbers_take_the_type_of_the_fit(self, client: Client) -> None:
        """Integers may come as floats, if they are integers."""
        text = Column.of("t", Type.STR, ["x"])
        client.fit(model("mirror.jl"), Columns(1, (Column.of("i", Type.I64, [7]), text)), y(1))
        whole = client.predict(Columns(1, (Column.of("i", Type.F64, [8.0]), text))).table
        assert (whole.columns[0].type, whole.columns[0].tolist()) == (Type.I64, [8])
        half = Columns(1, (Column.of("i", Type.F64, [8.5]), text))
        caught = failure(Code.UNREPRESENTABLE, client.predict, half)
        assert caught.message == (
            "column 'i': 8.5 in row 0 is no i64, which the model was fitted with"
        )

    def test_a_missing_value_for_a_matrix_is_refused(self, client: Client) -> None:
        """A model of a matrix cannot be given missing values: the column is named."""
        client.fit(model("mirror.jl"), numbers([1, 2], [3, 4]), y(1, 2))
        caught = failure(Code.BAD_TABLE, client.predict, numbers([1, 2], [3, None]))
        assert caught.message.startswith("column 'b': row 1 is missing")

    def test_an_integer_beyond_a_matrix_is_refused(self, client: Client) -> None:
        """2^53 + 1 is not rounded into a Float64 (SPEC 6.9)."""
        table = Columns(2, (Column.of("i", Type.I64, [2**53, 2**53 + 1]),))
        caught = failure(Code.UNREPRESENTABLE, client.fit, model("mirror.jl"), table, y(1, 2))
        assert "'i'" in caught.message.replace('"', "'")
        assert "9007199254740993 in row 1" in caught.message

    def test_microseconds_are_refused(self, client: Client) -> None:
        """Julia's DateTime has milliseconds: finer ones are not rounded (SPEC 6.9)."""
        times = [datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1)]
        table = Columns(2, (Column.of("t", Type.DATETIME, times),))
        caught = failure(Code.UNREPRESENTABLE, client.fit, model("mirror.jl"), table, y(1, 2))
        assert "in row 1" in caught.message

    @pytest.mark.parametrize(
        ("target", "told"),
        [
            (y(1.5, 2), "1 × Float64"),
            (Column.of("y", Type.I64, [1, 2]), "1 × Int64"),
            (y(1.5, None), "1 × Union{Missing, Float64}"),
        ],
        ids=["f64", "i64", "missing"],
    )
    def test_targets(self, client: Client, target: Column, told: str) -> None:
        """y is a vector of the target's type."""
        client.fit(model("mirror.jl"), numbers([1, 2]), target)
        found = client.predict(matrix([1]), tell="y").table.columns[0].tolist()
        assert found == [told]

    def test_params_reach_fit_as_they_are(self, client: Client) -> None:
        """Numbers, texts, lists, maps and nothing become Julia's, without interpolation."""
        params = {
            "a": 1, "b": -2.5, "c": 'x $(exit(1)) "\\', "d": True, "e": None, "f": [1, 2.5],
            "g": ["u", "ü"], "h": {"k": [1]}, "i": 2**40, "j": [], "l": -(2**40), "m": "t" * 300,
        }  # fmt: skip
        client.fit(model("mirror.jl", params=params), numbers([1, 2]), y(1, 2))
        (told,) = client.predict(matrix([1]), tell="params").table.columns[0].tolist()
        assert told.split("; ") == [
            "a=1", "b=-2.5", r'c="x \$(exit(1)) \"\\"', "d=true", "e=nothing", "f=[1.0, 2.5]",
            'g=["u", "ü"]', 'h=Dict{String,Any}("k" => [1])', "i=1099511627776", "j=Any[]",
            "l=-1099511627776", f'm="{"t" * 300}"',
        ]  # fmt: skip

    def test_params_of_predictions(self, client: Client) -> None:
        """predict_params go with each prediction, and a request's own come before them."""
        client.fit(model("mirror.jl", predict_params={"tell": "y"}), numbers([1, 2]), y(1, 2))
        assert client.predict(matrix([1])).table.columns[0].tolist() == ["1 × Float64"]
        assert client.predict(matrix([1]), tell="X").table.columns[0].tolist() == [1.0]


class TestKeptData:
    """What lies in Python's memory, and for how long."""

    def test_a_model_may_keep_what_it_was_fitted_with(self, client: Client) -> None:
        """X and y of the fit are Julia's own: they outlive the request, and collections."""
        table = numbers([0, 10, 20], [0, 10, 20])
        client.fit(model("nearest.jl"), table, kinds("p", "q", "r"))
        for _ in range(20):
            client.ping()
            found = client.predict(matrix([1, 1], [19, 19], [11, 9])).table.columns[0]
            assert found.tolist() == ["p", "r", "q"]

    def test_changing_x_in_predict_does_no_harm(self, client: Client) -> None:
        """A predict that writes into X, as careless ones do, changes nobody's data."""
        client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
        asked = matrix([1, 2], [3, 4])
        assert client.predict(asked, fault="change").table.columns[0].tolist() == [-1, -1]
        reply = client.persist()
        restore(client, reply)
        assert client.persist().artifact == reply.artifact

    def test_a_hundred_thousand_rows_by_attachment(
        self, client: Client, worker: AdapterProcess
    ) -> None:
        """Large tables go over beside the frame, in both directions."""
        rows = np.arange(400_000, dtype=float).reshape(100_000, 4)
        client.fit(model("mirror.jl"), numbers([1], [2], [3], [4]), y(1))
        found = by_attachment(client, worker, rows)
        assert np.array_equal(found, rows.sum(axis=1))

    def test_changing_large_x_in_predict(self, client: Client, worker: AdapterProcess) -> None:
        """Data too large to be copied may be written to as well."""
        rows = np.ones((100_000, 4))
        client.fit(model("faults.jl"), numbers([1], [2], [3], [4]), y(1))
        assert by_attachment(client, worker, rows, fault="change").tolist() == [-1.0] * 100_000

    def test_thousands_of_columns(self, client: Client) -> None:
        """A wide table costs no minutes of compilation, as NamedTuple's constructor would."""
        columns = tuple(Column.of(f"c{n}", Type.STR, [str(n)]) for n in range(4096))
        client.fit(
            model("nearest.jl", fit="first_feature", predict="same"), Columns(1, columns), y(1)
        )
        assert client.predict(Columns(1, columns)).table.columns[0].tolist() == ["0"]

    def test_no_rows(self, client: Client) -> None:
        """A prediction for nobody is empty."""
        client.fit(model("mirror.jl"), numbers([1, 2], [3, 4]), y(1, 2))
        assert client.predict(Matrix(0, ("a", "b"), b"")).table.rows == 0
        client.fit(model("shares.jl"), numbers([0, 1], [0, 1]), kinds("p", "q"))
        assert client.predict(Matrix(0, ("a", "b"), b"")).table.columns[0].levels == tuple("pqr")
        shares = client.predict(Matrix(0, ("a", "b"), b""), "predict_proba").table
        assert (shares.rows, shares.names) == (0, tuple("pqr"))


class TestResults:
    """What models may give, and what they are told otherwise."""

    @pytest.mark.parametrize("form", ["String", "Symbol", "probabilities"])
    def test_labels(self, client: Client, form: str) -> None:
        """Strings, Symbols and probabilities name levels of the target."""
        client.fit(model("labels.jl"), numbers([0, 1]), kinds("q", "p", levels="qrp"))
        found = client.predict(matrix([0], [1], [0]), form=form).table.columns[0]
        assert (found.levels, found.tolist()) == (tuple("qrp"), ["p", "q", "p"])

    def test_a_missing_label(self, client: Client) -> None:
        """A model may say that it does not know."""
        client.fit(model("labels.jl"), numbers([0, 1]), kinds("q", "p"))
        found = client.predict(matrix([0], [1]), form="missing").table.columns[0]
        assert found.tolist() == [None, "q"]

    @pytest.mark.parametrize(
        ("target", "told"),
        [
            (Column.of("y", Type.STR, ["no", "yes"]), ["no", "yes"]),
            (Column.of("y", Type.BOOL, [False, True]), [False, True]),
        ],
    )
    def test_labels_of_other_types(self, client: Client, target: Column, told: list[Any]) -> None:
        """str and bool are labels, too, and answered as such."""
        assert client.fit(model("labels.jl"), numbers([0, 1]), target).task == "classification"
        found = client.predict(matrix([0], [1])).table.columns[0]
        assert (found.type, found.tolist()) == (target.type, told)

    def test_integer_labels_with_probabilities(self, client: Client) -> None:
        """predict_proba makes a classification of integers."""
        target = Column.of("y", Type.I64, [30, 4])
        assert client.fit(model("shares.jl"), numbers([0, 1]), target).task == "classification"
        found = client.predict(matrix([0], [1])).table.columns[0]
        assert (found.type, found.tolist()) == (Type.I64, [4, 30])
        assert client.predict(matrix([0]), "predict_proba").table.names == ("4", "30")

    def test_an_unknown_label_is_refused(self, client: Client) -> None:
        """The label is named, and those that there are."""
        client.fit(model("labels.jl"), numbers([0, 1]), kinds("q", "p"))
        caught = failure(Code.BAD_RESULT, client.predict, matrix([0]), form="unknown")
        assert caught.message == (
            'predict gave "weed" for row 0, which is none of the labels p, q, r'
        )

    @pytest.mark.parametrize("form", ["matrix", "adjoint", "Dict", "NamedTuple"])
    def test_probabilities(self, client: Client, form: str) -> None:
        """Rows follow the sorted labels; the answer follows the levels, absent ones at 0."""
        client.fit(model("shares.jl"), numbers([0, 1]), kinds("q", "p", levels="qrp"))
        shares = client.predict(matrix([0], [1]), "predict_proba", form=form).table
        assert shares.names == tuple("qrp")
        assert shares.values == matrix([0.2, 0, 0.8], [0.8, 0, 0.2]).values
        assert client.predict(matrix([0], [1]), form=form).table.columns[0].tolist() == ["p", "q"]

    @pytest.mark.parametrize(
        ("form", "told"),
        [
            ("samples × labels", "a 3 × 2 array of Float64"),
            ("other labels", "a Dict of x"),
            ("number", "a Float64"),
        ],
    )
    def test_no_probabilities(self, client: Client, form: str, told: str) -> None:
        """Nothing is transposed or guessed: the message says what was expected."""
        client.fit(model("shares.jl"), numbers([0, 1]), kinds("q", "p"))
        asked = matrix([0], [1], [1])
        caught = failure(Code.BAD_RESULT, client.predict, asked, "predict_proba", form=form)
        assert caught.message == (
            f"predict_proba gave {told}, expected a 2 × 3 matrix: a row for each of the labels "
            "p, q, a column for each sample"
        )

    def test_no_predict_proba(self, client: Client) -> None:
        """A regression has none, and neither has a classifier that gives labels."""
        client.fit(model("mirror.jl"), numbers([1, 2]), y(1, 2))
        failure(Code.UNSUPPORTED, client.predict, matrix([1]), "predict_proba")
        client.fit(model("nearest.jl"), numbers([1, 2]), kinds("q", "p"))
        caught = failure(Code.UNSUPPORTED, client.predict, matrix([1]), "predict_proba")
        assert caught.message == "nearest.jl has no function predict_proba"

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            (
                "nothing",
                "predict gave a Nothing, expected a vector with a value for each of 3 ",
            ),
            ("short", "predict gave a 1 vector of Float64, expected"),
            ("matrix", "predict gave a 2 × 3 array of Float64, expected"),
            ("complex", 'column "y" has values of type Complex{Float64}, which has no type'),
            (
                "huge",
                'column "y" has a number that neither f64 nor i64 holds: 12089258196146291',
            ),
            ("lazy", "predict gave a Base.Generator"),
        ],
    )
    def test_no_predictions(self, client: Client, fault: str, told: str) -> None:
        """What is no prediction is described, with what was expected."""
        client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
        asked = matrix([1, 2], [3, 4], [5, 6])
        caught = failure(Code.BAD_RESULT, client.predict, asked, fault=fault)
        assert caught.message.replace("ComplexF64", "Complex{Float64}").startswith(told)

    def test_a_vector_of_any_has_the_types_of_its_values(self, client: Client) -> None:
        """Loosely typed code is no reason to refuse numbers."""
        client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
        found = client.predict(matrix([1, 2], [3, 4], [5, 6]), fault="any").table.columns[0]
        assert (found.type, found.tolist()) == (Type.F64, [1.0, 2.5, None])


class TestErrors:
    """What goes wrong in a script."""

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            ("error", 'faults.jl:7: boom: $3.50 % "quoted" ü'),
            ("domain", "faults.jl:8: DomainError with -"),
            ("overflow", "faults.jl:4: StackOverflowError:"),
            ("bounds", "faults.jl:10: BoundsError: attempt to access 2"),
            ("task", "faults.jl:11: TaskFailedException"),
            ("bad show", "faults.jl:13: Main.RunnerModel.BadShow"),
        ],
    )
    def test_exceptions(self, client: Client, fault: str, told: str) -> None:
        """An exception has its message with file and line, and its trace ends at the script."""
        client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
        caught = failure(Code.PREDICT_FAILED, client.predict, matrix([1, 2]), fault=fault)
        assert caught.message.startswith(told)
        assert "faults.jl" in caught.traceback
        assert "glue.jl" not in caught.traceback

    def test_a_thousand_exceptions(self, client: Client, worker: AdapterProcess) -> None:
        """Failing costs no memory that stays, and the next prediction is right."""
        client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))

        def fail(times: int) -> None:
            for _ in range(times):
                failure(Code.PREDICT_FAILED, client.predict, matrix([1, 2]), fault="bounds")

        fail(200)
        before = resident(worker)
        fail(1000)
        assert resident(worker) - before < 40_000_000
        assert client.predict(matrix([7, 2])).table.columns[0].tolist() == [7.0]

    def test_exit_ends_the_process(self, tmp_path: Path) -> None:
        """exit() in a model is a crash to the runner: the connection ends, even with code 0."""
        with AdapterProcess.python_module("adapters.julia", tmp_path) as worker:
            with worker.connect() as client:
                client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
                with pytest.raises(EOFError):
                    client.predict(matrix([1, 2]), fault="exit")
            assert worker.wait() == 0

    def test_a_failed_fit_keeps_the_former_model(self, client: Client) -> None:
        """A model is dropped only when the new one is there (SPEC 5.4)."""
        table, target = numbers([1, 2], [3, 4]), y(1, 2)
        client.fit(model("mirror.jl"), table, target)
        failing = model("faults.jl", params={"fail": True})
        caught = failure(Code.FIT_FAILED, client.fit, failing, table, target)
        assert caught.message == "faults.jl:2: no fit today"
        assert client.predict(matrix([1, 2])).table.columns[0].tolist() == [3.0]
        restore(client, client.persist())
        assert client.predict(matrix([1, 2])).table.columns[0].tolist() == [3.0]

    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            (model("syntax.jl"), "syntax.jl:3: "),
            (model("toplevel.jl"), "toplevel.jl:3: UndefVarError: "),
            (model("nowhere.jl"), "SystemError: opening file"),
            (model("incomplete.jl"), "incomplete.jl has neither a function predict nor predict_pr"),
            (model("mirror.jl", fit="train"), "mirror.jl has no function train"),
            (model("mirror.jl", predict="Inner.guess"), "mirror.jl has no function Inner.guess"),
            (model("mirror.jl", predict_proba="odds"), "mirror.jl has no function odds"),
            ({"language": "julia"}, "model setting 'script' is None, expected a str"),
            (model("mirror.jl", params=[1]), "model setting 'params' is [1], expected a dict"),
        ],
        ids=["syntax", "toplevel", "no file", "no predict", "fit", "predict", "predict_proba",
             "no script", "params"],
    )  # fmt: skip
    def test_bad_models(self, client: Client, settings: dict[str, Any], told: str) -> None:
        """What is wrong with a script or its settings is told by name, file and line."""
        caught = failure(Code.BAD_MODEL, client.fit, settings, numbers([1, 2]), y(1, 2))
        assert caught.message.startswith(told)

    def test_model_code_has_standard_streams_of_its_own(
        self, client: Client, worker: AdapterProcess
    ) -> None:
        """What models print goes to standard error, and they read nothing (SPEC 2.3)."""
        client.fit(model("faults.jl"), numbers([1, 2], [3, 4]), y(1, 2))
        client.predict(matrix([1, 2]), fault="print")
        assert {"to stdout", "to stderr", '""'} <= set(worker.stderr.splitlines())


class TestArtifacts:
    """persist and load."""

    def test_a_model_of_its_own_type_is_restored_elsewhere(
        self, client: Client, tmp_path: Path
    ) -> None:
        """Another process, with the script gone, predicts the same (SPEC 5.6)."""
        script = tmp_path / "nearest.jl"
        script.write_text((SCRIPTS / "nearest.jl").read_text())
        table = numbers([0, 10, 20], [0, 10, 20])
        client.fit({"script": str(script)}, table, kinds("p", "q", None))
        reply = client.persist()
        assert reply.format == "julia-serialization"
        script.unlink()
        with AdapterProcess.python_module("adapters.julia", tmp_path) as other:
            with other.connect() as restored:
                restore(restored, reply)
                found = restored.predict(matrix([9, 9], [1, 2], [30, 30])).table
            assert found == client.predict(matrix([9, 9], [1, 2], [30, 30])).table
            assert found.columns[0].tolist() == ["q", "p", None]
            assert other.hang_up() == 0

    def test_included_files_are_kept_with_the_model(self, client: Client, tmp_path: Path) -> None:
        """A stored model uses the texts it was fitted with, its neighbours' included."""
        for name in ("including.jl", "part/neighbour.jl", "part/deeper.jl"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text((SCRIPTS / name).read_text())
        settings = {"script": str(tmp_path / "including.jl"), "fit": "Inner.fit"}
        client.fit(settings, numbers([1, 2]), y(1, 2))
        reply = client.persist()
        (tmp_path / "part/deeper.jl").write_text("offset() = -1.0")
        restore(client, reply)
        assert client.predict(matrix([1])).table.columns[0].tolist() == [1003.0]
        client.fit(settings, numbers([1, 2]), y(1, 2))
        assert client.predict(matrix([1])).table.columns[0].tolist() == [2.0]

    def test_what_cannot_be_stored(self, client: Client) -> None:
        """What Julia cannot serialize is told in its words."""
        client.fit(model("unserializable.jl"), numbers([1, 2]), y(1, 2))
        caught = failure(Code.PERSIST_FAILED, client.persist)
        assert caught.message == "cannot serialize a running Task"

    def test_another_version_of_julia_is_named(self, client: Client) -> None:
        """A load that fails names the Julia that wrote and the one that reads."""
        client.fit(model("nearest.jl"), numbers([1, 2]), kinds("p", "q"))
        raw = bytes(client.persist().artifact)
        here = client.hello.language_version
        other = "9" * len(here)
        broken = raw.replace(here.encode(), other.encode())[:-10]
        digest = hashlib.sha256(broken).hexdigest()
        caught = failure(Code.LOAD_FAILED, client.load, broken, "julia-serialization", digest)
        assert caught.message.startswith(f"written by Julia {other}, and this is {here}: EOFError")

    def test_another_format_is_refused(self, client: Client) -> None:
        """Only what the adapter wrote itself is read."""
        client.fit(model("mirror.jl"), numbers([1, 2]), y(1, 2))
        raw = bytes(client.persist().artifact).replace(
            b"julia-serialization", b"julia-serializatioN"
        )
        digest = hashlib.sha256(raw).hexdigest()
        failure(Code.BAD_ARTIFACT, client.load, raw, "julia-serializatioN", digest)


class TestSources:
    """Data that a Julia function gives (SPEC 5.7)."""

    def source(self, function: str, **params: Any) -> Source:
        """Name a function of the fixture."""
        return Source(str(SCRIPTS / "sources.jl"), function, params)

    def test_a_table(self, client: Client) -> None:
        """Vectors become columns of their types; Symbols, and a target's texts, become cat."""
        reply = client.read(self.source("table"))
        assert [(c.name, c.type, c.tolist()) for c in reply.table.columns] == [
            ("number", Type.F64, [1.5, None, 2.5]),
            ("count", Type.I64, [1, 2, 3]),
            ("flag", Type.BOOL, [True, False, True]),
            ("text", Type.STR, ["süß 1", "süß 2", "süß 3"]),
            ("kind", Type.CAT, ["b", "a", "b"]),
            ("day", Type.DATE, [date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 2)]),
            ("moment", Type.DATETIME, [datetime(2024, 1, 1, 0, 0, 0, n * 1000) for n in (1, 2, 3)]),
        ]
        assert reply.table.columns[4].levels == ("a", "b")
        assert (reply.target.levels, reply.target.tolist()) == (
            ("neg", "pos"),
            ["pos", "neg", "pos"],
        )

    def test_a_matrix_with_names(self, client: Client) -> None:
        """A features × samples matrix comes with names for its rows."""
        reply = client.read(self.source("matrix", names=["a", "größe"]))
        assert reply.table.names == ("a", "größe")
        assert [c.tolist() for c in reply.table.columns] == [[1, 2, 3], [4, 5, 6]]

    def test_a_fit_to_a_source(self, client: Client) -> None:
        """The model sees the source's data, and the reply describes them."""
        reply = client.fit_source(model("nearest.jl"), self.source("matrix"))
        assert (reply.rows, reply.task, reply.target_field.name) == (3, "regression", "target")
        assert [feature.name for feature in reply.features] == ["a", "b c"]
        found = client.predict(Matrix(1, ("b c", "a"), matrix([5.1, 2.1]).values)).table
        assert found.columns[0].tolist() == [0.2]

    def test_a_prediction_for_a_source(self, client: Client) -> None:
        """A request may name a source in the table's place; the target comes along."""
        client.fit_source(model("mirror.jl"), self.source("matrix"))
        reply = client.predict_source(self.source("matrix"))
        assert reply.table.columns[0].tolist() == [5.0, 7.0, 9.0]
        assert reply.target.tolist() == [0.1, 0.2, 0.3]

    @pytest.mark.parametrize(
        ("function", "code", "told"),
        [
            ("nowhere", Code.BAD_MODEL, "sources.jl has no function nowhere"),
            ("failing", Code.READ_FAILED, "sources.jl:22: no data"),
            ("only_X", Code.BAD_RESULT, "only_X gave a 2 vector of Float64, expected (X, y)"),
            ("uneven", Code.BAD_RESULT, "uneven: column 'a' has 2 rows, the target 3"),
            ("odd", Code.BAD_RESULT, 'column "a" has values of type Complex{Int64}'),
        ],
    )
    def test_bad_sources(self, client: Client, function: str, code: Code, told: str) -> None:
        """A function that is not there, fails or gives no data is told by name."""
        caught = failure(code, client.read, self.source(function))
        assert caught.message.startswith(told)


def test_batches_are_split_by_rows(client: Client) -> None:
    """Requests that queued are answered by one call, each with its own rows (SPEC 3.5)."""
    client.fit(model("mirror.jl"), numbers([1, 2], [3, 4]), y(1, 2))
    asked = [Predict(client.next_id(), matrix([float(n), 0.0])) for n in range(50)]
    client.send(*asked)
    replies = {}
    for _ in asked:
        reply = client.receive()
        replies[reply.id] = reply.table.columns[0].tolist()
    assert replies == {request.id: [float(n)] for n, request in enumerate(asked)}


def test_no_julia(tmp_path: Path) -> None:
    """Without Julia the command says what to do, and ends with a failure."""
    env = {**os.environ, "JULIA_EXE": "/nowhere/julia"}
    with AdapterProcess.python_module("adapters.julia", tmp_path, env=env) as worker:
        assert worker.wait() == 1
        assert worker.stderr == (
            "no Julia at /nowhere/julia, nor on PATH; set JULIA_EXE to its executable\n"
        )


def read_iris() -> tuple[Columns, Column]:
    """Read the example's data."""
    with (IRIS / "iris.csv").open() as lines:
        head, *rows = csv.reader(lines)
    cells = np.array([row[:4] for row in rows], dtype=float)
    columns = [Column(n, Type.F64, cells[:, at].tobytes()) for at, n in enumerate(head[:4])]
    names = [row[4] for row in rows]
    target = Column.of("species", Type.CAT, names, sorted(set(names)))
    return Columns(len(rows), tuple(columns)), target


def resident(worker: AdapterProcess) -> int:
    """Give the bytes of memory that a worker holds."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return 1024 * int(line.split()[1])


def by_attachment(
    client: Client, worker: AdapterProcess, rows: np.ndarray[Any, Any], **params: Any
) -> np.ndarray[Any, Any]:
    """Predict rows that lie in a file beside the socket; give the first column of the answer."""
    table = Matrix(len(rows), tuple("abcdefgh"[: rows.shape[1]]), rows.tobytes())
    payload = encode_request(Predict(client.next_id(), table, params=params), worker.folder)
    assert "attachment" in unpack(payload)
    client.send_bytes(frame(payload))
    return np.frombuffer(client.receive().table.columns[0].values)
