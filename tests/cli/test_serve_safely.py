"""What `runner serve` refuses to do in the open, and how it speaks TLS."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.serving.project import Project, run, tricky
from tests.serving.server import serving, until

AUTH = "auth: {issuer: https://issuer.example, audience: https://models.example}\n"
OTHER = "auth: {issuer: https://other.example, audience: https://models.example}\n"


def project(folder: Path, auth: str = "", name: str = "tricks", **options: str) -> Project:
    made = tricky(folder, name, **options)
    with made.config.open("a") as config:
        config.write(f"\n{auth}")
    return made


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::"])
def test_no_auth_in_the_open(tmp_path: Path, host: str) -> None:
    """Without `auth` no address but a loopback one is listened on: exit code 2, one clear line."""
    done = project(tmp_path).run("serve", "--host", host, "--port", "0")
    assert done.code == 2
    assert done.stderr == (
        f"runner: {tmp_path}/runner.yaml: auth: is missing, and with --host {host} anybody could "
        "ask; expected auth: {issuer: …, audience: …}, or auth: none where a proxy in front sees "
        "to it\n"
    )


def test_no_auth_on_loopback(tmp_path: Path) -> None:
    """On a loopback address the server starts without `auth`, and says what that means."""
    with serving(project(tmp_path), wait=False, options=("--host", "localhost")) as server:
        told = [event["event"] for event in server.events]
        assert "no authentication: only this machine can ask, and anybody on it" in told


@pytest.mark.parametrize("auth", ["auth: none\n", AUTH])
def test_auth_in_the_open(tmp_path: Path, auth: str) -> None:
    """With `auth`, be it none, every address may be listened on; the log says what holds."""
    with serving(project(tmp_path, auth), wait=False, options=("--host", "0.0.0.0")) as server:
        (told,) = [event for event in server.events if event["event"] == "authentication"]
        assert told["read_from"] == str(tmp_path / "runner.yaml")
        assert told.get("issuer") == ("https://issuer.example" if auth == AUTH else None)


def test_several_configs(tmp_path: Path) -> None:
    """One config may say `auth` for all; two that differ are refused, without telling secrets."""
    silent = project(tmp_path / "a", name="a")
    one = project(tmp_path / "b", AUTH, name="b")
    other = project(tmp_path / "c", OTHER, name="c")
    configs = [part for each in (silent, one, other) for part in ("-c", str(each.config))]
    done = run("serve", *configs)
    assert (done.code, done.stderr) == (
        2,
        f"runner: {other.config}: auth: not the same as in {one.config}, and it is the whole "
        "server's; expected one for all services, or in one config\n",
    )
    with serving(silent, one, wait=False) as server:
        (told,) = [event for event in server.events if event["event"] == "authentication"]
        assert told["read_from"] == str(one.config)
        until(lambda: _status(server.port, "/list") == 401, what="the front-end answers")


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status


@pytest.mark.parametrize("auth", ["", "auth: none\n"])
def test_a_service_for_some_needs_callers(tmp_path: Path, auth: str) -> None:
    """A service that names clients is refused by a server that knows none."""
    done = project(tmp_path, auth, service="allow_clients: [batch]").run("check")
    assert done.code == 2
    assert "predict_service.allow_clients: nobody is known to this server" in done.stderr


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of localhost, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    """With a certificate the server speaks TLS, from version 1.2 on, and nothing else."""
    cert, key = map(str, certificate)
    options = ("--certfile", cert, "--keyfile", key)
    with serving(project(tmp_path), wait=False, options=options) as server:
        assert [e["url"] for e in server.events if e["event"] == "serving"] == [
            f"https://127.0.0.1:{server.port}"
        ]
        context = ssl.create_default_context(cafile=cert)
        connection = http.client.HTTPSConnection(
            "localhost", server.port, timeout=60, context=context
        )
        connection.request("GET", "/health/live")
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["result"]) == (200, "live")
        assert response.getheader("Server") is None
        connection.close()
        assert _shakes_hands(server.port, cert, ssl.TLSVersion.TLSv1_2)
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            assert not _shakes_hands(server.port, cert, version)
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain:
            plain.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP/1.1 200")


def _shakes_hands(port: int, cert: str, version: ssl.TLSVersion) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cert)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            return True
    except (ssl.SSLError, ConnectionError):
        return False


def test_tls_that_cannot_be(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    """A certificate without its key, or with another's, is told before anything is started."""
    cert, key = map(str, certificate)
    made = project(tmp_path)
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    for options in (
        ("--keyfile", key),
        ("--certfile", cert),
        ("--certfile", str(nothing), "--keyfile", key),
        ("--certfile", cert, "--keyfile", str(nothing)),
        ("--certfile", str(tmp_path / "absent.pem")),
    ):
        done = made.run("serve", "--port", "0", *options)
        assert (done.code, "Traceback" in done.stderr) == (2, False), options
