"""Start Julia inside this process and call its glue: the only file that knows pyjulia.

pyjulia serves to load libjulia only, without PyCall.jl. All else goes through one C function that
glue.jl exports (``answer``), with a msgpack map in and one out; bulk data travel as addresses.

Rules of libjulia: main thread only; no fork after the start (a subprocess that execs at once is
fine); no exception may leave Julia, so glue.jl catches all.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import julia
from julia.api import LibJulia

from adapters.protocol import CannotStart
from contracts import wire
from contracts.errors import Code, Failure

GLUE = Path(__file__).with_name("glue.jl")

_QUESTION = """
using Libdl
println(Sys.BINDIR)
println(unsafe_string(Base.JLOptions().image_file))
println(Libdl.dlpath(string("lib", splitext(Base.julia_exename())[1])))
"""

PYJULIA = str(julia.__version__)


class JuliaNotFound(CannotStart):
    """There is no Julia here, or none that works; says where it was looked for."""


def find() -> Path:
    """Find Julia: $JULIA_EXE, PATH, juliaup's, our virtual environment's. Raises JuliaNotFound."""
    for candidate in _candidates():
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate
    looked = ", ".join(str(candidate) for candidate in _candidates())
    raise JuliaNotFound(f"no Julia at {looked}, nor on PATH; set JULIA_EXE to its executable")


def _candidates() -> Iterator[Path]:
    if chosen := os.environ.get("JULIA_EXE"):
        yield Path(chosen)
        return
    if found := shutil.which("julia"):
        yield Path(found)
    yield Path.home() / ".juliaup/bin/julia"
    yield Path(sys.executable).parent / "julia"


class _Library(LibJulia):  # type: ignore[misc]
    """Add to pyjulia the name that Julia 1.12 gave to the function that starts it."""

    @property
    def jl_init_with_image(self) -> Any:
        for name in (
            "jl_init_with_image",
            "jl_init_with_image_file",
            "jl_init_with_image__threading",
        ):
            if found := getattr(self.libjulia, name, None):
                return found
        raise JuliaNotFound(f"{self.libjulia_path} has no function jl_init_with_image")


def _locate(executable: Path) -> _Library:
    """Ask Julia where its library is and load that. Raises JuliaNotFound.

    PERF: pyjulia's own question loads Pkg and compiles, which takes twice as long.
    """
    command = [str(executable), "--startup-file=no", "--compile=min", "-O0", "-e", _QUESTION]
    try:
        asked = subprocess.run(command, check=True, capture_output=True, text=True)
        bindir, image, library = asked.stdout.splitlines()
        return _Library(library, bindir, image)
    except subprocess.CalledProcessError as ex:
        told = ex.stderr.strip() or f"exit code {ex.returncode}"
        raise JuliaNotFound(f"{executable} does not start as Julia: {told}") from ex
    except (OSError, RuntimeError, ValueError) as ex:
        raise JuliaNotFound(f"{executable} does not start as Julia: {ex}") from ex


class Bridge:
    """Hold the Julia of this process; there can be one only."""

    def __init__(self, executable: Path) -> None:
        """Start Julia and load the glue, on the main thread. Raises JuliaNotFound."""
        library = _locate(executable)
        library.init_julia()
        _block_on_write()
        self._library = library
        failed = self._text(
            f'try; include(raw"{GLUE}"); ""; catch error; sprint(showerror, error); end'
        )
        if failed:
            raise JuliaNotFound(f"{executable} cannot load {GLUE.name}: {failed}")
        self.version = self._text("string(VERSION)")
        # PYFUNCTYPE keeps the GIL: no other thread may run Python meanwhile, and touch Julia.
        prototype = ctypes.PYFUNCTYPE(
            ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p)
        )
        self._answer = prototype(int(self._text("string(RunnerGlue.entry())")))
        self._reply = ctypes.c_void_p()
        self._reply_pointer = ctypes.pointer(self._reply)

    def call(self, op: str, **arguments: Any) -> dict[str, Any]:
        """Run one operation of glue.jl. Raises Failure with its code, message and trace.

        Addresses among ``arguments`` must stay valid until the return, those in the answer are
        valid until the next call.
        """
        request = wire.pack({"op": op, **arguments})
        size = self._answer(request, len(request), self._reply_pointer)
        answer = wire.unpack(ctypes.string_at(self._reply.value or 0, size))
        if "ok" in answer:
            found: dict[str, Any] = answer["ok"]
            return found
        raise Failure(Code(answer["code"]), answer["message"], answer["trace"])

    def _text(self, expression: str) -> str:
        """Evaluate an expression that gives a String. Raises JuliaNotFound."""
        pointer = self._library.libjulia.jl_string_ptr
        pointer.argtypes, pointer.restype = [ctypes.c_void_p], ctypes.c_char_p
        found = self._library.jl_eval_string(expression.encode())
        if not found:
            raise JuliaNotFound(f"Julia cannot evaluate {expression}")
        return str(pointer(found).decode(errors="replace"))


def _block_on_write() -> None:
    """Take back the O_NONBLOCK that Julia sets on our output, or a full pipe loses lines."""
    for descriptor in (1, 2):
        os.set_blocking(descriptor, True)
