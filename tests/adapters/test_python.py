"""Tests of the Python adapter, against its real process."""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import skops.io
from sklearn.datasets import load_iris

from adapters import artifact as envelope
from contracts.errors import Code, Failure
from contracts.messages import Reply
from contracts.table import Column, Columns, Matrix, Table, Type, pack_floats
from tests.adapters.driver import AdapterProcess, Client

LEVELS = ("setosa", "versicolor", "virginica")
NAMES = ("sepal length", "sepal width", "petal length", "petal width")
TREE = {"factory": {"!": "sklearn.tree.DecisionTreeClassifier", "random_state": 0}}


@pytest.fixture(scope="module")
def adapter() -> Iterator[AdapterProcess]:
    """One Python adapter for all tests here; each fits its own model."""
    with (
        tempfile.TemporaryDirectory(prefix="adapter-") as name,
        AdapterProcess.python_module("adapters.python", Path(name)) as process,
    ):
        yield process


@pytest.fixture
def client(adapter: AdapterProcess) -> Iterator[Client]:
    """A connection to it."""
    with adapter.connect() as client:
        yield client


def iris(levels: tuple[str, ...] = LEVELS) -> tuple[Columns, Column]:
    """Fisher's irises, with the target's levels in any order."""
    x, y = load_iris(return_X_y=True)
    columns = [Column.of(name, Type.F64, x[:, at].tolist()) for at, name in enumerate(NAMES)]
    labels = [LEVELS[code] for code in y]
    return Columns(len(x), tuple(columns)), Column.of("species", Type.CAT, labels, levels)


def small(**target: Any) -> tuple[Columns, Column]:
    """Four rows of a feature x, and a target."""
    table = Columns(4, (Column.of("x", Type.F64, [0.0, 1.0, 2.0, 3.0]),))
    return table, Column.of("y", **(target or {"type": Type.F64, "items": [0.0, 1.0, 2.0, 3.0]}))


WORDS = Column.of("y", Type.STR, ["a", "b"])
"""A target of str: its model may answer any text."""


def own(name: str, **arguments: Any) -> dict[str, Any]:
    """The model map of one of `tests.adapters.estimators`."""
    return {"factory": {"!": f"tests.adapters.estimators.{name}", **arguments}}


def columns(reply: Reply) -> dict[str, list[Any]]:
    """The answer as Python values by name."""
    assert reply.table is not None
    return {column.name: column.tolist() for column in reply.table.columns}


def reload(client: Client, model: Mapping[str, Any] | None = None) -> str:
    """Persist the model and load it again; gives the format."""
    reply = client.persist()
    assert reply.artifact is not None
    assert reply.format is not None
    digest = hashlib.sha256(reply.artifact).hexdigest()
    client.load(bytes(reply.artifact), reply.format, digest, model)
    return reply.format


# What models answer.


def test_hello_names_language_and_packages(client: Client) -> None:
    """hello tells Python's version and those of scikit-learn and numpy."""
    assert "python" == client.hello.language
    assert {"numpy", "scikit-learn"} <= client.hello.packages.keys()


def test_a_classifier_answers_labels_and_probabilities(client: Client) -> None:
    """predict answers cat of the target's levels, predict_proba a matrix in their order."""
    levels = ("virginica", "setosa", "versicolor")
    table, target = iris(levels)
    assert "classification" == client.fit(TREE, table, target).task
    answer = client.predict(table)
    assert answer.table is not None
    assert (("species", Type.CAT, levels, False),) == answer.table.layout
    assert target.tolist() == columns(answer)["species"]
    chances = client.predict(table, "predict_proba").table
    assert isinstance(chances, Matrix)
    assert levels == chances.names
    first = [column.tolist()[0] for column in chances.columns]
    assert [0.0, 1.0, 0.0] == first  # the first iris is a setosa


def test_a_level_that_no_row_had_has_probability_0(client: Client) -> None:
    """Every level of the target has its column, in order, though the model never saw it."""
    levels = ("unseen", *LEVELS)
    table, target = iris(levels)
    client.fit(TREE, table, target)
    chances = client.predict(table.slice(0, 1), "predict_proba")
    assert {"unseen": [0.0], "setosa": [1.0], "versicolor": [0.0], "virginica": [0.0]} == columns(
        chances
    )


