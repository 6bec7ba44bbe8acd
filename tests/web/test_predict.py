"""What a caller gets for good requests: Palladium's shapes, and ours beyond them."""

from datetime import datetime

import msgpack
import pytest

from contracts.table import Column, Columns, Field, Matrix, Table, Type
from runner.config.settings import MappedField, ServiceSettings
from runner.signature import Checker, Signature
from tests.web.conftest import Application
from tests.web.twin import FLOATS, Service

ROWS = [{"sepal length": 5, "sepal width": 2}, {"sepal length": 1.5, "sepal width": -1, "x": []}]
QUERY = "/predict?sepal length=5.5&sepal%20width=2"


def answering(web: Application, *columns: Column) -> None:
    """Have the model answer these columns."""
    rows = columns[0].rows
    web.services.model = lambda table, method: Columns(rows, columns)


def test_get_gives_a_scalar(web: Application) -> None:
    """GET answers one row with one value, and says which version computed it.

    Row "GET predict", Row "success".
    """
    got = web.client.simulate_get(QUERY)
    assert got.status_code == 200
    assert got.headers["content-type"] == "application/json"
    assert got.json == {
        "metadata": {
            "status": "OK",
            "error_code": 0,
            "service_name": "iris",
            "service_version": "0.1",
            "model_version": 7,
            "request_id": got.headers["x-request-id"],
        },
        "result": 7.5,
    }


def test_post_of_a_list_gives_a_list(web: Application) -> None:
    """Row "POST predict": POST of a list of objects answers a list of values, in order."""
    assert web.client.simulate_post("/predict", json=ROWS).json["result"] == [7.0, 0.5]


def test_post_of_an_object_gives_a_scalar(web: Application) -> None:
    """Row "POST predict": POST of one object answers one value."""
    assert web.client.simulate_post("/predict", json=ROWS[0]).json["result"] == 7.0


def test_one_request_to_the_worker(web: Application) -> None:
    """A request is one table, whatever its rows."""
    web.client.simulate_post("/predict", json=ROWS)
    ((name, table, method, params),) = web.services.asked
    assert (name, table.rows, method, params) == ("iris", 2, "predict", {})
    assert isinstance(table, Matrix)


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", ';charset="UTF-8"', "; x=y"])
def test_json_in_utf8(web: Application, charset: str) -> None:
    """JSON may say that it is UTF-8."""
    got = web.client.simulate_post(
        "/predict",
        body=b'[{"sepal length": 1, "sepal width": 1}]',
        headers={"Content-Type": f"application/json{charset}"},
    )
    assert got.json["result"] == [2.0]


@pytest.mark.parametrize(("content", "result"), [(ROWS, [7.0, 0.5]), (ROWS[0], 7.0)])
def test_msgpack(web: Application, content: object, result: object) -> None:
    """Row "POST predict": msgpack says the same as JSON."""
    got = web.client.simulate_post(
        "/predict",
        body=msgpack.packb(content),
        headers={"Content-Type": "application/msgpack"},
    )
    assert got.json["result"] == result


@pytest.mark.parametrize(
    "text",
    [
        "sepal width,sepal length\n2,5\n-1,1.5\n",
        "\ufeffx,sepal width,sepal length\r\n?,2,5\r\n?,-1,1.5\r\n",
        'sepal width,sepal length\n"2","5"\n\n-1,1.5',
    ],
)
def test_csv(web: Application, text: str) -> None:
    """Row "POST predict": CSV has a header, and is matched by name."""
    got = web.client.simulate_post(
        "/predict", body=text.encode(), headers={"Content-Type": "text/csv; charset=utf-8"}
    )
    assert got.json["result"] == [7.0, 0.5]


def test_predict_proba_by_config(web: Application) -> None:
    """With `predict_proba: true` /predict answers the row of probabilities, as Palladium does.

    Row "GET predict".
    """
    web.services.change("iris", settings=ServiceSettings(predict_proba=True))
    got = web.client.simulate_get("/predict?sepal length=0.5&sepal width=0.25")
    assert got.json["result"] == [0.75, 0.25]
    assert web.client.simulate_post("/predict", json=ROWS[:1]).json["result"] == [[7.0, -6.0]]


@pytest.mark.parametrize("path", ["/predict_proba", "/services/iris/predict_proba"])
def test_probabilities_with_class_names(web: Application, path: str) -> None:
    """Row "GET predict": /predict_proba names the classes, whatever the config says."""
    row = {"sepal length": 0.5, "sepal width": 0.25}
    got = web.client.simulate_get(path, params={name: str(row[name]) for name in row})
    assert got.json["result"] == {"setosa": 0.75, "virginica": 0.25}
    assert web.client.simulate_post(path, json=[row]).json["result"] == [
        {"setosa": 0.75, "virginica": 0.25}
    ]


