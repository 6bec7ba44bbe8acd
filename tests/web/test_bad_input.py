"""What a caller gets for bad requests: a status, a code, one shape; and no worker is asked."""

import errno
from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from contracts.errors import BadFrame, Code, Failure
from contracts.table import Field, Type
from runner.config.settings import MappedField, ServiceSettings
from runner.errors import Unavailable
from runner.signature import Checker, Signature
from runner.workers.errors import DeadlineExceeded, NoModel, Overloaded, WorkerCrashed, WorkerLost
from tests.web.conftest import Application

GOOD = b'[{"sepal length": 1, "sepal width": 2}]'
QUERY = "/predict?sepal length=1&sepal width=2"


def post(web: Application, body: bytes, type_: str | None = "application/json", **more: str) -> Any:
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    return web.client.simulate_post(
        "/predict", body=body, headers=headers | ({"Content-Type": type_} if type_ else {})
    )


def refused(web: Application, got: Any, status: int, code: str) -> dict[str, Any]:
    """Check the one shape of failures; give its metadata. No worker was asked."""
    assert got.headers["content-type"] == "application/json"
    assert list(got.json) == ["metadata"]
    metadata: dict[str, Any] = got.json["metadata"]
    assert (got.status_code, metadata["error"]) == (status, code)
    assert (metadata["status"], metadata["error_code"]) == ("ERROR", -1)
    assert metadata["request_id"] == got.headers["x-request-id"]
    assert web.services.asked == []
    return metadata


@pytest.mark.parametrize(
    ("query", "status", "field", "value"),
    [
        ("sepal length=1", 400, "sepal width", None),
        ("sepal length=1&sepal width=", 422, "sepal width", ""),
        ("sepal length=1&sepal width=abc", 422, "sepal width", "abc"),
        ("sepal length=1&sepal width=NaN", 422, "sepal width", "NaN"),
        ("sepal length=1&sepal width=-inf", 422, "sepal width", "-inf"),
        ("sepal length=1&sepal width=1e999", 422, "sepal width", "1e999"),
        ("sepal length=1&sepal width=%EF%BF%BD", 422, "sepal width", "\ufffd"),
        ("sepal length=1&sepal width=1&sepal width=2", 422, "sepal width", "['1', '2']"),
        ("sepal length=1&sepal width=" + "9" * 5000, 422, "sepal width", "9" * 99 + "…"),
    ],
)
def test_query_strings(
    web: Application, query: str, status: int, field: str, value: str | None
) -> None:
    """A bad value is named, with its field and what was expected; an absent one is a 400.

    Row "failure".
    """
    got = web.client.simulate_get("/predict?" + query)
    metadata = refused(web, got, status, "invalid_input")
    told = {"field": field, "expected": "a finite number"}
    assert metadata["details"] == [told if value is None else told | {"value": value}]
    assert field in metadata["error_message"]
    assert metadata["service_name"] == "iris"


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("sepal length=1&sepal width=K%F6ln", "sepal width", "K%F6ln"),
        ("sepal length=1&sepal width=2&city=%ff", "city", "%ff"),
        ("l%E4nge=1", "l\ufffdnge", "1"),
        ("sepal+length=%C3", "sepal length", "%C3"),
    ],
)
def test_query_strings_of_other_encodings(
    web: Application, query: str, field: str, value: str
) -> None:
    """Bytes that are no UTF-8 are refused, with the field, and never read as another text."""
    for got in (
        web.client.simulate_get("/predict", query_string=query),
        web.client.simulate_post("/predict", query_string=query, body=GOOD.decode()),
    ):
        metadata = refused(web, got, 400, "invalid_query")
        expected = "percent-encoded UTF-8"
        assert metadata["details"] == [{"field": field, "value": value, "expected": expected}]
        assert metadata["error_message"].startswith(f"{field}: {value!r} is not UTF-8")


def test_no_query_string(web: Application) -> None:
    """Everything that is absent is listed."""
    metadata = refused(web, web.client.simulate_get("/predict"), 400, "invalid_input")
    assert [fault["field"] for fault in metadata["details"]] == ["sepal length", "sepal width"]


@pytest.mark.parametrize(
    ("width", "status"),
    [('"abc"', 422), ("true", 422), ("null", 422), ("[]", 422), ("{}", 422), ('"NaN"', 422)],
)
def test_values_of_json(web: Application, width: str, status: int) -> None:
    """Row "failure": A value of another type is named, with its row."""
    body = f'[{{"sepal length":1,"sepal width":2}},{{"sepal length":1,"sepal width":{width}}}]'
    metadata = refused(web, post(web, body.encode()), status, "invalid_input")
    assert [(fault["field"], fault["row"]) for fault in metadata["details"]] == [("sepal width", 1)]


