"""scripts/demo, run for real: four services in three languages, asked over HTTP."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.requirements import need

ROOT = Path(__file__).parents[2]
SERVICES = {
    "iris-sklearn": "python",
    "iris-r": "r",
    "toothgrowth-r": "r",
    "iris-julia": "julia",
}
pytestmark = [
    need("r"),
    need("julia"),
    # It sets up what is missing, which takes minutes where nobody has.
    pytest.mark.skipif(not (ROOT / ".venv/bin/runner").exists(), reason="not set up"),
]


def _answers(table: str) -> dict[str, str]:
    """Give language and answer of each service, whose row must be whole."""
    row = re.compile(
        r"^(\S+) +(python|r|julia) [\d.]+ +\d+ +\d\.\d{3} +(\S+) +\d+\.\d ms", re.MULTILINE
    )
    return {service: f"{language} {answer}" for service, language, answer in row.findall(table)}


def _check(printed: str) -> None:
    answers = _answers(printed)
    assert list(SERVICES.items()) == [(name, told.split()[0]) for name, told in answers.items()]
    assert {answers.pop(name).split()[1] for name in SERVICES if name.startswith("iris")} == {
        "Iris-setosa"
    }
    assert 5 < float(answers.pop("toothgrowth-r").split()[1]) < 35
    assert "the server ended with exit code 0" in printed


def test_it_ends_with_a_table() -> None:
    """Each service has its language's version, its own, a score, an answer and a latency."""
    done = subprocess.run(
        ["scripts/demo"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _check(done.stdout)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_until_it_is_told_to_end(number: signal.Signals) -> None:
    """With --stay each command that it prints is answered by 200; either signal ends all of it."""
    demo = subprocess.Popen(
        ["env", "--default-signal=INT", "scripts/demo", "--stay"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout
    printed = ""
    try:
        for line in demo.stdout:
            printed += line
            if "stays up" in line:
                break
        commands = re.findall(r"^curl .+$", printed, re.MULTILINE)
        for command in commands:
            assert _status(command) == "200", command
        assert len(commands) == len(SERVICES), printed
    finally:
        demo.send_signal(number)
        printed += demo.communicate(timeout=60)[0]
    assert demo.returncode == 0
    _check(printed)
    assert _status(commands[0]) == "000", "the server has ended"


def _status(command: str) -> str:
    """Run a command of curl's; give the status of the answer, 000 for none."""
    done = subprocess.run(
        ["bash", "-c", f"{command} -s -o /dev/null -w '%{{http_code}}'"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout
