"""Write what an image is built from: Dockerfile, .dockerignore, and the folder `.runner`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from runner.errors import Refused, Unavailable
from runner.image.dockerfile import MARK, dockerfile
from runner.image.plan import Model, Plan
from runner.image.requirements import constraints, runner_requirement, wheel_file
from runner.image.wheel import write_wheel
from runner.store import Store

MADE = ".runner"
"""The folder in the context that is ours: made anew each time."""

_IGNORED = (
    "**/.git",
    "**/.venv",
    "**/venv",
    "**/node_modules",
    "**/__pycache__",
    "**/*.pyc",
    "**/.env",
    "**/*.key",
    "**/*.pem",
    "**/*.db",
    "**/*.db-*",
    "**/runner-audit.jsonl*",
    "Dockerfile",
    ".dockerignore",
)
"""Neither secrets, nor stores and records, nor what belongs to this machine."""


def write(plan: Plan, *, by: str, force: bool = False) -> list[Path]:
    """Write the files of a plan; give the paths of those that an engine reads.

    Raises Refused where a Dockerfile or .dockerignore of the user's own would be written over, and
    Unavailable where a file cannot be written.
    """
    targets = {name: plan.folder / name for name in ("Dockerfile", ".dockerignore")}
    for path in targets.values():
        if not force and path.exists() and not _ours(path):
            raise Refused(f"{path} was not written by 'runner dockerize'; --force writes over it")
    try:
        # Made whole beside it, then put in place: a failure leaves the former one.
        with tempfile.TemporaryDirectory(dir=plan.folder, prefix=".runner-") as made:
            line = _fill(plan, Path(made), by)
            os.chmod(made, 0o755)
            shutil.rmtree(plan.folder / MADE, ignore_errors=True)
            shutil.copytree(made, plan.folder / MADE)
        text = dockerfile(plan, wheel=" @ file:" in line, git=" @ git+" in line)
        targets["Dockerfile"].write_text(text, encoding="utf-8")
        targets[".dockerignore"].write_text(_ignored(plan), encoding="utf-8")
    except OSError as ex:
        raise Unavailable(f"cannot write to {plan.folder}: {ex.strerror or ex}") from ex
    return list(targets.values())


def _ours(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().startswith(MARK.rpartition(" ")[0])


def _ignored(plan: Plan) -> str:
    data = plan.data if plan.model is not Model.FITTED else ()
    return "\n".join([MARK, *_IGNORED, *data, f"!{MADE}/**", ""])


def _fill(plan: Plan, made: Path, by: str) -> str:
    """Fill `.runner`; give pip's line for the runner."""
    wheel = wheel_file(plan.runner)
    if wheel is not None:
        wheel = Path(shutil.copy(wheel, made))
    elif plan.runner is None:
        wheel = write_wheel(made)
    extras = ["postgresql", *(["julia"] if "julia" in plan.languages else [])]
    line = runner_requirement(plan.runner, wheel, extras)
    (made / "requirements.txt").write_text(line + "\n", encoding="utf-8")
    own = [plan.folder / file for file in plan.requirements]
    (made / "constraints.txt").write_text(constraints(own), encoding="utf-8")
    if overlay := "".join(_overlay(plan)):
        (made / "image.yaml").write_text(overlay, encoding="utf-8")
    if plan.model is not Model.OUTSIDE:
        shutil.copy(Path(__file__).with_name("entrypoint.sh"), made)
    if plan.model is Model.STORED:
        _bake(plan, made / "runner.db", by)
    return line


def _overlay(plan: Plan) -> Iterator[str]:
    if plan.overlay_store:
        yield "store: {url: {__env__: RUNNER_STORE}}\n"
    if plan.overlay_audit:
        yield "audit: {to: stdout}\n"


def _bake(plan: Plan, path: Path, by: str) -> None:
    """Copy the versions of the plan into a store of their own; their artifacts are verified."""
    with Store.open(f"sqlite:///{path}") as image:
        for config, version in zip(plan.configs, plan.versions, strict=True):
            with Store.open(config.store_url, place=config.place) as store:
                artifact = store.read_artifact(version.service, version.number)
            image.add_version(
                version.service,
                artifact,
                artifact_format=version.artifact_format,
                metadata=version.metadata,
                activate=True,
                by=by,
                reason="copied into an image",
                original=version,
            )
    # The user of the container is not the one of here.
    path.chmod(0o644)
