"""Make the same service in Python, R or Julia: it answers x times a factor, each version its own.

So an answer tells its row and the version that computed it: with a factor of its own for each
version, and no x asked for twice, ``result == x * factors[model_version]`` fails for a crossed
answer as well as for one that names another version than the one that computed it.

An x below 0 makes the model misbehave, alike in all three languages (`EXIT` and the rest).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

from benchmarks.serving.project import TRICKS, Project, write_project

LANGUAGES = ("python", "r", "julia")

EXIT = -1.0  # exit code 0 in the middle of the request
SEGFAULT = -2.0
HANG = -3.0  # an endless loop
FAIL = -4.0  # an exception
NAP = -6.0  # answers after a second

_R = """
train <- function(x, y, factor = 2) list(factor = factor)

predict_fn <- function(model, x) {
  v <- x[[1]]
  if (any(v == -1)) quit(status = 0)
  if (any(v == -2)) tools::pskill(Sys.getpid(), 11L)
  if (any(v == -3)) repeat {}
  if (any(v == -4)) stop("the model does not like -4")
  if (any(v == -6)) Sys.sleep(1)
  v * model$factor
}
"""

_JULIA = """
fit(X, y; factor=2.0) = (factor=factor,)

function predict(model, X)
    for x in X
        x == -1 && exit(0)
        x == -2 && unsafe_store!(Ptr{Int}(8), 1)
        if x == -3
            while true end
        end
        x == -4 && error("the model does not like -4")
        x == -6 && sleep(1)
    end
    return vec(X) .* model.factor
end
"""

_MODELS = {
    "python": '{{"!": tricks.Tricky, factor: {factor}}}',
    "r": "{{language: r, script: model.R, fit: train, predict: predict_fn, "
    "params: {{factor: {factor}}}}}",
    "julia": "{{language: julia, script: model.jl, params: {{factor: {factor}}}}}",
}
_SCRIPTS = {"python": {"tricks__py": TRICKS}, "r": {"model__R": _R}, "julia": {"model__jl": _JULIA}}


def multiplier(
    folder: Path,
    language: str = "python",
    name: str = "",
    factor: float = 2.0,
    service: str = "",
    more: str = "",
) -> Project:
    """Write the service in a new folder; nothing is fitted yet.

    ``service`` stands in ``predict_service: {…}``, ``more`` are further lines of the config.
    """
    rows = "\n".join(f"{x}.0,{2 * x}.0" for x in range(1, 11))
    config = f"""\
        service_metadata: {{service_name: {name or language}, service_version: "1.0"}}
        dataset_loader_train: {{"!": runner.datasets.CSV, path: data.csv, target_column: y}}
        dataset_loader_test: {{"!": runner.datasets.CSV, path: data.csv, target_column: y}}
        model: {_MODELS[language].format(factor=factor)}
        predict_service: {{{service}}}
        """
    text = textwrap.dedent(config) + textwrap.dedent(more)
    return write_project(folder, text, data__csv=f"x,y\n{rows}\n", **_SCRIPTS[language])


def fit_factors(project: Project, factors: Iterable[float]) -> dict[int, float]:
    """Fit a version with each factor; give version → factor. The last one is active."""
    found = {}
    text = project.config.read_text(encoding="utf-8")
    before, _, after = text.partition("factor: ")
    after = after.lstrip("0123456789.")
    for factor in factors:
        project.config.write_text(f"{before}factor: {factor}{after}", encoding="utf-8")
        found[project.fit()] = factor
    return found