def test_a_matrix_is_answered_like_its_columns(client: Client) -> None:
    """One row as a matrix, its columns in another order, gets what the column table gets."""
    table, target = iris()
    client.fit(TREE, table, target)
    numbers = [column.tolist()[100] for column in table.columns]
    matrix = pack_floats(1, NAMES[::-1], numbers[::-1])
    assert {"species": ["virginica"]} == columns(client.predict(matrix))


def test_a_regressor_answers_floats(client: Client) -> None:
    """The task of a regressor is regression, its answer f64."""
    table, target = small()
    factory = {"!": "sklearn.linear_model.LinearRegression"}
    assert "regression" == client.fit({"factory": factory}, table, target).task
    (answer,) = columns(client.predict(pack_floats(1, ("x",), [5.0])))["y"]
    assert pytest.approx(5.0) == answer


@pytest.mark.parametrize(
    ("type_", "items"),
    [(Type.I64, [7, 7, 9, 9]), (Type.BOOL, [False, False, True, True]),
     (Type.STR, ["no", "no", "yes", "yes"])],
)  # fmt: skip
def test_labels_come_back_in_the_targets_type(
    client: Client, type_: Type, items: list[Any]
) -> None:
    """Classes that are integers, bools or strings are answered as such; probabilities name them."""
    table, target = small(type=type_, items=items)
    client.fit(TREE, table, target)
    answer = client.predict(table).table
    assert answer is not None
    assert (type_, items) == (answer.columns[0].type, answer.columns[0].tolist())
    chances = client.predict(table, "predict_proba").table
    assert isinstance(chances, Matrix)
    assert (str(items[0]), str(items[-1])) == chances.names


def test_several_outputs_are_several_columns(client: Client) -> None:
    """A two-dimensional answer becomes a column for each output."""
    table, target = small()
    client.fit(own("Fixed", answer="two columns"), table, target)
    assert {"y_0": [0.0, 2.0], "y_1": [1.0, 3.0]} == columns(client.predict(table.slice(0, 2)))


def test_any_class_with_fit_and_predict_will_do(client: Client) -> None:
    """A class that knows nothing of scikit-learn classifies; predict_proba is unsupported."""
    table, target = iris()
    assert "classification" == client.fit(own("Majority"), table, target).task
    assert {"species": ["setosa"]} == columns(client.predict(table.slice(149, 150)))
    with pytest.raises(Failure, match="'predict_proba' is not supported by Majority") as caught:
        client.predict(table, "predict_proba")
    assert caught.value.code is Code.UNSUPPORTED


def test_params_reach_the_method(client: Client) -> None:
    """The params of a predict are keyword arguments of the estimator's method."""
    table, target = small()
    client.fit(own("Majority"), table, target)
    with pytest.raises(Failure, match="unexpected keyword argument 'depth'") as caught:
        client.predict(table, depth=3)
    assert caught.value.code is Code.PREDICT_FAILED


# What models see.


def everything() -> Columns:
    """Two rows of every type, the second of them missing."""
    return Columns(
        2,
        (
            Column.of("f", Type.F64, [1.5, None]),
            Column.of("i", Type.I64, [2, None]),
            Column.of("b", Type.BOOL, [True, None]),
            Column.of("s", Type.STR, ["é", None]),
            Column.of("c", Type.CAT, ["lo", None], levels=("lo", "hi"), ordered=True),
            Column.of("d", Type.DATE, [date(2024, 2, 29), None]),
            Column.of("t", Type.DATETIME, [datetime(2024, 2, 29, 12, 30, 0, 1), None]),
        ),
    )


def test_a_frame_holds_every_type_and_what_is_missing(client: Client) -> None:
    """pandas sees floats, nullable integers and bools, strings, categories and times."""
    client.fit(own("Seen"), everything(), WORDS)
    (text, _) = columns(client.predict(everything()))["y"]
    expected = (
        "f:float64=[1.5, nan] i:Int64=[2, <NA>] b:boolean=[True, <NA>] s:str=['é', nan] "
        "c:category=['lo', nan] d:datetime64[s]=[Timestamp('2024-02-29 00:00:00'), NaT] "
        "t:datetime64[us]=[Timestamp('2024-02-29 12:30:00.000001'), NaT]"
    )
    assert f"{expected} y=U | {expected}" == text


