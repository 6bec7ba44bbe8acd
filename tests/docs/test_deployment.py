"""docs/deployment.md: what it shows is what the tools take."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml

from runner.config.settings import ServerSettings
from tests.docs import pages
from tests.requirements import need


def test_kubernetes() -> None:
    """The manifest is valid; it is not root, read-only, and probes what there is."""
    (block,) = pages.section("deployment.md", "Kubernetes").blocks
    manifest = yaml.safe_load(block.text)

    kubernetes_validate.validate(manifest, "1.30", strict=True)

    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"


def _unit(folder: Path) -> tuple[Path, configparser.RawConfigParser]:
    """Write the unit with the runner of here, which must exist for systemd to like it."""
    shown = pages.section("deployment.md", "systemd").blocks
    text, socket = (block.text for block in shown if block.language == "ini")
    (folder / "runner.socket").write_text(socket)
    runner = Path(sys.executable).with_name("runner")
    path = folder / "runner.service"
    path.write_text(text.replace("/opt/runner/bin/runner", str(runner)))
    read = configparser.RawConfigParser(interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(text)
    return path, read


def test_unit_fits_the_server(tmp_path: Path) -> None:
    """systemd waits longer than the server does, and asks it for what it understands."""
    service = _unit(tmp_path)[1]["Service"]

    assert float(service["TimeoutStopSec"]) > ServerSettings.graceful_timeout + 5
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["ExecStart"].startswith("/opt/runner/bin/runner serve ")


@need("systemd")
def test_unit(tmp_path: Path) -> None:
    """Row "serve": systemd finds no fault in unit and socket, and little they are exposed to."""
    path, _ = _unit(tmp_path)

    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path, path.with_suffix(".socket")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert rated.returncode == 0, rated.stdout
