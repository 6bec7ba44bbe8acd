"""Change what is served over HTTP: Palladium's POST /fit, /activate, /update-model-cache; jobs."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.serving.project import Project, tricky, write_project
from tests.serving.server import Server, serving, until

FORM = "application/x-www-form-urlencoded"
SLOW = """
import time

class Slow:
    def fit(self, X, y):
        print("a slow fit begins", flush=True)
        time.sleep(300)

    def predict(self, X):
        return X[:, 0]
"""
HELD = """
import os, time

class Held:
    def fit(self, X, y):
        pass

    def predict(self, X):
        return X[:, 0]

    def __setstate__(self, state):
        while os.path.exists("held"):
            time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A service with two versions, the second active, that may be changed over HTTP."""
    made = tricky(tmp_path_factory.mktemp("actions") / "project")
    made.config.write_text(made.config.read_text() + "server: {actions: true}\n")
    made.fit()
    made.fit()
    return made


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[Server]:
    with serving(project) as found:
        yield found


def ended(server: Server, job: str) -> dict[str, Any]:
    """Wait for a job's end."""

    def look() -> dict[str, Any] | None:
        status, told = server.get(f"/jobs/{job}")
        assert 200 == status
        return told if told["state"] not in ("queued", "running") else None

    found: dict[str, Any] = until(look, 60)
    return found


def records(project: Project, action: str) -> list[dict[str, Any]]:
    lines = (project.folder / "runner-audit.jsonl").read_text().splitlines()
    return [each for line in lines if (each := json.loads(line))["event.action"] == action]


def test_activate(project: Project, server: Server) -> None:
    """POST /activate (parity: model_version): the answer is /list's, and the version in force.

    Row "actions".
    """
    before = len(records(project, "activate"))
    status, told, _ = server.request("POST", "/activate", {"model_version": 1})
    assert (200, "1") == (status, told["properties"]["active-model"])
    assert 1 == server.predict("tricks", x=3.0)[1]["metadata"]["model_version"]
    form = b"model_version=2"
    assert 200 == server.request("POST", "/services/tricks/activate", form, **_type(FORM))[0]
    assert 200 == server.request("POST", "/activate?model_version=2")[0]
    assert 2 == server.predict("tricks", x=3.0)[1]["metadata"]["model_version"]
    found = records(project, "activate")[before:]
    assert [1, 2, 2] == [each["runner.model.version"] for each in found]
    assert {"tricks"} == {each["service.name"] for each in found}
    jobs = [each for each in server.get("/jobs")[1]["jobs"] if each["kind"] == "activate"]
    assert [1, 2, 2] == [each["arguments"]["model_version"] for each in jobs]
    assert {("finished", "http 127.0.0.1")} == {(each["state"], each["by"]) for each in jobs}
    assert jobs[0]["log"].startswith("Version 1 is active")


def test_activate_unknown(server: Server) -> None:
    """Row "actions": POST /activate (parity): an unknown version is 404, and changes nothing."""
    status, told, _ = server.request("POST", "/activate", {"model_version": 99})
    assert (404, "not_found") == (status, told["metadata"]["error"])
    assert 2 == server.predict("tricks", x=3.0)[1]["metadata"]["model_version"]
    assert "there is no version 99" in server.get("/jobs")[1]["jobs"][-1]["reason"]


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/activate", {}, 400, "model_version is missing"),
        ("/activate", {"model_version": "two"}, 422, "model_version: expected the number"),
        ("/activate", {"model_version": True}, 422, "model_version: expected the number"),
        ("/activate", {"modelversion": 1}, 422, "modelversion: expected one of model_version"),
        ("/activate", [1], 422, "no object"),
        ("/activate", b"\xff=1", 400, "not UTF-8"),
        ("/fit", {"persist": "perhaps"}, 422, "persist: expected true or false"),
        ("/fit", {"persist_if_better_than": "high"}, 422, "expected a number"),
        ("/fit", {"persist_if_better_than": float("inf")}, 400, "no JSON"),
        ("/services/nobody/fit", {}, 404, "there is no service 'nobody'"),
        ("/update-model-cache", {"now": 1}, 422, "now: expected nothing"),
    ],
)
def test_bad_arguments(server: Server, path: str, body: Any, status: int, word: str) -> None:
    """What is wrong is told by its name, and nothing is done."""
    headers = _type(FORM) if isinstance(body, bytes) else {}
    found, told, _ = server.request("POST", path, body, **headers)
    assert status == found
    assert word in told["metadata"]["error_message"]


