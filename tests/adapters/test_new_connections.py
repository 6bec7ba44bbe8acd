"""A worker greets new connections whatever models have done to it before (SPEC 3.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.errors import Code, Failure
from contracts.messages import Source
from tests.adapters.conftest import samples
from tests.adapters.driver import AdapterProcess
from tests.requirements import need

MODELS: dict[str, dict[str, Any]] = {
    "python": {"factory": {"!": "tests.adapters.estimators.Majority"}, "path": ["/tmp\0/models"]},
    "r": {"language": "r", "script": "/tmp/a\0b/model.R"},
    "julia": {"language": "julia", "script": "/tmp/a\0b/model.jl"},
}


@pytest.mark.parametrize(
    "language",
    ["python", pytest.param("r", marks=need("r")), pytest.param("julia", marks=need("julia"))],
)
def test_a_path_with_a_nul_is_a_bad_model(folder: Path, language: str) -> None:
    """It is refused, and is not kept where each later connection or import would meet it."""
    with AdapterProcess.python_module(f"adapters.{language}", folder) as worker:
        with worker.connect() as client:
            with pytest.raises(Failure) as caught:
                client.fit(MODELS[language], *samples())
            assert Code.BAD_MODEL is caught.value.code
            if language != "python":  # which reads no sources
                with pytest.raises(Failure) as caught:
                    client.read(Source(MODELS[language]["script"], "read", {}))
                assert Code.BAD_MODEL is caught.value.code
        with worker.connect() as client:
            client.ping()


def test_a_model_that_breaks_the_search_for_packages(folder: Path) -> None:
    """A worker whose model has spoilt sys.path predicts on, for new connections too."""
    model = {"factory": {"!": "tests.adapters.estimators.SpoilsPath"}}
    with AdapterProcess.python_module("adapters.python", folder) as worker:
        with worker.connect() as client:
            client.fit(model, *samples())
        for _ in range(2):
            with worker.connect() as client:
                assert client.predict(samples()[0]).table is not None
