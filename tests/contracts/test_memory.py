"""What malloc is told, and that a setting of the user's comes first."""

from __future__ import annotations

import subprocess
import sys

import pytest

_TOLD = "from contracts.memory import keep_freed_memory; print(keep_freed_memory())"


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({}, True),
        ({"MALLOC_TRIM_THRESHOLD_": "131072"}, False),
        ({"MALLOC_MMAP_THRESHOLD_": "131072"}, False),
        ({"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=131072"}, False),
    ],
)
def test_malloc_is_told_unless_the_environment_does(env: dict[str, str], told: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TOLD], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{told}\n"
