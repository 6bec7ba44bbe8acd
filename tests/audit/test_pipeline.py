"""A real log shipper and a real logrotate get every record once, with the pages' own examples."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import time
from pathlib import Path

import yaml

from runner.audit.opening import open_audit
from runner.audit.reading import log_files, names, opened
from runner.audit.record import START
from runner.audit.verify import verify
from runner.config.settings import AuditSettings
from tests.docs import pages
from tests.requirements import need

pytestmark = need("rsyslog")

EXAMPLES = pages.section("audit.md", "Pipelines").files
WRITERS, EACH = 2, 1500


def write(log: Path, count: int, pause: float) -> None:
    """Write records one by one, as a front-end does."""
    audit = open_audit(AuditSettings(path=log))
    assert audit is not None
    for _ in range(count):
        audit.record.action(START)
        audit.trail.flush()
        time.sleep(pause)
    audit.close()


def name_of(line: bytes) -> tuple[str, int]:
    told = json.loads(line)
    return told["runner.chain.writer"], told["event.sequence"]


def example(name: str, folder: Path) -> Path:
    """Write an example of the page, with its paths in a folder of the test."""
    text = EXAMPLES[name]
    for path in ("/var/lib/runner", "/var/spool/rsyslog", "/var/log"):
        text = text.replace(path, str(folder))
    (folder / name).write_text(text)
    return folder / name


def rotate(folder: Path) -> None:
    """Run logrotate, whether it is time or not."""
    config = example("logrotate.conf", folder)
    config.chmod(0o644)
    subprocess.run(
        ["logrotate", "--force", "--state", folder / "state", config],
        check=True,
        capture_output=True,
    )


def test_rsyslog(tmp_path: Path) -> None:
    """Across two rotations under load rsyslog's imfile delivers every record, each once."""
    config = example("rsyslog.conf", tmp_path)
    log, out = tmp_path / "runner-audit.jsonl", tmp_path / "usage.jsonl"
    shipper = subprocess.Popen(
        [shutil.which("rsyslogd") or "/usr/sbin/rsyslogd", "-n", "-f", config,
         "-i", tmp_path / "pid"]
    )  # fmt: skip
    try:
        context = multiprocessing.get_context("spawn")
        writers = [context.Process(target=write, args=(log, EACH, 0.002)) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        for rotation in range(2):
            until_lines(log, 300)
            log.rename(tmp_path / f"runner-audit.jsonl.{2 - rotation}")
        for writer in writers:
            writer.join(120)
        deadline = time.monotonic() + 60
        while count(out) < WRITERS * EACH and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)  # for what would come twice
    finally:
        shipper.terminate()
        shipper.wait(20)
    written = [name_of(line) for file in names(log) for line in file.read_bytes().splitlines()]
    shipped = [name_of(line) for line in out.read_bytes().splitlines()]
    assert len(written) == WRITERS * EACH
    assert sorted(shipped) == sorted(written)
    assert len(names(log)) == 3


def test_logrotate(tmp_path: Path) -> None:
    """Across three rotations and compression under load no record is lost or doubled."""
    tmp_path.chmod(0o755)
    log = tmp_path / "runner-audit.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write, args=(log, EACH, 0.001)) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    for _ in range(3):
        until_lines(log, 200)
        rotate(tmp_path)
    for writer in writers:
        writer.join(120)
    files = log_files(log)
    assert sum(file.suffix == ".gz" for file in files) == 2
    found = []
    for file in files:
        with opened(file) as stream:
            found += [name_of(line) for line in stream]
    assert (len(found), len(set(found))) == (WRITERS * EACH, WRITERS * EACH)
    assert verify(files, {}).faults == []


def test_yaml_examples() -> None:
    """The other shippers' examples are YAML, and read our file."""
    read = {}
    for name in ("fluent-bit.yaml", "vector.yaml", "filebeat.yml"):
        read[name] = yaml.safe_load(EXAMPLES[name])
        assert "/var/lib/runner/runner-audit.jsonl" in EXAMPLES[name]
    fluent, vector = read["fluent-bit.yaml"], read["vector.yaml"]
    # What one part names is another part of the same file: none is there by itself.
    (parser,), (tail,) = fluent["parsers"], fluent["pipeline"]["inputs"]
    assert (parser["name"], parser["time_key"]) == (tail["parser"], "@timestamp")
    parts = {**vector["sources"], **vector["transforms"]}
    named = [each["inputs"] for kind in ("transforms", "sinks") for each in vector[kind].values()]
    assert {name for names in named for name in names} == set(parts)


def until_lines(log: Path, wanted: int) -> None:
    deadline = time.monotonic() + 60
    while count(log) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
