"""The error tree: exit codes, one-line messages, and a safe journey out of a child process."""

from __future__ import annotations

import pickle
import re

import pytest

from runner import errors
from runner.errors import (
    ArtifactCorrupt,
    ConfigError,
    DatasetError,
    Fault,
    Fingerprint,
    MetadataInvalid,
    ModelError,
    NotFound,
    Refused,
    RunnerError,
    Unavailable,
)

SAMPLES = {
    RunnerError("something"): (1, "something"),
    ConfigError(
        [
            Fault("no such file 'm.R'", "a script", file="iris.yaml", key="model.script"),
            Fault("nothing to serve"),
        ]
    ): (2, "iris.yaml: model.script: no such file 'm.R'; expected a script\nnothing to serve"),
    NotFound("no version 3"): (3, "no version 3"),
    Refused("version 1 is active"): (1, "version 1 is active"),
    Unavailable("port 5000 is in use"): (5, "port 5000 is in use"),
    ModelError("r", "object 'x' not found", "3: fit(x, y)"): (1, "r: object 'x' not found"),
    DatasetError("column 'x' has no rows"): (1, "column 'x' has no rows"),
    ArtifactCorrupt("iris", 7, Fingerprint("aa", 10), Fingerprint("bb", 9)): (
        1,
        "the artifact of iris version 7 is corrupt: "
        "expected sha256 aa (10 bytes), found sha256 bb (9 bytes)",
    ),
    MetadataInvalid("metadata.score: nan is not JSON"): (1, "metadata.score: nan is not JSON"),
}


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_says_what_happened_and_how_to_exit(error: RunnerError) -> None:
    """Each error has its documented exit code and a message fit to print."""
    assert (error.exit_code, str(error)) == SAMPLES[error]


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling(error: RunnerError) -> None:
    """Type, message and fields arrive in another process as they were."""
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_the_drawing_is_the_tree() -> None:
    """The docstring draws every error there is, with its exit code, and no other."""
    drawn = re.findall(r"^    (?:[├└]── )?(\w+)\s.*?(\d)\s", errors.__doc__ or "", re.MULTILINE)
    defined = {
        name: value.exit_code
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, RunnerError)
    }
    assert {name: int(code) for name, code in drawn} == defined
    assert set(map(type, SAMPLES)) == {vars(errors)[name] for name in defined}