def test_fit(project: Project, server: Server) -> None:
    """POST /fit (parity: persist, activate, evaluate, persist_if_better_than → job_id).

    Row "actions".
    """
    arguments = {"activate": False, "evaluate": True}
    status, told, headers = server.request("POST", "/fit", arguments)
    assert 202 == status
    assert f"/services/tricks/jobs/{told['job_id']}" == headers["location"]
    job = ended(server, told["job_id"])
    assert ("finished", arguments) == (job["state"], job["arguments"])
    assert (True, False) == (job["result"]["saved"], job["result"]["activated"])
    assert "Fitting model… done" in job["log"]
    assert "fitting tricks" in job["log"]
    _, listed = server.get("/list")
    newest = listed["models"][-1]
    assert job["result"]["version"] == newest["version"]
    assert ("http 127.0.0.1", 1.0) == (newest["user"], newest["score_test"])
    assert job["result"]["version"] == records(project, "fit")[-1]["runner.model.version"]
    assert 2 == server.predict("tricks", x=3.0)[1]["metadata"]["model_version"]
    form = b"persist_if_better_than=1.5"
    _, told, _ = server.request("POST", "/fit", form, **_type(FORM))
    job = ended(server, told["job_id"])
    assert (False, "finished") == (job["result"]["saved"], job["state"])
    assert "below 1.5" in job["result"]["note"]
    command = project.run("jobs", "--json").json
    assert [job["id"] for job in server.get("/jobs")[1]["jobs"]] == [
        job["id"] for job in command["jobs"]
    ]
    told = project.run("jobs", job["id"]).stdout
    assert job["log"] in told
    assert f"{job['id']}  fit   finished  http 127.0.0.1" in told  # whole, also in a pipe


def test_update_model_cache(server: Server) -> None:
    """POST /update-model-cache (parity): a job that ends once the active version is in force.

    Row "actions".
    """
    status, told, _ = server.request("POST", "/update-model-cache")
    assert 200 == status
    job = ended(server, told["job_id"])
    assert ("finished", "update-model-cache") == (job["state"], job["kind"])
    assert "http 127.0.0.1" == job["by"]
    assert 2 == job["result"]["version"]
    assert "finished" == _alive(server, told["job_id"])["status"]


def test_alive_tells_how_a_job_ended(server: Server) -> None:
    """Callers of Palladium's ask /alive until their job is `finished`, or an `error`.

    Row "alive".
    """
    _, told, _ = server.request("POST", "/fit?persist=false")
    ended(server, told["job_id"])
    until(lambda: "finished" == _alive(server, told["job_id"])["status"])
    job = _alive(server, told["job_id"])
    assert "tricks" == job["service"]
    assert '"saved": false' in job["info"]
    assert job["started"].endswith("+00:00")


def test_delete(project: Project, server: Server) -> None:
    """A version can be deleted, the active one cannot; an unknown one is 404."""
    number = project.fit("--no-activate")
    path = f"/services/tricks/versions/{number}"
    status, told, _ = server.request("DELETE", path)
    assert 200 == status
    assert number not in [each["version"] for each in told["models"]]
    assert 404 == server.request("DELETE", path)[0]
    assert 404 == server.request("DELETE", "/services/tricks/versions/none")[0]
    status, told, _ = server.request("DELETE", "/services/tricks/versions/2")
    assert (409, "refused") == (status, told["metadata"]["error"])


def test_actions_are_off_unless_asked_for(tmp_path: Path) -> None:
    """Where nobody is known, nobody changes anything over HTTP."""
    made = tricky(tmp_path / "project")
    made.fit()
    with serving(made) as found:
        for method, path in (
            ("POST", "/fit"),
            ("POST", "/activate?model_version=1"),
            ("POST", "/update-model-cache"),
            ("DELETE", "/services/tricks/versions/1"),
            ("GET", "/jobs"),
        ):
            assert 404 == found.request(method, path)[0]


@pytest.fixture
def slow(tmp_path: Path) -> Project:
    """A service whose fit takes minutes."""
    return write_project(
        tmp_path / "slow",
        """\
        service_metadata: {service_name: slow, service_version: "1.0"}
        dataset_loader_train: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
        model: {"!": slow.Slow}
        server: {actions: true, max_jobs: 2}
        """,
        data__csv="x,y\n1.0,2.0\n2.0,4.0\n",
        slow__py=SLOW,
    )


def test_jobs_wait_their_turn_and_can_be_cancelled(slow: Project) -> None:
    """One at a time, a bounded queue; cancelled over HTTP and by command; failed at the end.

    Row "actions".
    """
    with serving(slow, wait=False) as server:
        until(lambda: server.get("/health/live")[0] == 200)
        first, second = (_begin(server) for _ in range(2))
        until(lambda: "a slow fit begins" in server.get(f"/jobs/{first}")[1]["log"], 60)
        assert "queued" == server.get(f"/jobs/{second}")[1]["state"]
        assert {first, second} == set(server.get("/alive")[1]["process_metadata"]["jobs"])
        status, told, _ = server.request("POST", "/fit")
        assert 503 == status
        assert "the most it may" in told["metadata"]["error_message"]
        children = [p for p in server.descendants() if "fit" in p.cmdline()]
        assert 202 == server.request("DELETE", f"/jobs/{first}")[0]
        assert "cancelled" == ended(server, first)["state"]
        psutil.wait_procs(children, 30)
        assert not any(p.is_running() for p in children)
        assert "failure" == records(slow, "fit")[-1]["event.outcome"]
        until(lambda: server.get(f"/jobs/{second}")[1]["state"] == "running")
        assert 0 == slow.run("jobs", second, "--cancel").code
        assert "cancelled" == ended(server, second)["state"]
        assert 409 == server.request("DELETE", f"/jobs/{second}")[0]
        third = _begin(server)
        until(lambda: server.get(f"/jobs/{third}")[1]["state"] == "running")
        assert 0 == server.end(signal.SIGTERM)
    (told,) = [job for job in slow.run("jobs", "--json").json["jobs"] if job["id"] == third]
    assert ("failed", "the server stopped") == (told["state"], told["reason"])


def test_activations_are_processes_that_can_be_cancelled(held: Project) -> None:
    """They wait for no fit, each in a process of its own; one that is cancelled in time is a 409.

    Row "actions".
    """
    hold = held.folder / "held"
    with serving(held) as server, ThreadPoolExecutor() as threads:
        hold.touch()
        told = threads.submit(server.request, "POST", "/activate", {"model_version": 1})
        job = until(lambda: next(iter(_running(server, "activate")), None))
        until(lambda: "1" == server.get("/list")[1]["properties"]["active-model"])
        (process,) = [p for p in server.descendants() if "runner.workers.switching" in p.cmdline()]
        update = server.request("POST", "/update-model-cache")[1]["job_id"]
        assert 503 == server.request("POST", "/update-model-cache")[0]  # max_jobs: 2
        assert 202 == server.request("DELETE", f"/jobs/{job}")[0]
        status, answer, _ = told.result()
        assert (409, "the job was cancelled") == (status, answer["metadata"]["error_message"])
        assert not psutil.wait_procs([process], 30)[1]
        assert "cancelled" == ended(server, job)["state"]
        assert 2 == server.predict("held", x=3.0)[1]["metadata"]["model_version"]
        hold.unlink()
        assert "finished" == ended(server, update)["state"]
        assert 1 == server.predict("held", x=3.0)[1]["metadata"]["model_version"]
    assert ["failure"] == [each["event.outcome"] for each in records(held, "activate")]


def test_a_killed_server_leaves_no_job_running(slow: Project) -> None:
    """kill -9 of the server: the job's processes end, and the job has failed soon after."""
    with serving(slow, wait=False) as server:
        until(lambda: server.get("/health/live")[0] == 200)
        job = _begin(server)
        until(lambda: "a slow fit begins" in server.get(f"/jobs/{job}")[1]["log"], 60)
        children = server.descendants()
        server.end(signal.SIGKILL)
        _, alive = psutil.wait_procs(children, 30)
        assert [] == alive
        began = time.monotonic()
        until(lambda: slow.run("jobs", job, "--json").json["state"] == "failed", 60)
        assert "gone" in slow.run("jobs", job, "--json").json["reason"], time.monotonic() - began
    assert ["failure"] == [each["event.outcome"] for each in records(slow, "fit")]


@pytest.fixture
def held(tmp_path: Path) -> Project:
    """A service with two versions, the second active, that load once there is no file `held`."""
    project = write_project(
        tmp_path / "held",
        """\
        service_metadata: {service_name: held, service_version: "1.0"}
        dataset_loader_train: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
        model: {"!": held.Held}
        server: {actions: true, max_jobs: 2}
        """,
        data__csv="x,y\n1.0,2.0\n2.0,4.0\n",
        held__py=HELD.replace('"held"', repr(str(tmp_path / "held" / "held"))),
    )
    project.fit()
    project.fit()
    return project


def _running(server: Server, kind: str) -> list[str]:
    jobs = server.get("/jobs")[1]["jobs"]
    return [each["id"] for each in jobs if (kind, "running") == (each["kind"], each["state"])]


def _begin(server: Server) -> str:
    status, told, _ = server.request("POST", "/fit")
    assert 202 == status
    return str(told["job_id"])


def _alive(server: Server, job: str) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/alive")[1]["process_metadata"]["jobs"][job]
    return found


def _type(media: str) -> dict[str, str]:
    return {"Content-Type": media}
