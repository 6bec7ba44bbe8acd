"""Write the text of a Dockerfile.

Three stages: `base` is what the services need at run time, `build` compiles Python packages against
it, and the last one takes both together, without compilers. With `--fit` a fourth fits.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator

from runner import __version__
from runner.image.plan import Model, Plan

MARK = f"# Written by runner dockerize {__version__}"
"""The first line of what may be written over."""

STORE = "sqlite:////dev/shm/runner-store/runner.db"
"""Where the model lies in a running container: a file system in memory that is always there."""

BAKED = "/app/.runner/runner.db"
"""Where it lies in the image, once: a model may be large."""

_APT = "apt-get install -y --no-install-recommends"
_CLEAN = "rm -rf /var/lib/apt/lists/*"
# Debian has one version of a package in a release, with its security fixes: no pins for apt.
_UNPINNED = "# hadolint ignore=DL3008"


def dockerfile(plan: Plan, *, wheel: bool = True, git: bool = False) -> str:
    """Write the Dockerfile of a plan.

    ``wheel``: whether one lies in the context; ``git``: pip needs it for the runner's URL.
    """
    parts = [*_base(plan), *_build(plan, wheel, git), *_fit(plan), *_last(plan)]
    return "\n".join([f"{MARK}; written over by the next one.", *parts, ""])


def _base(plan: Plan) -> Iterator[str]:
    yield f"ARG BASE={plan.base}"
    if "julia" in plan.languages:
        yield f"ARG JULIA=docker.io/library/julia:{plan.julia}"
        yield ""
        yield from ("# hadolint ignore=DL3006", "FROM ${JULIA} AS julia")
    yield from ("", "# --- what the services need to run ---", "# hadolint ignore=DL3006")
    yield "FROM ${BASE} AS base"
    # An image of somebody's may have a user; the last stage ends with ours.
    yield from (
        "# hadolint ignore=DL3002",
        "USER 0:0",
        'SHELL ["/bin/bash", "-euo", "pipefail", "-c"]',
    )
    packages = list(plan.packages)
    if "r" in plan.languages:
        packages += ["libtirpc3", "r-base-core", "r-recommended"]
    yield from _install(packages, "command -v python3 >/dev/null || packages+=(python3)")
    yield "RUN groupadd --gid 10001 runner \\"
    yield "    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home \\"
    yield "        --shell /usr/sbin/nologin runner"
    if "julia" in plan.languages:
        yield "COPY --from=julia /usr/local/julia /usr/local/julia"
        yield "RUN ln -s /usr/local/julia/bin/julia /usr/local/bin/julia"


def _install(packages: Iterable[str], *more: str) -> Iterator[str]:
    """Install Debian packages, if any are missing; ``more``: shell that adds to `packages`."""
    yield _UNPINNED
    yield f"RUN packages=({' '.join(shlex.quote(name) for name in sorted(packages))}) \\"
    for line in more:
        yield f"    && {{ {line}; }} \\"
    yield "    && if [ ${#packages[@]} -gt 0 ]; then \\"
    yield f'        apt-get update && {_APT} "${{packages[@]}}" && {_CLEAN}; \\'
    yield "    fi"


def _build(plan: Plan, wheel: bool, git: bool) -> Iterator[str]:
    yield from ("", "# --- packages, compiled against that ---", "FROM base AS build")
    packages = ["git"] if git else []
    if "r" in plan.languages:
        packages += ["g++", "gcc", "libtirpc-dev", "make", "r-base-dev"]
    own = '[ "$(command -v python3)" != /usr/bin/python3 ] || packages+=(python3-dev python3-venv)'
    yield from _install(packages, own)
    yield "WORKDIR /build"
    yield "RUN python3 -m venv /opt/runner"
    if "r" in plan.languages:
        # rpy2-rinterface 3.6.6 and later call R_getVar, which R has from 4.5 on.
        yield "RUN r=$(Rscript -e 'cat(getRversion() >= \"4.5\")') \\"
        yield '    && if [ "$r" = TRUE ]; then pins=("rpy2>=3.6.6" "rpy2-rinterface>=3.6.6"); \\'
        yield '    else pins=("rpy2==3.6.5" "rpy2-rinterface==3.6.5"); fi \\'
        yield '    && /opt/runner/bin/pip install --no-cache-dir "${pins[@]}"'
    for file in plan.requirements:
        yield _copy(file, f"/build/{file}")
    # Not the model with them: a new one must not have the packages installed anew.
    wheels = [".runner/*.whl"] if wheel else []
    pip = [".runner/requirements.txt", ".runner/constraints.txt", *wheels, "/build/.runner/"]
    yield f"COPY {' '.join(pip)}"
    own_files = "".join(f" -r {shlex.quote(file)}" for file in plan.requirements)
    yield "RUN /opt/runner/bin/pip install --no-cache-dir \\"
    yield f"    -c .runner/constraints.txt -r .runner/requirements.txt{own_files}"
    if plan.renv:
        yield _copy(plan.renv, "/build/renv.lock")
        yield "RUN mkdir -p /opt/r-library \\"
        yield f"    && Rscript -e {shlex.quote(_RENV)}"
    if plan.project:
        names = [f"{'' if plan.project == '.' else plan.project + '/'}{name}" for name in _JULIA]
        # A pattern: a Manifest.toml need not be there.
        yield f"COPY {json.dumps([names[0], names[1] + '*', '/opt/julia-project/'])}"
        yield "RUN JULIA_DEPOT_PATH=/opt/julia-depot julia --project=/opt/julia-project \\"
        yield "        -e 'using Pkg; Pkg.instantiate(); Pkg.precompile()'"


_RENV = (
    'install.packages("renv", repos = "https://cloud.r-project.org"); '
    'renv::restore(lockfile = "renv.lock", library = "/opt/r-library", prompt = FALSE)'
)
_JULIA = ("Project.toml", "Manifest.toml")


def _fit(plan: Plan) -> Iterator[str]:
    if plan.model is not Model.FITTED:
        return
    yield from ("", "# --- the fit: its data stay in this stage ---", "FROM build AS fit")
    yield from _environment(plan)
    yield from ("WORKDIR /app", "COPY . /app")
    fits = [f"runner fit -c {shlex.quote(spec)}" for spec in _specs(plan)]
    gone = " ".join(shlex.quote(name) for name in plan.data)
    lines = [f"export RUNNER_STORE=sqlite:///{BAKED}", *fits, f"chmod 644 {BAKED}"]
    lines += [f"rm -f {gone}"] if gone else []
    yield "RUN " + " \\\n    && ".join(lines)


def _last(plan: Plan) -> Iterator[str]:
    yield from ("", "# --- what runs ---", "FROM base")
    yield "COPY --from=build /opt/runner /opt/runner"
    if plan.renv:
        yield "COPY --from=build /opt/r-library /opt/r-library"
    if plan.project:
        yield "COPY --from=build /opt/julia-depot /opt/julia-depot"
        yield "COPY --from=build /opt/julia-project /opt/julia-project"
    yield f"COPY {'--from=fit /app' if plan.model is Model.FITTED else '.'} /app"
    yield from _environment(plan)
    yield "# R does not start without a place for temporary files, and /tmp may be read-only."
    yield "ENV TMPDIR=/dev/shm"
    if plan.model is not Model.OUTSIDE:
        yield f"ENV RUNNER_STORE={STORE}"
    yield "# A number, so that Kubernetes can tell that it is not root."
    yield from ("USER 10001:10001", "WORKDIR /app", "EXPOSE 5000")
    yield "HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \\"
    yield f"    CMD {json.dumps(['python3', '-c', _PROBE])}"
    entry = ["runner"] if plan.model is Model.OUTSIDE else ["sh", "/app/.runner/entrypoint.sh"]
    yield f"ENTRYPOINT {json.dumps(entry)}"
    configs = [] if len(plan.specs) == 1 else [w for s in _specs(plan) for w in ("-c", s)]
    yield f"CMD {json.dumps(['serve', '--host', '0.0.0.0', *configs])}"


_PROBE = "import urllib.request as u; u.urlopen('http://127.0.0.1:5000/health/ready', timeout=4)"


def _environment(plan: Plan) -> Iterator[str]:
    """Set what a fit and a server need alike."""
    set_ = {
        "PATH": "/opt/runner/bin:$PATH",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        # A stored model of Python's names modules beside the config by the folder of the fit.
        "PYTHONPATH": ":".join(
            dict.fromkeys(f"/app/{_folder(spec)}".rstrip("/") for spec in plan.specs)
        ),
        "RUNNER_CONFIG": _specs(plan)[0],
    }
    if plan.renv:
        set_["R_LIBS_SITE"] = "/opt/r-library:/usr/local/lib/R/site-library:/usr/lib/R/site-library"
    if plan.project:
        set_["JULIA_PROJECT"] = "/opt/julia-project"
        set_["JULIA_DEPOT_PATH"] = "/dev/shm/julia:/opt/julia-depot"
    pairs = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in set_.items()]
    yield "ENV " + " \\\n    ".join(pairs)


def _folder(spec: str) -> str:
    return spec.split(",", maxsplit=1)[0].rpartition("/")[0]


def _specs(plan: Plan) -> list[str]:
    """Give the configs as they are named in the image: absolute, what the image changes last."""
    overlay = [".runner/image.yaml"] if plan.overlay_store or plan.overlay_audit else []
    return [
        ",".join(f"/app/{file}" for file in [*spec.split(","), *overlay]) for spec in plan.specs
    ]


def _copy(source: str, target: str) -> str:
    """Copy one file; the form of JSON, for the sake of spaces."""
    return f"COPY {json.dumps([source, target], ensure_ascii=False)}"
