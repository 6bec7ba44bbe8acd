"""`runner serve`, whole: real gunicorn, real workers, a real store."""

from __future__ import annotations

import signal
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from benchmarks.faults.load import Load
from tests.serving.project import Project, run, tricky
from tests.serving.server import Server, serving, until


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Project]:
    folder = tmp_path_factory.mktemp("projects")
    tricks = tricky(folder / "tricks")
    other = tricky(folder / "other", name="other", factor=3.0)
    assert (tricks.fit(), other.fit()) == (1, 1)
    return tricks, other


@pytest.fixture(scope="module")
def server(projects: tuple[Project, Project]) -> Server:
    with serving(*projects) as found:
        yield found


def test_two_services_answer_for_themselves(server: Server) -> None:
    """Each service of one server answers with its own model."""
    answers = [server.predict(name, x=7.0)[1]["result"] for name in ("tricks", "other")]
    assert answers == [14.0, 21.0]


def test_default_service_is_the_first(server: Server) -> None:
    """/predict is the first config's service."""
    assert server.get("/predict", x=7.0)[1]["result"] == 14.0


@pytest.mark.parametrize("x", [-1.0, -2.0, -5.0], ids=["os._exit(0)", "SIGSEGV", "exit(3)"])
def test_a_model_that_ends_its_process_costs_its_own_request_only(server: Server, x: float) -> None:
    """The request that kills its worker gets 502; the next one, and the other service, succeed."""
    status, body = server.predict("tricks", x=x)
    assert (status, body["metadata"]["error"]) == (502, "model_crashed")
    assert server.predict("other", x=1.0)[1]["result"] == 3.0
    assert server.predict("tricks", x=1.0)[1]["result"] == 2.0


def test_neighbours_of_a_deadly_request_succeed(server: Server) -> None:
    """Requests in flight with one that kills the worker are tried again and succeed."""
    with Load(server.port, "tricks", {1: 2.0}, connections=8) as load:
        load.wait_for(100)
        assert server.predict("tricks", x=-1.0)[0] == 502
        load.wait_for(100)
    assert load.faults == []


def test_a_model_error_is_500_without_its_words(server: Server) -> None:
    """An exception of the model's is told by code only; its text and traceback stay in the log."""
    status, body = server.predict("tricks", x=-4.0)
    assert status == 500
    assert "does not like" not in str(body)
    assert "Traceback" not in str(body)
    assert "does not like" in server.log.read_text()


def test_a_hanging_model_is_504_and_replaced(tmp_path: Path) -> None:
    """A request beyond its deadline gets 504, the worker is killed, and another one takes over."""
    project = tricky(tmp_path / "hanging", service="timeout: 1")
    project.fit()
    with serving(project) as server:
        before = server.worker_pids("tricks")
        status, body = server.predict("tricks", x=-3.0)
        assert (status, body["metadata"]["error"]) == (504, "deadline_exceeded")
        until(lambda: server.get("/health/ready")[0] == 200, what="the worker is replaced")
        assert server.predict("tricks", x=4.0)[1]["result"] == 8.0
        assert server.worker_pids("tricks") != before


def test_kill_9_of_a_worker_under_load_fails_no_request(server: Server) -> None:
    """A worker killed from outside costs no caller anything."""
    with Load(server.port, "tricks", {1: 2.0}, connections=8) as load:
        for _ in range(3):
            load.wait_for(100)
            (pid,) = until(lambda: server.worker_pids("tricks"))
            psutil.Process(pid).kill()
        load.wait_for(200)
    assert load.faults == []


def test_model_output_goes_to_the_log_with_the_service(server: Server) -> None:
    """What the adapter of a service prints is a log line that names service and version."""
    server.predict("tricks", x=-4.0)
    lines = [e for e in server.events if "does not like" in str(e)]
    assert {line["service"] for line in lines} == {"tricks"}


def test_activation_reaches_the_server_and_loses_nothing(
    server: Server, projects: tuple[Project, Project]
) -> None:
    """Versions switch back and forth under load: each answer is that of the version it names."""
    tricks, _ = projects
    text = tricks.config.read_text()
    tricks.config.write_text(text.replace("factor: 2.0", "factor: 5.0"))
    assert tricks.fit("--no-activate") == 2
    tricks.config.write_text(text)
    with Load(server.port, "tricks", {1: 2.0, 2: 5.0}, connections=8) as load:
        for number in (2, 1, 2, 1):
            done = tricks.run("activate", str(number), "--json")
            assert done.code == 0, done.stdout + done.stderr
            assert len(done.json["servers"]) == 1
            assert _version(server) == number
    assert load.faults == []
    assert set(load.versions) == {1, 2}


