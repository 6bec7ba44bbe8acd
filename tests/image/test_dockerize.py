"""`runner dockerize`: what it writes, as an engine and hadolint read it; nothing is built."""

from __future__ import annotations

import contextlib
import csv
import fnmatch
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from runner import __version__
from runner.cli.main import main
from runner.errors import Unavailable
from runner.image import find_engine
from runner.image.requirements import runner_requirement
from runner.image.wheel import write_wheel
from runner.store import Store
from tests.requirements import need
from tests.serving.project import Done, run

EXAMPLES = Path(__file__).parents[2] / "examples"
SPEC = "runner.yaml,container.yaml"
PIP = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
BUILD = "#!/bin/sh\n[ $1 = info ] && exit {info}\necho \"$@\" >>'{log}'\nexit {code}\n"
"""An engine that writes down how it was called."""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a service in Python with one active version."""
    folder = tmp_path_factory.mktemp("fitted") / "app"
    shutil.copytree(EXAMPLES / "iris-sklearn", folder)
    (folder / "container.yaml").write_text("auth: none\n")
    assert run("fit", "-c", str(folder / "runner.yaml")).code == 0
    return folder


@pytest.fixture
def app(fitted: Path, tmp_path: Path) -> Path:
    """Give such a folder to each test, as a user has it."""
    return Path(shutil.copytree(fitted, tmp_path / "my app"))


@pytest.fixture(autouse=True)
def _modules_of_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in this process (`here`), and loading a config extends the path."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def here(*words: str, **env: str) -> Done:
    """Run a command in this process: none of those that are tried here starts anything."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main(words)
            except SystemExit as ex:
                code = int(ex.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def dockerize(folder: Path, *words: str, spec: str = SPEC, path: str | None = None) -> Done:
    """Run the command for the configs of a folder."""
    specs = ",".join(str(folder / name) for name in spec.split(","))
    env = {} if path is None else {"PATH": path}
    return here("dockerize", "-c", specs, *words, **env)


def lint(folder: Path) -> str:
    """Give what hadolint has to say."""
    tool = Path(sys.executable).with_name("hadolint")
    return subprocess.run(
        [tool, "--no-color", folder / "Dockerfile"], capture_output=True, text=True, check=False
    ).stdout


def engine(folder: Path, name: str, *, info: int = 0, code: int = 0) -> Path:
    """Put an engine on a PATH of its own; give the file with its calls."""
    folder.mkdir(exist_ok=True)
    log = folder / f"{name}.log"
    (folder / name).write_text(BUILD.format(info=info, log=log, code=code))
    (folder / name).chmod(0o755)
    return log


def instructions(folder: Path) -> list[str]:
    """Give the instructions of the Dockerfile, lines joined, comments left out."""
    text = (folder / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [line for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line]


def test_files_of_a_service_in_python(app: Path) -> None:
    """pld-dockerize -d: hadolint finds nothing; not root; a health check; no R and no Julia."""
    done = dockerize(app, "--dockerfile-only", "--json")

    assert done.code == 0, done.stderr
    assert done.json["model"] == "stored"
    assert done.json["versions"] == {"iris-sklearn": 1}
    assert done.json["image"] is None
    assert lint(app) == ""
    lines = instructions(app)
    assert lines[0] == "ARG BASE=docker.io/library/python:{}.{}-slim-bookworm".format(
        *sys.version_info
    )
    assert [line for line in lines if line.startswith("USER")][-1] == "USER 10001:10001"
    assert any("HEALTHCHECK" in line and "/health/ready" in line for line in lines)
    assert "ENV TMPDIR=/dev/shm" in lines[lines.index("FROM base") :]
    assert lines[-2:] == [
        'ENTRYPOINT ["sh", "/app/.runner/entrypoint.sh"]',
        'CMD ["serve", "--host", "0.0.0.0"]',
    ]
    text = "\n".join(lines).lower()
    assert not re.search(r"r-base|rscript|julia|rpy2|gcc", text)
    assert not re.search(r"trusted-host|no-check|insecure|allow-unauth|verify=false", text)


def test_the_image_reads_the_same_config(app: Path, tmp_path: Path) -> None:
    """The config named in the image loads, with a store where it can be written."""
    assert dockerize(app, "-d").code == 0
    text = (app / "Dockerfile").read_text()
    config = re.findall(r'RUNNER_CONFIG="([^"]+)"', text)[0].replace("/app/", f"{app}/")
    store = f"sqlite:///{tmp_path / 'state' / 'runner.db'}"
    (tmp_path / "state").mkdir()
    shutil.copy(app / ".runner" / "runner.db", tmp_path / "state" / "runner.db")

    listed = here("list", "--json", "-c", config, RUNNER_STORE=store)

    assert [model["version"] for model in listed.json["models"]] == [1]
    assert (app / ".runner" / "image.yaml").read_text().splitlines() == [
        "store: {url: {__env__: RUNNER_STORE}}",
        "audit: {to: stdout}",
    ]


def test_only_the_active_version_is_in_the_image(app: Path) -> None:
    """The version keeps its number, metadata and bytes; neither others nor their data go along."""
    url = f"sqlite:///{app / 'runner.db'}"
    with Store.open(url) as store:
        version = store.version("iris-sklearn", 1)
        for number in (2, 3):
            store.add_version(
                version.service,
                f"model {number}".encode(),
                artifact_format=version.artifact_format,
                metadata={**version.metadata, "note": number},
                activate=number == 2,
                by="anna",
            )

    assert dockerize(app, "-d").code == 0

    with Store.open(url) as ours, Store.open(f"sqlite:///{app / '.runner/runner.db'}") as there:
        assert ours.active("iris-sklearn") == there.active("iris-sklearn")
        assert [each.number for each in there.versions("iris-sklearn")] == [2]
        assert ours.read_artifact("iris-sklearn", 2) == there.read_artifact("iris-sklearn", 2)
    assert (app / ".runner" / "runner.db").stat().st_mode & 0o777 == 0o644
    assert [line for line in instructions(app) if line.startswith("COPY ")][2:] == ["COPY . /app"]


def test_what_stays_outside(app: Path) -> None:
    """Stores, records, secrets and training data stay here; with --fit the data go along."""
    assert dockerize(app, "-d").code == 0
    patterns = (app / ".dockerignore").read_text().splitlines()

    def ignored(name: str) -> bool:
        return any(fnmatch.fnmatch(name, each.removeprefix("**/")) for each in patterns)

    assert all(map(ignored, ("runner.db", "runner-audit.jsonl", "tls.key", ".env", "iris.csv")))
    assert not any(map(ignored, ("runner.yaml", "model.R", "requirements.txt")))
    assert patterns[-1] == "!.runner/**"
    assert dockerize(app, "-d", "--fit").code == 0
    assert "iris.csv" not in (app / ".dockerignore").read_text().splitlines()


def test_fit_while_building(app: Path) -> None:
    """--fit: a stage fits, its data are removed before the last stage copies the rest.

    Row "dockerize".
    """
    done = dockerize(app, "-d", "--fit", "--json")

    assert done.json["model"] == "fitted"
    fit = next(line for line in instructions(app) if "runner fit" in line)
    assert fit.endswith("rm -f iris.csv")
    assert "export RUNNER_STORE=sqlite:////app/.runner/runner.db" in fit
    assert "COPY --from=fit /app /app" in instructions(app)
    assert not (app / ".runner" / "runner.db").exists()
    assert lint(app) == ""


def test_store_at_run_time(app: Path) -> None:
    """--no-model: nothing of the store is copied, and $RUNNER_STORE must say where it is."""
    done = dockerize(app, "-d", "--no-model", "--json")

    assert done.json["model"] == "outside"
    assert not (app / ".runner" / "runner.db").exists()
    assert 'ENTRYPOINT ["runner"]' in instructions(app)
    assert "ENV RUNNER_STORE" not in (app / "Dockerfile").read_text()
    assert lint(app) == ""


def test_a_config_on_postgresql_keeps_its_store(app: Path) -> None:
    """A store that is a server is asked at run time: the config says which."""
    (app / "container.yaml").write_text(
        "auth: none\nstore: {url: 'postgresql://runner@db.invalid/models'}\n"
    )
    done = dockerize(app, "-d", "--json")

    assert done.json["model"] == "outside"
    assert (app / ".runner" / "image.yaml").read_text() == "audit: {to: stdout}\n"


@pytest.mark.parametrize(
    ("example", "there", "lock"),
    [
        pytest.param("iris-r", "r-base-core", "renv.lock", marks=need("r")),
        pytest.param("iris-julia", "FROM ${JULIA}", "Project.toml", marks=need("julia")),
    ],
)
def test_languages(tmp_path: Path, example: str, there: str, lock: str) -> None:
    """An image has the language that its service needs, and what its lock file names."""
    folder = tmp_path / "app"
    shutil.copytree(EXAMPLES / example, folder)
    (folder / "container.yaml").write_text("auth: none\n")
    (folder / lock).write_text("{}" if lock.endswith(".lock") else "")
    (folder / "requirements.txt").write_text("scikit-learn==1.7.2\n")

    assert dockerize(folder, "-d", "--fit", "--package", "r-cran-ranger").code == 0

    text = (folder / "Dockerfile").read_text()
    assert there in text
    assert lock in text
    assert "r-cran-ranger" in text
    assert "-r requirements.txt" in text
    assert "scikit-learn==" not in (folder / ".runner" / "constraints.txt").read_text()
    assert "numpy==" in (folder / ".runner" / "constraints.txt").read_text()
    assert ("julia" in text.lower()) == (example == "iris-julia")
    assert ("r-base" in text) == (example == "iris-r")
    assert lint(folder) == ""


def _rename(path: Path, name: str) -> None:
    """Keep the model of the store under another name."""
    with Store.open(f"sqlite:///{path}") as store:
        version = store.version("iris-sklearn", 1)
        store.add_version(
            name,
            store.read_artifact("iris-sklearn", 1),
            artifact_format=version.artifact_format,
            metadata=version.metadata,
            activate=True,
            by="anna",
        )


def test_several_services(app: Path) -> None:
    """Services in folders side by side share an image; the server is started with each config."""
    root = app.parent
    other = root / "other"
    shutil.copytree(app, other)
    (other / "runner.yaml").write_text(
        (app / "runner.yaml").read_text().replace("service_name: iris-sklearn", "service_name: b")
    )
    _rename(other / "runner.db", "b")
    specs = [f"{folder}/runner.yaml,{folder}/container.yaml" for folder in (app, other)]

    done = here("dockerize", "-d", "-c", specs[0], "-c", specs[1], "--json")

    assert done.json["folder"] == str(root)
    assert done.json["versions"] == {"iris-sklearn": 1, "b": 1}
    command = json.loads(instructions(root)[-1].removeprefix("CMD "))
    assert command[4::2] == [
        f"/app/{name}/runner.yaml,/app/{name}/container.yaml,/app/.runner/image.yaml"
        for name in ("my app", "other")
    ]


def test_palladium_arguments(app: Path, tmp_path: Path) -> None:
    """pld-dockerize [-d] APP BASE IMAGE: the folder, the image to begin with, the image's name.

    Row "dockerize".
    """
    (app / "runner.yaml").write_text((app / "runner.yaml").read_text() + "auth: none\n")
    log = engine(tmp_path / "bin", "docker")

    done = run("dockerize", str(app), "debian:12", "a/b:1", PATH=str(log.parent))

    assert done.code == 0, done.stderr
    assert instructions(app)[0] == "ARG BASE=debian:12"
    assert log.read_text().split()[:3] == ["build", "--tag", "a/b:1"]
    assert here("dockerize", str(app), "x", "--base", "y").code == 2
    assert "has none of runner.yaml" in here("dockerize", str(tmp_path / "bin")).stderr


def test_the_first_engine_that_works_builds(app: Path, tmp_path: Path) -> None:
    """A docker without its daemon is passed over; a failing build is told with its exit code."""
    places = tmp_path / "bin"
    engine(places, "docker", info=1)
    log = engine(places, "buildah", code=7)

    spec = ",".join(str(app / name) for name in SPEC.split(","))
    done = run("dockerize", "-c", spec, "--build-option", "--pull", PATH=str(places))

    assert (done.code, log.read_text()) == (
        1,
        f"build --format docker --tag iris-sklearn:0.1 --pull {app}\n",
    )
    assert "buildah could not build iris-sklearn:0.1: exit code 7" in done.stderr


def test_an_engine_at_work_builds_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A docker that says nothing is passed over; a buildah with a build under way is waited for."""
    for name in ("docker", "buildah"):
        engine(tmp_path / "bin", name)
        (tmp_path / "bin" / name).write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr("runner.image.engine._PATIENCE", 0.2)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert find_engine().name == "buildah"
    with pytest.raises(Unavailable, match=r"docker: no answer within 0\.2 s"):
        find_engine("docker")


def test_no_engine(app: Path, tmp_path: Path) -> None:
    """Without an engine nothing is written, and the message says what else there is."""
    (tmp_path / "empty").mkdir()

    done = dockerize(app, path=str(tmp_path / "empty"))

    assert done.code == 5
    assert "docker: not on PATH; podman: not on PATH; buildah: not on PATH" in done.stderr
    assert "--dockerfile-only" in done.stderr
    assert not (app / "Dockerfile").exists()


def test_a_dockerfile_of_the_users_stays(app: Path) -> None:
    """What the user wrote is written over with --force only; what we wrote, always."""
    (app / "Dockerfile").write_text("FROM mine\n")

    refused = dockerize(app, "-d")

    assert refused.code == 1
    assert "--force" in refused.stderr
    assert (app / "Dockerfile").read_text() == "FROM mine\n"
    assert dockerize(app, "-d", "--force").code == 0
    assert dockerize(app, "-d").code == 0


def test_faults(app: Path, tmp_path: Path) -> None:
    """What could not work in a container is refused before anything is written, with what helps."""
    no_auth = dockerize(app, "-d", spec="runner.yaml")
    assert no_auth.code == 2
    assert "runner.yaml: auth: not said" in no_auth.stderr
    assert "-c runner.yaml,container.yaml" in no_auth.stderr

    shutil.copytree(EXAMPLES / "iris-r", tmp_path / "r")
    shutil.move(tmp_path / "r" / "model.R", tmp_path / "model.R")
    config = (tmp_path / "r" / "runner.yaml").read_text().replace("model.R", "../model.R")
    (tmp_path / "r" / "runner.yaml").write_text(config + "auth: none\n")
    outside = dockerize(tmp_path / "r", "-d", spec="runner.yaml")
    assert outside.code == 2
    assert "model.script" in outside.stderr
    assert "would not be in the image" in outside.stderr

    (app / "runner.db").unlink()
    unfitted = dockerize(app, "-d")
    assert unfitted.code == 2
    assert "iris-sklearn has no active version" in unfitted.stderr
    assert not (app / "Dockerfile").exists()
    assert dockerize(app, "-d", "--fit", "--no-model").code == 2


def test_the_wheel_is_a_wheel(tmp_path: Path) -> None:
    """The runner of here installs from its wheel as a package does: code, glue, command, record."""
    path = write_wheel(tmp_path)
    again = tmp_path / "again"
    again.mkdir()

    assert path.name == f"polyglot_runner-{__version__}-py3-none-any.whl"
    assert write_wheel(again).read_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        record = wheel.read(f"polyglot_runner-{__version__}.dist-info/RECORD").decode()
    assert {row[0] for row in csv.reader(io.StringIO(record))} == set(names)
    assert {"contracts/SPEC.md", "runner/image/entrypoint.sh", "adapters/r/glue.R"} <= set(names)
    target = tmp_path / "installed"
    subprocess.run(
        [*PIP, "--target", str(target), str(path)],
        check=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    done = subprocess.run(
        [target / "bin" / "runner", "version"],
        env={"PYTHONPATH": str(target), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert __version__ in done.stdout


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ("0.2", "polyglot-runner[julia,postgresql]==0.2"),
        (
            "git+https://example.com/r.git@v1",
            "polyglot-runner[julia,postgresql] @ git+https://example.com/r.git@v1",
        ),
    ],
)
def test_where_the_runner_comes_from(told: str, line: str) -> None:
    """--runner takes a version of an index, or a URL; extras are those that the image needs."""
    assert line == runner_requirement(told, None, ["postgresql", "julia"])


def test_entrypoint_lays_the_store_once(app: Path, tmp_path: Path) -> None:
    """The image's model is copied where the store is to be; a store that is there is left alone."""
    assert dockerize(app, "-d").code == 0
    places = tmp_path / "bin"
    places.mkdir()
    (places / "runner").write_text('#!/bin/sh\necho "$@"\n')
    (places / "runner").chmod(0o755)
    script = (app / ".runner" / "entrypoint.sh").read_text()
    script = script.replace("/app/.runner/runner.db", f"'{app}/.runner/runner.db'")
    store = tmp_path / "new" / "runner.db"
    env = {"PATH": f"{places}:{os.environ['PATH']}", "RUNNER_STORE": f"sqlite:///{store}"}

    def start(**more: str) -> str:
        return subprocess.run(
            ["sh", "-c", script, "sh", "serve"],
            env=env | more,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert start() == "serve\n"
    assert store.read_bytes() == (app / ".runner" / "runner.db").read_bytes()
    assert store.stat().st_mode & 0o777 == 0o600
    store.write_text("mine")
    assert start() == "serve\n"
    assert store.read_text() == "mine"
    assert start(RUNNER_STORE="postgresql://db/models") == "serve\n"
