"""nginx tells who calls by client certificates, as docs/auth.md shows it."""

from __future__ import annotations

import json
import ssl
import subprocess
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from tests.docs import pages
from tests.requirements import need
from tests.serving.nginx import certificate, replaced, running
from tests.serving.project import tricky
from tests.serving.server import serving
from tests.store.servers import free_port

pytestmark = need("nginx")

_CA, _SHOP, _STRANGER = "clients-ca", "shop", "stranger"


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certificates(folder: Path) -> None:
    """Make a CA, a client's certificate by it, and one that a stranger has made for himself."""
    for name in (_CA, _STRANGER):
        _openssl(
            folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-out", f"{name}.pem", "-keyout", f"{name}.key",
        )  # fmt: skip
    _openssl(
        folder, "req", "-new", "-newkey", "rsa:2048", "-nodes",
        "-subj", "/O=Example/CN=shop", "-out", "shop.csr", "-keyout", "shop.key",
    )  # fmt: skip
    _openssl(
        folder, "x509", "-req", "-in", "shop.csr", "-days", "2", "-CA", f"{_CA}.pem",
        "-CAkey", f"{_CA}.key", "-CAcreateserial", "-out", "shop.pem",
    )  # fmt: skip


def ask(folder: Path, port: int, name: str | None) -> tuple[int, Any]:
    """Ask with a client's certificate, and with a lie about who asks."""
    context = ssl.create_default_context(cafile=str(folder / "models.pem"))
    context.check_hostname = False
    if name is not None:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    connection = HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    try:
        connection.request("GET", "/predict?x=2", headers={"X-Forwarded-Client": "somebody-else"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_client_certificates(tmp_path: Path) -> None:
    """The record names the certificate's holder, whatever the caller says; no other is let in."""
    config, shown = pages.section("auth.md", "A proxy that tells who calls").blocks
    project = tricky(tmp_path / "tricks")
    with project.config.open("a") as file:
        file.write(config.text)
    project.fit()
    folder, port = tmp_path / "nginx", free_port()
    folder.mkdir()
    certificate(folder)
    certificates(folder)
    with serving(project) as server:
        text = replaced(
            shown.text,
            upstream=("127.0.0.1:5000", f"127.0.0.1:{server.port}"),
            listen=("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            keys=("/etc/ssl/", f"{folder}/"),
        )
        with running(folder, text, port):
            status, body = ask(folder, port, _SHOP)
            assert (200, 4.0) == (status, json.loads(body)["result"])
            # nginx's own refusals: nothing of them reaches us.
            assert [400, 400] == [ask(folder, port, name)[0] for name in (None, _STRANGER)]
        assert 401 == server.get("/predict", x=2)[0]
    lines = (project.folder / "runner-audit.jsonl").read_text().splitlines()
    told = [each for each in map(json.loads, lines) if each["event.action"] == "predict"]
    assert ["CN=shop,O=Example", None] == [each.get("client.id") for each in told]