def test_services_by_name(web: Application) -> None:
    """Each service has a path; /predict is the first one's."""
    web.services.services["other"] = Service("other", "2.0", version=3)
    query = {"sepal length": "1", "sepal width": "2"}
    assert [
        web.client.simulate_get(path, params=query).json["metadata"]["service_name"]
        for path in ("/predict", "/services/iris/predict", "/services/other/predict")
    ] == ["iris", "iris", "other"]


def test_entry_point(web: Application) -> None:
    """Row "GET predict": A service answers at its own path too, with the methods of /predict."""
    web.services.services["other"] = Service(
        "other", settings=ServiceSettings(entry_point="/v1/guess")
    )
    query = {"sepal length": "1", "sepal width": "2"}
    got = web.client.simulate_get("/v1/guess", params=query)
    assert (got.json["metadata"]["service_name"], got.json["result"]) == ("other", 3.0)
    assert web.client.simulate_post("/v1/guess", json=ROWS).json["result"] == [7.0, 0.5]
    assert web.client.simulate_options("/v1/guess").headers["allow"] == "GET, HEAD, POST"
    assert web.client.simulate_delete("/v1/guess").status_code == 405
    assert web.client.simulate_get("/v1/guess/x").status_code == 404


def test_params_of_the_model(web: Application) -> None:
    """Row "GET predict": Declared params go from the query string to the model's predict."""
    params = (MappedField("k", Type.I64), MappedField("deep", Type.BOOL))
    web.services.change("iris", settings=ServiceSettings(params=params))
    assert web.client.simulate_get(QUERY + "&k=3").status_code == 200
    assert web.client.simulate_post("/predict?deep=true", json=ROWS).status_code == 200
    assert [asked[3] for asked in web.services.asked] == [{"k": 3}, {"deep": True}]


def test_labels(web: Application) -> None:
    """A classification answers its labels."""
    answering(web, Column.of("y", Type.CAT, ["a", "b"], ("b", "a")))
    assert web.client.simulate_post("/predict", json=ROWS).json["result"] == ["a", "b"]


def test_dates_are_iso(web: Application) -> None:
    """Times come back in ISO 8601, and say that they are UTC."""
    answering(web, Column.of("y", Type.DATETIME, [datetime(2024, 2, 29, 12, 30)]))
    assert web.client.simulate_get(QUERY).json["result"] == "2024-02-29T12:30:00Z"


def test_nan_is_null(web: Application) -> None:
    """Row "not kept": JSON has no NaN and no infinity, and our answers have none."""
    nan, inf = float("nan"), float("inf")
    answering(web, Column.of("y", Type.F64, [nan, inf, None, 1.0]))
    got = web.client.simulate_post("/predict", json=ROWS)
    assert b'"result":[null,null,null,1.0]' in got.content


def test_several_outputs(web: Application) -> None:
    """A model with several outputs answers a list a row."""
    answering(web, Column.of("y", Type.F64, [1.0, 2.0]), Column.of("z", Type.I64, [3, 4]))
    assert web.client.simulate_post("/predict", json=ROWS).json["result"] == [[1.0, 3], [2.0, 4]]


def test_categories_and_missing_values(web: Application) -> None:
    """Other columns reach the worker with the training's levels, and missing as missing.

    Row "GET predict".
    """
    signature = Signature(
        (Field("size", Type.CAT, ("lo", "hi")), Field("age", Type.F64, missing=True))
    )
    web.services.change("iris", checker=Checker(signature))
    got = web.client.simulate_post("/predict", json=[{"size": "hi", "age": None}])
    assert got.status_code == 200
    table: Table = web.services.asked[0][1]
    assert isinstance(table, Columns)
    assert [column.tolist() for column in table.columns] == [["hi"], [None]]


def test_version_that_answered(web: Application) -> None:
    """The version in an answer is the worker's, and the next answer may have another."""
    web.services.change("iris", version=8, checker=Checker(FLOATS))
    assert web.client.simulate_get(QUERY).json["metadata"]["model_version"] == 8


def test_head(web: Application) -> None:
    """HEAD has GET's header fields, and no body."""
    got, head = web.client.simulate_get(QUERY), web.client.simulate_head(QUERY)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


def test_options(web: Application) -> None:
    """OPTIONS tells the methods."""
    got = web.client.simulate_options("/predict")
    assert (got.status_code, got.headers["allow"]) == (200, "GET, HEAD, POST")
