"""What monitoring and people see: /alive, /list, /services, /health."""

import pytest

from tests.web.conftest import Application
from tests.web.twin import Service


def test_alive(web: Application) -> None:
    """Row "alive": /alive has Palladium's keys, with their meaning, and ours."""
    got = web.client.simulate_get("/alive")
    assert got.status_code == 200
    info = got.json
    assert 0 < info["memory_usage"] < info["memory_usage_vms"]
    assert info["palladium_version"] == "1.2.4"
    assert info["version"] == info["runner_version"]
    assert info["service_metadata"] == {"service_name": "iris", "service_version": "0.1"}
    assert info["model"] == {
        "updated": "2024-02-29T12:00:00Z",
        "metadata": {
            "train_timestamp": "2024-02-29T12:00:00Z",
            "score_test": 0.9,
            "version": 7,
        },
    }
    assert info["process_metadata"] == {"jobs": {}}
    assert info["services"]["iris"]["state"] == "ready"
    assert info["workers"] == [{"service": "iris", "pid": 1}]


def test_alive_without_a_model(web: Application) -> None:
    """Without a model /alive is a 503 with N/A in the model's place, and the reason.

    Row "alive".
    """
    web.services.change("iris", version=None, checker=None, state="no_model", reason="not fitted")
    got = web.client.simulate_get("/alive")
    assert (got.status_code, got.json["model"]) == (503, "N/A")
    metadata = got.json["metadata"]
    assert (metadata["status"], metadata["error"]) == ("ERROR", "not_ready")
    assert metadata["details"] == [{"service": "iris", "reason": "not fitted"}]


def test_alive_without_a_supervisor(web: Application) -> None:
    """Without a supervisor /alive is a 503 that tells the rest all the same."""
    web.services.supervised = False
    got = web.client.simulate_get("/alive")
    assert got.status_code == 503
    assert got.json["metadata"]["details"][0]["service"] == "supervisor"
    assert got.json["memory_usage"] > 0


def test_alive_without_services(web: Application) -> None:
    """Without any service /alive is a 503."""
    web.services.services.clear()
    assert web.client.simulate_get("/alive").status_code == 503


@pytest.mark.parametrize(
    ("path", "service"),
    [("/list", "iris"), ("/services/iris/list", "iris"), ("/services/b/list", "b")],
)
def test_list(web: Application, path: str, service: str) -> None:
    """/list is what the store says of a service, in Palladium's shape, with a link to the rest.

    Row "list".
    """
    web.services.services["b"] = Service("b")
    got = web.client.simulate_get(path)
    assert got.json == {
        "models": [{"version": 7}],
        "properties": {"active-model": "7"},
        "next": {"before": 7},
        "service": service,
        "limit": 100,
        "before": None,
    }
    assert got.headers["link"] == "<?limit=100&before=7>; rel=next"


def test_a_page_of_a_list(web: Application) -> None:
    """limit and before reach the store; the last page has no link."""
    got = web.client.simulate_get("/list?limit=1000&before=7")
    assert (got.json["limit"], got.json["before"]) == (1000, 7)
    assert "next" not in got.json
    assert "link" not in got.headers


@pytest.mark.parametrize("name", ["limit", "before"])
@pytest.mark.parametrize(
    "value",
    ["0", "-1", "+1", "1.0", "1e2", "", "all", "%20" * 3, "1_0", "2147483648", "9" * 99, "٣"],
)
def test_no_page(web: Application, name: str, value: str) -> None:
    """What is no number in its range is a 422 that names field, value and range."""
    got = web.client.simulate_get("/list", query_string=f"{name}={value}")
    assert (got.status_code, got.json["metadata"]["error"]) == (422, "invalid_input")
    (detail,) = got.json["metadata"]["details"]
    assert detail["field"] == name
    assert detail["expected"].startswith("an integer from 1 to ")


def test_the_largest_page(web: Application) -> None:
    """An answer has a bound."""
    assert web.client.simulate_get("/list?limit=1000").status_code == 200
    assert web.client.simulate_get("/list?limit=1001").status_code == 422


def test_list_without_a_supervisor(web: Application) -> None:
    """Without a supervisor the versions are not known, and that is said."""
    web.services.supervised = False
    got = web.client.simulate_get("/list")
    assert (got.status_code, got.json["metadata"]["error"]) == (503, "unavailable")


def test_services(web: Application) -> None:
    """/services lists names, versions and states in the order of the configs."""
    web.services.services["b"] = Service("b", "2", "r", None, "no_model", "not fitted")
    assert web.client.simulate_get("/services").json["result"] == [
        {
            "service_name": "iris",
            "service_version": "0.1",
            "language": "python",
            "model_version": 7,
            "state": "ready",
            "reason": "",
        },
        {
            "service_name": "b",
            "service_version": "2",
            "language": "r",
            "model_version": None,
            "state": "no_model",
            "reason": "not fitted",
        },
    ]


def test_live_asks_nobody(web: Application) -> None:
    """/health/live answers while everything else is away."""
    web.services.supervised = False
    web.services.services.clear()
    assert web.client.simulate_get("/health/live").status_code == 200


def test_ready(web: Application) -> None:
    """/health/ready is a 200 while every service is ready."""
    assert web.client.simulate_get("/health/ready").status_code == 200


def test_not_ready(web: Application) -> None:
    """One service that is not ready makes a 503 that names it and why."""
    web.services.services["b"] = Service("b", state="starting", reason="loading version 3")
    got = web.client.simulate_get("/health/ready")
    assert got.status_code == 503
    assert got.json["metadata"]["error_message"] == "not ready: b: loading version 3"
    assert got.json["metadata"]["details"] == [{"service": "b", "reason": "loading version 3"}]


@pytest.mark.parametrize("path", ["/alive", "/list", "/services", "/health/live", "/health/ready"])
def test_head_of_states(web: Application, path: str) -> None:
    """Load balancers may ask with HEAD."""
    got = web.client.simulate_head(path)
    assert (got.status_code, got.content) == (200, b"")