def test_one_object_has_no_row(web: Application) -> None:
    """Faults of a single object do not speak of rows."""
    metadata = refused(web, post(web, b'{"sepal length": 1}'), 400, "invalid_input")
    assert metadata["details"] == [{"field": "sepal width", "expected": "a finite number"}]


def test_level_that_the_training_did_not_have(web: Application) -> None:
    """An unknown level is refused, and the known ones are told."""
    web.services.change("iris", checker=Checker(Signature((Field("c", Type.CAT, ("lo", "hi")),))))
    metadata = refused(web, post(web, b'[{"c": "mid"}]'), 422, "invalid_input")
    assert metadata["details"][0]["allowed"] == ["lo", "hi"]
    assert "'lo', 'hi'" in metadata["error_message"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"[1", b"nonsense", b"[{'a': 1}]", b"[NaN]", b"\xff\xfe", b"[" * 1100, b"[1e999]"],
)
def test_not_json(web: Application, body: bytes) -> None:
    """Row "failure": What is no JSON is a 400 that tells the place."""
    metadata = refused(web, post(web, body), 400, "invalid_json")
    assert "line 1 column" in metadata["error_message"]


@pytest.mark.parametrize("word", ["NaN", "-NaN", "NA", "nan", "None", "-Infinity"])
def test_missing_values_of_other_languages(web: Application, word: str) -> None:
    """What another language writes for a missing number is told to be null in JSON."""
    body = f'[{{"ü": "NaN", "sepal length": 1, "sepal width": {word}}}]'
    metadata = refused(web, post(web, body.encode()), 400, "invalid_json")
    assert metadata["error_message"].endswith("; JSON has no such value, a missing one is null")


def test_other_faults_are_not_told_to_be_null(web: Application) -> None:
    """Only such a word is: not a text that holds it."""
    metadata = refused(web, post(web, b'[{"a": "NaN", "b": ?}]'), 400, "invalid_json")
    assert "null" not in metadata["error_message"]


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true", b"[1]", b"[[1, 2]]"])
def test_json_of_another_shape(web: Application, body: bytes) -> None:
    """JSON that is neither an object nor a list of objects is a 422."""
    refused(web, post(web, body), 422, "invalid_input")


def test_empty_body(web: Application) -> None:
    """No body is a 400."""
    refused(web, post(web, b""), 400, "empty_body")


@pytest.mark.parametrize(
    "type_",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "text/csv; charset=utf-16",
        "x" * 10_000,
    ],
)
def test_content_types(web: Application, type_: str | None) -> None:
    """A type that is not read is a 415."""
    refused(web, post(web, GOOD, type_), 415, "unsupported_media_type")


def test_how_the_content_type_is_sent(web: Application) -> None:
    """What curl sends unless told otherwise is refused with what to tell it."""
    got = post(web, GOOD, "application/x-www-form-urlencoded")
    metadata = refused(web, got, 415, "unsupported_media_type")
    assert metadata["error_message"].endswith(
        "send it as Content-Type: application/json, e.g. curl -H 'Content-Type: application/json'"
    )


def test_compressed_bodies(web: Application) -> None:
    """A compressed body is refused, never taken for what it is not."""
    refused(web, post(web, GOOD, Content_Encoding="gzip"), 415, "unsupported_encoding")
    assert post(web, GOOD, Content_Encoding="identity").status_code == 200


def test_body_over_the_limit(web: Application) -> None:
    """A body over the limit is a 413 that tells the limit."""
    metadata = refused(web, post(web, b" " * 100_001), 413, "body_too_large")
    assert "100000" in metadata["error_message"]


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (b"[" + b"{}," * 2000 + b"{}]", "application/json"),
        (b"[" + b"[]," * 2000 + b"[]]", "application/json"),
        (msgpack.packb([{}] * 2001), "application/msgpack"),
        (msgpack.packb([[[]] * 1100] * 2), "application/msgpack"),
        (b"\xdd\xff\xff\xff\xff", "application/msgpack"),
        (b"a\n" + b"1\n" * 2001, "text/csv"),
    ],
)
def test_too_many_rows(web: Application, body: bytes, type_: str) -> None:
    """Rows are bounded before they become objects, whatever their size."""
    refused(web, post(web, body, type_), 413, "body_too_large")


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",
        b"\x92\x80",
        b"\x81\x01\x02",
        b"\xc7\x01\x05x",
        b"\x91\x81\xa1x\xc7\x00\x01",  # an extension type without a byte
        b"\x92\xc6\x00\x01\x00\x00" + bytes(65_536) + b"\xd6\x00\x00\x00\x00\x09",
        b"\x91" * 2000,
        *(b"\x91" * depth + b"\x01\x01" for depth in (400, 500, 1000)),  # deep, and a byte too many
        b"\x81\xa1\xff\x01",
        GOOD,
    ],
)
def test_not_msgpack(web: Application, body: bytes) -> None:
    """What is no msgpack, or has keys and types that rows have not, is a 400."""
    refused(web, post(web, body, "application/msgpack"), 400, "invalid_msgpack")


