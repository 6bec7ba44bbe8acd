"""A model is stored with its script, and restored elsewhere (SPEC 5.6)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from contracts.errors import Code
from tests.adapters.driver import AdapterProcess, Client
from tests.adapters.julia.conftest import (
    SCRIPTS,
    failure,
    kinds,
    matrix,
    model,
    numbers,
    restore,
    y,
)
from tests.requirements import need

pytestmark = need("julia")


def test_a_model_of_its_own_type_is_restored_elsewhere(client: Client, folder: Path) -> None:
    """Another process, with the script gone, predicts the same (SPEC 5.6)."""
    script = folder / "nearest.jl"
    script.write_text((SCRIPTS / "nearest.jl").read_text())
    table = numbers([0, 10, 20], [0, 10, 20])
    client.fit({"script": str(script)}, table, kinds("p", "q", None))
    reply = client.persist()
    assert reply.format == "julia-serialization"
    script.unlink()
    with AdapterProcess.python_module("adapters.julia", folder) as other:
        with other.connect() as restored:
            restore(restored, reply)
            found = restored.predict(matrix([9, 9], [1, 2], [30, 30])).table
        assert found == client.predict(matrix([9, 9], [1, 2], [30, 30])).table
        assert found.columns[0].tolist() == ["q", "p", None]
        assert other.hang_up() == 0


def test_included_files_are_kept_with_the_model(client: Client, folder: Path) -> None:
    """A stored model uses the texts it was fitted with, its neighbours' included."""
    for name in ("including.jl", "part/neighbour.jl", "part/deeper.jl"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text((SCRIPTS / name).read_text())
    settings = {"script": str(folder / "including.jl"), "fit": "Inner.fit"}
    client.fit(settings, numbers([1, 2]), y(1, 2))
    reply = client.persist()
    (folder / "part/deeper.jl").write_text("offset() = -1.0")
    restore(client, reply)
    assert client.predict(matrix([1])).table.columns[0].tolist() == [1003.0]
    client.fit(settings, numbers([1, 2]), y(1, 2))
    assert client.predict(matrix([1])).table.columns[0].tolist() == [2.0]


def test_what_cannot_be_stored(client: Client) -> None:
    """What Julia cannot serialize is told in its words."""
    client.fit(model("unserializable.jl"), numbers([1, 2]), y(1, 2))
    caught = failure(Code.PERSIST_FAILED, client.persist)
    assert caught.message == "cannot serialize a running Task"


def test_another_version_of_julia_is_named(client: Client) -> None:
    """A load that fails names the Julia that wrote and the one that reads."""
    client.fit(model("nearest.jl"), numbers([1, 2]), kinds("p", "q"))
    raw = bytes(client.persist().artifact)
    here = client.hello.language_version
    other = "9" * len(here)
    broken = raw.replace(here.encode(), other.encode())[:-10]
    digest = hashlib.sha256(broken).hexdigest()
    caught = failure(Code.LOAD_FAILED, client.load, broken, "julia-serialization", digest)
    assert caught.message.startswith(f"written by Julia {other}, and this is {here}: EOFError")


def test_another_format_is_refused(client: Client) -> None:
    """Only what the adapter wrote itself is read."""
    client.fit(model("mirror.jl"), numbers([1, 2]), y(1, 2))
    raw = bytes(client.persist().artifact).replace(b"julia-serialization", b"julia-serializatioN")
    digest = hashlib.sha256(raw).hexdigest()
    failure(Code.BAD_ARTIFACT, client.load, raw, "julia-serializatioN", digest)


def test_hello_names_the_packages_in_use(worker: AdapterProcess, client: Client) -> None:
    """A connection that is opened after a fit tells which packages the model has loaded."""
    client.fit(model("package/using.jl"), numbers([1, 2]), y(1, 2))
    with worker.connect() as other:
        assert "0.3.1" == other.hello.packages["Tiny"]
        assert {"Tiny", "pyjulia", "numpy"} == set(other.hello.packages)
