"""docs/deployment.md: what it shows is what the tools take."""

from __future__ import annotations

import kubernetes_validate
import yaml

from tests.docs import pages


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