def test_nan_in_msgpack(web: Application) -> None:
    """msgpack can say NaN, and is refused as text is."""
    body = msgpack.packb([{"sepal length": 1, "sepal width": float("nan")}])
    metadata = refused(web, post(web, body, "application/msgpack"), 422, "invalid_input")
    assert metadata["details"][0]["value"] == "nan"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"a,b\n1\n", 400, "invalid_csv"),
        (b"a,b\n1,2,3\n", 400, "invalid_csv"),
        (b'a,b\n"1,2\n', 400, "invalid_csv"),
        (b"a,b\n\xff,2\n", 400, "invalid_csv"),
        (b"a,b\n", 422, "invalid_input"),
        (b"a,b\n1,2\n", 400, "invalid_input"),
        (b"sepal length,sepal width\n1,\n", 422, "invalid_input"),
        (b"sepal length,sepal width\n1,x\n", 422, "invalid_input"),
    ],
)
def test_bad_csv(web: Application, body: bytes, status: int, code: str) -> None:
    """CSV that is ragged, lacks a column, or has a bad value is refused."""
    refused(web, post(web, body, "text/csv"), status, code)


def test_bad_param(web: Application) -> None:
    """A param of another type is named."""
    settings = ServiceSettings(params=(MappedField("k", Type.I64),))
    web.services.change("iris", settings=settings)
    metadata = refused(web, web.client.simulate_get(QUERY + "&k=x"), 422, "invalid_input")
    assert metadata["details"][0]["field"] == "k"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/", "not_found"),
        ("/predict/", "not_found"),
        ("/services/none/predict", "unknown_service"),
        ("/services/none/predict_proba", "unknown_service"),
        ("/services/none/list", "unknown_service"),
        ("/services/<script>/predict", "unknown_service"),
    ],
)
def test_not_found(web: Application, path: str, code: str) -> None:
    """An unknown path or service is a 404 in the one shape."""
    refused(web, web.client.simulate_get(path), 404, code)


def test_where_to_begin(web: Application) -> None:
    """Who asks for nothing in particular is told what there is, and it is there."""
    metadata = refused(web, web.client.simulate_get("/"), 404, "not_found")
    told = "there are /services, /services/{service}/predict, /alive, /health/ready"
    assert metadata["error_message"] == f"there is nothing at /; {told}"
    paths = told.removeprefix("there are ").replace("{service}", "iris").split(", ")
    assert [web.client.simulate_options(path).status_code for path in paths] == [200] * 4


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_methods(web: Application, method: str) -> None:
    """Another method is a 405 that tells the allowed ones."""
    got = web.client.simulate_request(method, "/predict")
    refused(web, got, 405, "method_not_allowed")
    assert got.headers["allow"] == "GET, HEAD, POST, OPTIONS"


@pytest.mark.parametrize(
    ("state", "code"),
    [("no_model", "no_model"), ("starting", "starting"), ("failed", "service_failed")],
)
def test_no_model(web: Application, state: str, code: str) -> None:
    """A service without a model is a 503 that tells why and when to come again."""
    web.services.change("iris", checker=None, version=None, state=state, reason="because")
    for got in (web.client.simulate_get(QUERY), post(web, GOOD)):
        metadata = refused(web, got, 503, code)
        assert metadata["error_message"] == "service iris cannot answer: because"
        assert got.headers["retry-after"] == "5"


def test_no_service(web: Application) -> None:
    """A front-end without services is a 503."""
    web.services.services.clear()
    refused(web, web.client.simulate_get("/predict"), 503, "no_service")


def raising(ex: Exception) -> Callable[..., Any]:
    def model(table: object, method: str) -> Any:
        raise ex

    return model


