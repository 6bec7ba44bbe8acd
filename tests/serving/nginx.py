"""Run nginx with what the pages show, in front of a server of ours."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

from tests.docs import pages
from tests.serving.server import until
from tests.store.servers import free_port

_AROUND = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    {paths}
    include {folder}/models.conf;
}}
"""
_KINDS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True)
class Nginx:
    """A running nginx: its ports, and where it writes."""

    port: int
    """Speaks TLS."""
    plain: int
    folder: Path

    def connect(self) -> HTTPConnection:
        """Open a connection with TLS, checked against the certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / "models.pem"))
        context.check_hostname = False
        return HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)

    @property
    def log(self) -> list[str]:
        """The lines of its log of requests."""
        return (self.folder / "models.log").read_text().splitlines()


def replaced(text: str, **pairs: tuple[str, str]) -> str:
    """Put what a test has in the place of what a page shows."""
    for old, new in pairs.values():
        assert old in text, f"no {old!r} in what is shown of nginx"
        text = text.replace(old, new)
    return text


def certificate(folder: Path) -> None:
    """Make models.pem and models.key."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=models.example.com", "-out", folder / "models.pem"),
            *("-keyout", folder / "models.key"),
        ],
        check=True,
        capture_output=True,
    )


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Nginx]:
    """Start nginx in front of a port of ours; ended at the end."""
    folder.mkdir()
    certificate(folder)
    found = Nginx(free_port(), free_port(), folder)
    (shown,) = (b for b in pages.section("deployment.md", "nginx").blocks if b.language == "nginx")
    listens = f"listen 127.0.0.1:{found.port} ssl;\n    listen 127.0.0.1:{found.plain};"
    text = replaced(
        shown.text,
        upstream=("127.0.0.1:5000", f"127.0.0.1:{upstream}"),
        listen=("listen 443 ssl;", listens),
        keys=("/etc/nginx/", f"{folder}/"),
        log=("/var/log/nginx/", f"{folder}/"),
    )
    with running(folder, text, found.port):
        yield found


@contextmanager
def running(folder: Path, text: str, port: int) -> Iterator[None]:
    """Run nginx with what stands within its `http`, which listens at a port; ended at the end."""
    (folder / "models.conf").write_text(text)
    paths = "\n    ".join(f"{kind}_temp_path {folder}/{kind};" for kind in _KINDS)
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(_AROUND.format(user=user, folder=folder, paths=paths))
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None
    start = [program, "-e", str(folder / "error.log"), "-c", str(config)]
    checked = subprocess.run([*start, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr
    with subprocess.Popen(start) as process:
        try:
            until(lambda: _accepts(port), what="nginx listens")
            yield
        finally:
            process.terminate()
            process.wait(30)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
