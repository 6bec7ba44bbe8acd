"""Whoever changes something over HTTP, or is refused, leaves one record of it: a real server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.audit.test_serving import by_id, records
from tests.serving.project import RUNNER, Project, write_project
from tests.serving.server import Server, serving, until

SLOW = """
import time

class Slow:
    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def fit(self, X, y):
        print("a slow fit begins", flush=True)
        time.sleep(self.seconds)

    def predict(self, X):
        return X[:, 0]
"""
AUTH = "auth: {{trusted_header: X-Client, from: [127.0.0.1], grant: [{scopes}]}}\n"


def made(folder: Path, scopes: str, seconds: float = 0.0) -> Project:
    """Make a service with two versions, the second active, whose next fits take ``seconds``."""
    project = write_project(
        folder,
        """\
        service_metadata: {service_name: slow, service_version: "1.0"}
        dataset_loader_train: {"!": runner.datasets.CSV, path: data.csv, target_column: y}
        """,
        data__csv="x,y\n1.0,2.0\n2.0,4.0\n",
        slow__py=SLOW,
    )
    model = 'model: {{"!": slow.Slow, seconds: {}}}\n'
    begun = project.config.read_text() + "server: {max_jobs: 1}\n" + AUTH.format(scopes=scopes)
    project.config.write_text(begun + model.format(0.0))
    project.fit()
    project.fit()
    project.config.write_text(begun + model.format(seconds))
    return project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A service whose fits take minutes."""
    return made(tmp_path_factory.mktemp("changes") / "slow", "'models:read', 'models:write'", 300.0)


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[Server]:
    with serving(project) as found:
        yield found


@dataclass(frozen=True)
class Case:
    """A request, and what its one record says."""

    request: str
    status: int
    action: str
    error: str | None = None
    body: Any = None
    client: str | None = "billing"
    service: str | None = "slow"
    version: int | None = None


def _asked(server: Server, case: Case, name: str) -> Any:
    method, path = case.request.split(" ")
    headers = {"X-Request-Id": name} | ({"X-Client": case.client} if case.client else {})
    status, told, _ = server.request(method, path, case.body, **headers)
    assert case.status == status, told
    return told


def _told(project: Project, name: str) -> dict[str, Any]:
    """Give the one record of a request."""
    (told,) = by_id(project.folder)[name]
    return told


def _held(case: Case, told: dict[str, Any]) -> None:
    method, path = case.request.split(" ")
    outcome = "success" if case.status < 400 else "failure"
    assert (case.action, outcome) == (told["event.action"], told["event.outcome"])
    assert case.status == told["http.response.status_code"]
    assert (method, path) == (told["http.request.method"], told["url.path"])
    assert case.error == told.get("error.code")
    assert case.client == told.get("client.id")
    assert case.service == told.get("service.name")
    assert case.version == told.get("runner.model.version")
    body = b"" if case.body is None else json.dumps(case.body).encode()
    assert told["http.request.body.bytes"] in (len(body), 0 if case.status in (401, 403) else -1)


UNKNOWN, INVALID = "unknown_service", "invalid_input"
VERSION = "/services/slow/versions"

REFUSED = [
    Case("POST /fit", 422, "fit", INVALID, {"persist": "perhaps"}),
    Case("POST /fit", 422, "fit", INVALID, [1]),
    Case("POST /services/none/fit", 404, "fit", UNKNOWN, service=None),
    Case("POST /activate", 400, "activate", INVALID, {}),
    Case("POST /activate", 422, "activate", INVALID, {"model_version": "two"}),
    Case("POST /activate", 404, "activate", "not_found", {"model_version": 99}, version=99),
    Case("POST /services/none/activate", 404, "activate", UNKNOWN, service=None),
    Case(f"DELETE {VERSION}/99", 404, "delete", "not_found", version=99),
    Case(f"DELETE {VERSION}/none", 404, "delete", "not_found"),
    Case(f"DELETE {VERSION}/2", 409, "delete", "refused", version=2),
    Case("DELETE /services/none/versions/1", 404, "delete", UNKNOWN, service=None),
    Case("DELETE /jobs/none", 404, "cancel", "not_found"),
    Case("DELETE /services/none/jobs/1", 404, "cancel", UNKNOWN, service=None),
]
CHANGES = ["POST /fit", "POST /activate", f"DELETE {VERSION}/1", "DELETE /jobs/none"]


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda n: REFUSED[n].request)
def test_refused(project: Project, server: Server, number: int) -> None:
    """404, 409 and 422 leave one record with what was asked for, why not, and who asked."""
    case, name = REFUSED[number], f"refused-{number}"
    _asked(server, case, name)
    _held(case, _told(project, name))


@pytest.mark.parametrize("request_line", CHANGES)
def test_unknown_callers(project: Project, server: Server, request_line: str) -> None:
    """401 leaves one record, of refused access by nobody."""
    case = Case(request_line, 401, "access", "unauthenticated", client=None, service=None)
    name = "unknown-" + request_line.replace(" ", "").replace("/", "-")
    _asked(server, case, name)
    _held(case, _told(project, name))


def test_callers_without_the_scope(tmp_path: Path) -> None:
    """403 leaves one record, of refused access by the client."""
    project = made(tmp_path / "slow", "predict")
    with serving(project) as server:
        for number, line in enumerate(CHANGES):
            case = Case(line, 403, "access", "insufficient_scope", service=None)
            _asked(server, case, f"scope-{number}")
            _held(case, _told(project, f"scope-{number}"))


