"""Real servers that keep files: one that speaks S3, one that takes GET, PUT and DELETE."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec

USER, PASSWORD = "anna", "s3cr3t-of-anna"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

_WEBDAV = """
import sys
from cheroot import wsgi
from wsgidav.wsgidav_app import WsgiDAVApp
folder, port, user, password = sys.argv[1:]
app = WsgiDAVApp({
    "provider_mapping": {"/": folder},
    "simple_dc": {"user_mapping": {"*": {user: {"password": password}}}},
    "http_authenticator": {
        "accept_basic": True, "accept_digest": False, "default_to_digest": False,
    },
    "verbose": 0, "logging": {"enable": False},
})
wsgi.Server(("127.0.0.1", int(port)), app).safe_start()
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _served(*command: str, port: int) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, f"{command} ended"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """Serve a folder by WebDAV to USER; gives its URL."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    with _served("-c", _WEBDAV, str(folder), str(port), USER, PASSWORD, port=port) as url:
        yield url


@contextmanager
def s3_server() -> Iterator[dict[str, object]]:
    """Serve S3 with a bucket named models; gives the options to reach it."""
    port = free_port()
    with _served("-m", "moto.server", "-H", "127.0.0.1", "-p", str(port), port=port) as url:
        options: dict[str, object] = {"key": USER, "secret": PASSWORD, "endpoint_url": url}
        os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
        fsspec.filesystem("s3", skip_instance_cache=True, **options).mkdir("models")
        yield options