def _version(server: Server) -> int:
    return int(server.predict("tricks", x=1.0)[1]["metadata"]["model_version"])


def test_a_corrupt_version_never_serves(server: Server, projects: tuple[Project, Project]) -> None:
    """A version whose artifact changed in the store is refused; the former one serves on."""
    _, other = projects
    number = other.fit("--no-activate")
    with sqlite3.connect(other.folder / "runner.db") as database:
        newest = "(select max(artifact_id) from runner_chunks)"
        ((held,),) = database.execute(
            f"select data from runner_chunks where artifact_id = {newest}"
        )
        flipped = bytes([held[0] ^ 1]) + held[1:]
        database.execute(
            f"update runner_chunks set data = ? where artifact_id = {newest}", (flipped,)
        )
    done = other.run("activate", str(number))
    assert done.code == 1
    assert f"version {number} cannot start" in done.stderr
    assert "version 1 serves on" in done.stderr
    (told,) = other.run("list", "--json").json["servers"]
    assert (told["version"], told["target"], told["state"]) == (1, number, "failed")
    assert "sha256" in told["reason"]
    (failure,) = server.get("/alive")[1]["failures"]
    assert (failure["service"], failure["version"]) == ("other", number)
    assert server.predict("other", x=2.0)[1]["metadata"]["model_version"] == 1
    done = other.run("test", "--model-version", str(number))
    assert done.code == 1
    assert f"version {number}" in done.stderr
    assert "sha256" in done.stderr
    assert other.run("activate", "1").code == 0


def test_sigterm_finishes_what_has_begun(tmp_path: Path) -> None:
    """SIGTERM in the middle of a slow request: it is answered, then everything ends with code 0."""
    project = tricky(tmp_path / "slow")
    project.fit()
    with serving(project) as server, ThreadPoolExecutor() as pool:
        before = server.descendants()
        slow = pool.submit(server.predict, "tricks", x=-6.0)
        until(lambda: _busy(server), 10, "the slow request is at work")
        code = server.end(signal.SIGTERM)
        status, body = slow.result()
        assert (status, body["result"], code) == (200, -12.0, 0)
        until(lambda: not [p for p in before if p.is_running()], 5, "no process is left")


def _busy(server: Server) -> bool:
    """Whether a front-end holds an established connection of a client."""
    return any(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == server.port
        for process in server.descendants()
        for connection in process.net_connections("tcp")
    )


def test_kill_9_of_the_supervisor_leaves_nothing(tmp_path: Path) -> None:
    """With the supervisor killed, everything else ends by itself; a new start is clean."""
    project = tricky(tmp_path / "orphans")
    project.fit()
    with serving(project) as server:
        left = server.descendants()
        assert len(left) >= 3
        server.end(signal.SIGKILL)
        _, alive = psutil.wait_procs(left, timeout=5)
        assert alive == []
    with serving(project) as server:
        assert server.predict("tricks", x=1.0)[1]["result"] == 2.0


def test_a_service_without_a_model_is_503_until_it_has_one(tmp_path: Path) -> None:
    """No version: 503 no_model and not ready; the first fit makes it ready without a restart."""
    project = tricky(tmp_path / "empty")
    with serving(project, wait=False) as server:
        status, body = until(lambda: _answers(server), 30)
        assert (status, body["metadata"]["error"]) == (503, "no_model")
        assert server.get("/health/ready")[0] == 503
        assert server.get("/health/live")[0] == 200
        project.fit()
        until(lambda: server.get("/health/ready")[0] == 200, 10)
        assert server.predict("tricks", x=1.0)[1]["result"] == 2.0


def _answers(server: Server) -> tuple[int, dict] | None:
    try:
        return server.predict("tricks", x=1.0)
    except OSError:
        return None


def test_replicas_share_the_work(tmp_path: Path) -> None:
    """`replicas: 2` runs two workers; with one stopped for good measure, the other answers on."""
    project = tricky(tmp_path / "replicas", service="replicas: 2")
    project.fit()
    with serving(project, options=("--workers", "2")) as server:
        pids = server.worker_pids("tricks")
        assert len(set(pids)) == 2
        psutil.Process(pids[0]).kill()
        assert server.predict("tricks", x=1.0)[1]["result"] == 2.0
        until(lambda: len(server.worker_pids("tricks")) == 2, 20)


def test_port_in_use_is_one_line_and_exit_5(tmp_path: Path) -> None:
    """A port that is taken is told in one line with exit code 5, before anything is started."""
    project = tricky(tmp_path / "port")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("serve", "-c", str(project.config), "--port", port)
    assert done.code == 5
    assert port in done.stderr
    assert "Traceback" not in done.stderr