def test_changes(project: Project, server: Server) -> None:
    """An activation, a deletion: one record each, of success, with the version and the client."""
    cases = [
        Case("POST /activate", 200, "activate", body={"model_version": 1}, version=1),
        Case(f"DELETE {VERSION}/2", 200, "delete", version=2),
    ]
    for number, case in enumerate(cases):
        _asked(server, case, f"done-{number}")
        _held(case, _told(project, f"done-{number}"))


def test_jobs(project: Project, server: Server) -> None:
    """A fit leaves one record when it ends, its cancellation one, and its refusal one."""
    before = [r for r in records(project.folder) if r["event.action"] == "fit"]
    job = _asked(server, Case("POST /fit", 202, "fit"), "begun")["job_id"]
    path = f"/jobs/{job}"
    until(lambda: "a slow fit begins" in server.request("GET", path, **_READER)[1]["log"], 60)
    full = Case("POST /fit", 503, "fit", "unavailable")
    _asked(server, full, "one-too-many")
    _held(full, _told(project, "one-too-many"))
    cancel = Case(f"DELETE {path}", 202, "cancel")
    _asked(server, cancel, "cancelled")
    _held(cancel, _told(project, "cancelled"))
    until(lambda: server.request("GET", path, **_READER)[1]["state"] == "cancelled", 60)
    again = Case(f"DELETE {path}", 409, "cancel", "refused")
    _asked(server, again, "cancelled-twice")
    _held(again, _told(project, "cancelled-twice"))
    assert "begun" not in by_id(project.folder)
    fits = [r for r in records(project.folder) if r["event.action"] == "fit"][len(before) :]
    assert [("one-too-many", "failure"), (None, "failure")] == [
        (r.get("http.request.id"), r["event.outcome"]) for r in fits
    ]
    assert ("billing", "slow") == (fits[1]["client.id"], fits[1]["service.name"])


_READER = {"X-Client": "reader"}


def test_cancelling_by_command(project: Project, server: Server) -> None:
    """`runner jobs --cancel` leaves a record with who did it, or tried to."""
    assert 3 == project.run("jobs", "none", "--cancel").code
    job = _asked(server, Case("POST /fit", 202, "fit"), "to-be-cancelled")["job_id"]
    assert 0 == project.run("jobs", job, "--cancel").code
    told = [r for r in records(project.folder)
            if r["event.action"] == "cancel" and "http.request.id" not in r]  # fmt: skip
    assert ["NotFound", None] == [each.get("error.code") for each in told]
    assert {"slow"} == {each["service.name"] for each in told}
    assert all(each["user.name"] for each in told)


def _fits(project: Project) -> list[dict[str, Any]]:
    return [r for r in records(project.folder) if r["event.action"] == "fit"]


def _idle(server: Server) -> bool:
    """Say whether no job runs or waits."""
    jobs = server.request("GET", "/alive", **_READER)[1]["process_metadata"]["jobs"]
    return not {job["status"] for job in jobs.values()} & {"queued", "running"}


def test_a_fit_that_is_killed(project: Project, server: Server) -> None:
    """A job whose command was killed leaves one record all the same: the server's."""
    until(lambda: _idle(server))
    before = len(_fits(project))
    job = _asked(server, Case("POST /fit", 202, "fit"), "killed")["job_id"]
    path = f"/jobs/{job}"
    until(lambda: "a slow fit begins" in server.request("GET", path, **_READER)[1]["log"], 60)
    for process in server.descendants():
        if "fit" in process.cmdline():
            process.kill()
    until(lambda: server.request("GET", path, **_READER)[1]["state"] == "failed", 60)
    (told,) = _fits(project)[before:]
    assert ("failure", "Killed") == (told["event.outcome"], told["error.code"])
    assert ("billing", "slow") == (told["client.id"], told["service.name"])


def test_a_fit_that_does_not_begin(project: Project, server: Server) -> None:
    """A job that is cancelled while its command starts, or cannot read its config, leaves one."""
    until(lambda: _idle(server))
    before = len(_fits(project))
    job = _asked(server, Case("POST /fit", 202, "fit"), "early")["job_id"]
    until(lambda: server.request("GET", f"/jobs/{job}", **_READER)[1]["state"] == "running", 60)
    _asked(server, Case(f"DELETE /jobs/{job}", 202, "cancel"), "early-cancel")
    until(lambda: server.request("GET", f"/jobs/{job}", **_READER)[1]["state"] == "cancelled", 60)
    text = project.config.read_text()
    project.config.write_text(text.replace("model:", "modle:"))
    try:
        job = _asked(server, Case("POST /fit", 202, "fit"), "faulty")["job_id"]
        until(lambda: server.request("GET", f"/jobs/{job}", **_READER)[1]["state"] == "failed", 60)
    finally:
        project.config.write_text(text)
    early, faulty = _fits(project)[before:]
    # Had the command got as far as its own record, that would say that it was interrupted.
    assert early["error.code"] in ("Cancelled", "KeyboardInterrupt")
    assert faulty["error.code"] == "ConfigError"
    assert {"billing"} == {early["client.id"], faulty["client.id"]}


@pytest.mark.parametrize("script", [(), ("sh", "-c", 'trap "" INT; exec "$@"', "sh")])
def test_a_command_that_is_ended(project: Project, script: tuple[str, ...]) -> None:
    """SIGTERM of a command is recorded as Ctrl-C is, though what a script starts ignores that."""
    before = len(_fits(project))
    argv = [*script, *RUNNER, "fit", "-c", str(project.config)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "a slow fit begins" in line:
                break
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 130  # as after Ctrl-C
    (told,) = _fits(project)[before:]
    assert ("failure", "KeyboardInterrupt") == (told["event.outcome"], told["error.code"])
