"""Tests of an adapter's life: what model code may touch, and when the process ends (SPEC 2)."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.messages import Predict
from tests.adapters.driver import AdapterProcess, Client
from tests.adapters.test_serve import row


def test_model_code_cannot_reach_the_protocol(adder: AdapterProcess, client: Client) -> None:
    """What the model prints is on standard error, standard output is empty, input is /dev/null."""
    client.predict(row(1, 1), print="hello from the model")
    assert 0 == adder.hang_up()
    assert b"" == adder.process.stdout.read()  # type: ignore[union-attr]
    assert "hello from the model" in adder.stderr
    assert "raw hello from the model" in adder.stderr
    assert "stdin is '' b''" in adder.stderr


def test_the_end_of_the_lifeline_ends_the_process(adder: AdapterProcess, client: Client) -> None:
    """At the end of standard input the adapter ends with exit code 0 and takes its socket away."""
    assert 0 == adder.hang_up()
    assert not adder.socket.exists()
    with pytest.raises(EOFError):
        client.receive()


@pytest.mark.parametrize("code", [0, 3])
def test_exit_in_model_code_ends_the_process(
    adder: AdapterProcess, client: Client, code: int
) -> None:
    """A model that exits takes the process with it, with its code: a crash to the runner."""
    client.send(Predict(99, row(1, 1), params={"exit": code}))
    with pytest.raises(EOFError):
        client.receive()
    assert code == adder.wait()


def test_a_killed_parent_takes_the_adapter_along(folder: Path) -> None:
    """With its parent killed the adapter ends, though somebody else holds its lifeline open."""
    reading, writing = os.pipe()
    script = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'tests.adapters.adder', '--socket', "
        f"{str(folder / 'adapter.sock')!r}], stdin={reading})\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], pass_fds=[reading], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    driver = AdapterProcess.__new__(AdapterProcess)
    driver.folder, driver.socket, driver.process = folder, folder / "adapter.sock", parent
    driver.connect().close()  # it listens, so it has asked for its parent's death
    try:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert [child] == select.select([child], [], [], 30)[0]
    finally:
        for descriptor in (reading, writing, child):
            os.close(descriptor)
        parent.stdout.close()


def test_ctrl_c_is_left_to_the_runner(adder: AdapterProcess, client: Client) -> None:
    """SIGINT, which a terminal sends to the whole group, does not end an adapter."""
    adder.process.send_signal(signal.SIGINT)
    client.ping()
    assert 0 == adder.hang_up()


def test_without_a_pipe_nobody_is_there(folder: Path) -> None:
    """With /dev/null as standard input the adapter ends at once, with exit code 0."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.adapters.adder", "--socket", str(folder / "adapter.sock")],
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert 0 == run.returncode