def test_numbers_and_bools_become_an_array(client: Client) -> None:
    """f64, i64 and bool together are one float array, NaN where missing; so it is in predict."""
    table = Columns(2, everything().columns[:3])
    client.fit(own("Seen"), table, WORDS)
    (text, _) = columns(client.predict(table))["y"]
    expected = "array float64 [[1.5, 2.0, 1.0], [nan, nan, nan]]"
    assert f"{expected} y=U | {expected}" == text


def test_frame_true_gives_a_frame_of_numbers(client: Client) -> None:
    """With `frame` even numbers come as a DataFrame, from a matrix as well."""
    table, _ = small()
    client.fit({**own("Seen"), "frame": True}, table.slice(0, 1), WORDS.slice(0, 1))
    (text,) = columns(client.predict(pack_floats(1, ("x",), [7.0])))["y"]
    assert "x:float64=[0.0] y=U | x:float64=[7.0]" == text


def test_a_column_transformer_finds_columns_by_name(client: Client) -> None:
    """Factories nest: a Pipeline with a ColumnTransformer over names and a cat feature."""
    sizes = ["S", "L", "S", "L"]
    table = Columns(
        4,
        (
            Column.of("size", Type.CAT, sizes, levels=("S", "L")),
            Column.of("w", Type.F64, [1.0, 1.0, 2.0, 2.0]),
        ),
    )
    encoder = {"!": "sklearn.preprocessing.OneHotEncoder"}
    transformer = {
        "__factory__": "sklearn.compose.ColumnTransformer",
        "transformers": [["size", encoder, ["size"]], ["rest", "passthrough", ["w"]]],
    }
    forest = {"!": "sklearn.tree.DecisionTreeRegressor"}
    model = {"!": "sklearn.pipeline.Pipeline", "steps": [["x", transformer], ["y", forest]]}
    client.fit({"factory": model}, table, Column.of("p", Type.F64, [1.0, 2.0, 3.0, 4.0]))
    assert "skops" == reload(client)
    assert {"p": [1.0, 2.0, 3.0, 4.0]} == columns(client.predict(table))


def test_levels_in_another_order_mean_the_same(client: Client) -> None:
    """A cat column keeps its meaning when its levels are numbered otherwise; unknown ones fail."""
    table = Columns(2, (Column.of("c", Type.CAT, ["lo", "hi"], levels=("lo", "hi")),))
    client.fit(own("Seen"), table, WORDS)
    other = Column.of("c", Type.CAT, ["lo", None], levels=("hi", "mid", "lo"))
    (text, _) = columns(client.predict(Columns(2, (other,))))["y"]
    assert text.endswith("| c:category=['lo', nan]")
    unknown = Column.of("c", Type.CAT, ["lo", "mid"], levels=("hi", "mid", "lo"))
    with pytest.raises(Failure, match="'mid' in row 1 is none of 'lo', 'hi'") as caught:
        client.predict(Columns(2, (unknown,)))
    assert caught.value.code is Code.BAD_TABLE


def test_an_integer_that_no_float_holds_is_refused(client: Client) -> None:
    """2^53 + 1 would be rounded in an array of floats: unrepresentable, with column and row."""
    table = Columns(2, (Column.of("i", Type.I64, [1, 2**53 + 1]),))
    with pytest.raises(Failure, match="column 'i': 9007199254740993 in row 1") as caught:
        client.fit(own("Seen"), table, Column.of("y", Type.F64, [0.0, 1.0]))
    assert caught.value.code is Code.UNREPRESENTABLE


def test_a_missing_target_is_refused(client: Client) -> None:
    """A fit cannot learn from a row without its target."""
    table, target = small(type=Type.CAT, items=["a", None, "a", "b"], levels=("a", "b"))
    with pytest.raises(Failure, match="target 'y' is missing in row 1") as caught:
        client.fit(TREE, table, target)
    assert caught.value.code is Code.BAD_TABLE