@pytest.mark.parametrize(
    ("ex", "status", "code"),
    [
        (NoModel("no active version"), 503, "no_model"),
        (Overloaded("1024 wait", 2.5), 503, "overloaded"),
        (WorkerCrashed("SIGSEGV"), 502, "model_crashed"),
        (WorkerLost("gone"), 502, "model_crashed"),
        (DeadlineExceeded("too late"), 504, "deadline_exceeded"),
        (Unavailable("away"), 503, "unavailable"),
        (Failure(Code.UNREPRESENTABLE, "column a, row 3: 2^60"), 422, "unrepresentable"),
        (Failure(Code.BAD_TABLE, "lacks b"), 422, "bad_table"),
        (Failure(Code.UNSUPPORTED, "no predict_proba"), 422, "unsupported"),
        (Failure(Code.EXPIRED, "late"), 504, "deadline_exceeded"),
        (Failure(Code.NO_MODEL, "none"), 503, "no_model"),
        (Failure(Code.PREDICT_FAILED, "secret", "secret"), 500, "model_error"),
        (Failure(Code.BAD_RESULT, "secret"), 500, "model_error"),
        (Failure(Code.BAD_MODEL, "secret"), 500, "model_error"),
        (Failure(Code.INTERNAL, "secret", "secret"), 500, "worker_error"),
        (Failure(Code.BAD_MESSAGE, "secret"), 500, "worker_error"),
        (BadFrame("secret"), 500, "worker_error"),
        (ZeroDivisionError("secret"), 500, "internal"),
        (OSError(errno.ENOSPC, "secret"), 503, "no_room"),
        (OSError(errno.EDQUOT, "secret"), 503, "no_room"),
        (OSError(errno.EBADF, "secret"), 500, "internal"),
    ],
)
def test_failures_behind_us(web: Application, ex: Exception, status: int, code: str) -> None:
    """Each failure behind the front-end has its status and code, and keeps its secrets."""
    web.services.model = raising(ex)
    got = web.client.simulate_get(QUERY)
    web.services.asked.clear()
    refused(web, got, status, code)
    assert "secret" not in got.text
    assert "Traceback" not in got.text
    assert ("retry-after" in got.headers) == (status == 503)


def test_retry_after_is_whole_seconds(web: Application) -> None:
    """Retry-After is rounded up."""
    web.services.model = raising(Overloaded("full", 2.5))
    assert web.client.simulate_get(QUERY).headers["retry-after"] == "3"


def test_every_code_of_the_contract_has_a_status(web: Application) -> None:
    """No code of the contract comes out as success or as a crash of ours."""
    for code in Code:
        web.services.model = raising(Failure(code, "what happened"))
        got = web.client.simulate_get(QUERY)
        assert got.status_code in (422, 500, 503, 504)
        assert got.json["metadata"]["error"] != "internal"


def test_model_errors_are_logged(web: Application) -> None:
    """The log has what the client is not told: the model's message and its own traceback."""
    web.services.model = raising(Failure(Code.PREDICT_FAILED, "stop(x)", "model.R line 3"))
    got = web.client.simulate_get(QUERY)
    (line,) = web.log.of("request failed")
    assert (line["reason"], line["traceback"]) == ("stop(x)", "model.R line 3")
    assert line["request_id"] == got.headers["x-request-id"]


@pytest.mark.parametrize(
    "ex",
    [
        Failure(Code.BAD_RESULT, "2 rows of 1"),
        WorkerCrashed("SIGSEGV"),
        BadFrame("too long"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_failures_that_are_understood(web: Application, ex: Exception) -> None:
    """A failure that is no fault of the runner's is logged without the runner's own traceback."""
    web.services.model = raising(ex)
    web.client.simulate_get(QUERY)
    (line,) = web.log.of("request failed")
    assert line["reason"] == str(ex)
    assert "traceback" not in line


def test_failures_that_nobody_foresaw(web: Application) -> None:
    """A fault of the runner's own is logged with where it happened."""
    web.services.model = raising(ZeroDivisionError("x"))
    web.client.simulate_get(QUERY)
    (line,) = web.log.of("request failed")
    assert line["traceback"].startswith("Traceback")
    assert "ZeroDivisionError: x" in line["traceback"]


def test_faults_of_callers_are_no_failures_of_ours(web: Application) -> None:
    """A caller's fault leaves its line, and no error."""
    web.client.simulate_get("/predict")
    assert web.log.of("request failed") == []
    assert [line["status"] for line in web.log.of("request")] == [400]