def test_linear_algebra_has_one_thread(folder: Path) -> None:
    """The limit is set before numpy is imported, unless the environment says otherwise."""
    for more, expected in ({}, 1), ({"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}, 2):
        env = {key: value for key, value in os.environ.items() if "_NUM_THREADS" not in key}
        process = AdapterProcess.python_module("adapters.python", folder, env=env | more)
        with process, process.connect() as client:
            client.fit(own("Threads"), *small())
            assert {"y": [expected]} == columns(client.predict(pack_floats(1, ("x",), [0.0])))


# What goes wrong in models.


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("sklearn.tree.DecisionTreeClasifier", "did you mean 'DecisionTreeClassifier'"),
        ("skleern.tree.Tree", "skleern cannot be imported: ModuleNotFoundError"),
        ("sklearn.trees.Tree", "sklearn has no 'trees', did you mean 'tree'"),
        ("tests.adapters.estimators.NOT_CALLABLE", "is a int, which cannot be called"),
        ("os.getcwd", "gave a str without fit and predict"),
        ("tree", "is no dotted name"),
        (7, "factory 7 is no dotted name"),
    ],
)
def test_a_factory_that_is_none_is_explained(client: Client, factory: Any, message: str) -> None:
    """A name that cannot be imported or called is bad_model, with the nearest name."""
    with pytest.raises(Failure) as caught:
        client.fit({"factory": {"!": factory}}, *small())
    assert caught.value.code is Code.BAD_MODEL
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("at", "code", "message"),
    [
        ("init", Code.BAD_MODEL, "tests.adapters.estimators.Failing cannot be made: ValueError: "
                                 "no such model"),
        ("fit", Code.FIT_FAILED, "fit failed: ValueError: cannot learn from this"),
        ("predict", Code.PREDICT_FAILED, "predict failed: ArithmeticError: below zero"),
    ],
)  # fmt: skip
def test_a_fit_that_fails_says_why(client: Client, at: str, code: Code, message: str) -> None:
    """What the model raises is told with its own traceback; one that cannot predict is no model."""
    with pytest.raises(Failure) as caught:
        client.fit(own("Failing", at=at), *small())
    assert (code, message) == (caught.value.code, caught.value.message)
    assert "estimators.py" in caught.value.traceback
    assert "adapter.py" not in caught.value.traceback


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("objects", "column 'y': {} in row"),
        ("complex", "dtype complex128 has no type in the contract"),
        ("a number", "gave a float, expected a value for each row"),
        ("too many", "predict gave 2 rows for 1"),
        ("one", "predict gave 1 row for 3"),
        ("foreign label", "predict gave 1 column (str), expected numbers"),
        ("labels", "predict gave 2 columns (str, str), expected numbers"),
    ],
)
def test_a_result_that_is_no_prediction_is_refused(
    client: Client, answer: str, message: str
) -> None:
    """bad_result tells what the model gave."""
    with pytest.raises(Failure) as caught:
        client.fit(own("Fixed", answer=answer), *small())
    assert (Code.BAD_RESULT, True) == (caught.value.code, message in caught.value.message)


@pytest.mark.parametrize("answer", ["foreign label", "integers"])
def test_a_label_that_the_target_does_not_have_is_refused(client: Client, answer: str) -> None:
    """A classifier of cat may answer nothing but the target's levels."""
    target = {"type": Type.CAT, "items": list("abab"), "levels": ("a", "b")}
    with pytest.raises(Failure, match="none of the target's levels: 'a', 'b'") as caught:
        client.fit(own("Fixed", answer=answer), *small(**target))
    assert caught.value.code is Code.BAD_RESULT


def test_missing_strings_come_back_as_missing(client: Client) -> None:
    """None among predicted strings is a missing value."""
    table, target = small(type=Type.STR, items=["a", "b", "a", "b"])
    client.fit(own("Fixed", answer="missing"), table, target)
    assert {"y": ["a", None, "a", None]} == columns(client.predict(table))


# Artifacts.


@pytest.mark.parametrize(
    ("factory", "format"),
    [
        (TREE["factory"], "skops"),
        ({"!": "sklearn.ensemble.HistGradientBoostingClassifier", "max_iter": 3}, "skops"),
        ({"!": "sklearn.neighbors.KNeighborsClassifier"}, "skops"),
        ({"!": "tests.adapters.estimators.Majority"}, "pickle"),
    ],
    ids=["tree", "boosting", "neighbors", "own class"],
)
def test_a_loaded_model_answers_as_the_fitted_one(
    client: Client, factory: dict[str, Any], format: str
) -> None:
    """What persist gave answers the same after load; skops where it can, else pickle."""
    table, target = iris()
    client.fit({"factory": factory}, table, target)
    before = columns(client.predict(table))
    assert format == reload(client)
    assert before == columns(client.predict(table))


def test_a_version_keeps_the_script_it_was_fitted_with(folder: Path) -> None:
    """A class beside the config is loaded from the artifact: edited or deleted, the model stays."""
    script = folder / "mine.py"
    script.write_text(
        "class Constant:\n"
        "    def fit(self, x, y): pass\n"
        "    def predict(self, x): return [41.0] * len(x)\n"
    )
    model = {"factory": {"!": "mine.Constant"}, "path": [str(folder)]}
    table, target = small()
    fitting = AdapterProcess.python_module("adapters.python", folder)
    with fitting, fitting.connect() as client:
        client.fit(model, table, target)
        script.write_text(script.read_text().replace("41.0", "42.0"))
        first = client.persist()
    assert first.artifact is not None
    digest = hashlib.sha256(first.artifact).hexdigest()
    for change in (lambda: None, script.unlink):
        change()
        serving = AdapterProcess.python_module("adapters.python", folder)
        with serving, serving.connect() as client:
            client.load(bytes(first.artifact), "pickle", digest, model)
            assert {"y": [41.0] * 4} == columns(client.predict(table))
            assert "pickle" == reload(client, model)  # what was loaded can be persisted again
            assert {"y": [41.0] * 4} == columns(client.predict(table))


class _Touch:
    """Create a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


def test_a_wrong_digest_is_refused_before_anything_is_unpickled(
    client: Client, folder: Path
) -> None:
    """An artifact whose digest differs is bad_artifact, and its code does not run."""
    client.fit(own("Majority"), *iris())
    header, body = envelope.unpack(client.persist().artifact or b"")
    inner, _ = envelope.unpack(body)
    trap = envelope.pack("pickle", inner, pickle.dumps(_Touch(folder / "trap")))
    packed = envelope.pack("pickle", header, trap)
    with pytest.raises(Failure, match="sha256") as caught:
        client.load(packed, "pickle", "0" * 64)
    assert caught.value.code is Code.BAD_ARTIFACT
    assert not (folder / "trap").exists()
    with pytest.raises(Failure):  # with its own digest it is loaded: the trap is real
        client.load(packed, "pickle", hashlib.sha256(packed).hexdigest())
    assert (folder / "trap").exists()


def test_skops_makes_nothing_that_is_not_on_the_list(client: Client) -> None:
    """A skops artifact that names a type beyond our list is load_failed, whatever it claims."""
    client.fit(TREE, *iris())
    header, body = envelope.unpack(client.persist().artifact or b"")
    inner, _ = envelope.unpack(body)
    foreign = envelope.pack("skops", inner, skops.io.dumps({"it": Fraud()}))
    packed = envelope.pack("skops", header, foreign)
    with pytest.raises(Failure, match="UntrustedTypesFoundException") as caught:
        client.load(packed, "skops", hashlib.sha256(packed).hexdigest())
    assert caught.value.code is Code.LOAD_FAILED


class Fraud:
    """A type that nobody listed."""


def test_a_failed_load_leaves_the_former_model(client: Client) -> None:
    """After a load that failed the adapter answers with the model that it had."""
    table, target = iris()
    client.fit(TREE, table, target)
    with pytest.raises(Failure):
        client.load(b"nonsense", "pickle", hashlib.sha256(b"nonsense").hexdigest())
    assert target.tolist() == columns(client.predict(table))["species"]


def test_a_million_rows_travel_both_ways(client: Client, adapter: AdapterProcess) -> None:
    """A table beyond a frame is answered, and no attachment is left."""
    client.fit(own("Failing", at="never"), *small())
    table: Table = Matrix(1_000_000, ("x",), bytes(8_000_000))
    reply = client.predict(table)
    assert reply.table is not None
    assert 1_000_000 == reply.table.rows
    assert [] == list(adapter.folder.glob("attachment*"))
