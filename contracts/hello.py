"""Introduce an adapter: the first message on each connection (SPEC 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts import VERSION
from contracts.errors import BadMessage
from contracts.keys import optional, require, short
from contracts.wire import pack, unpack


@dataclass(frozen=True, slots=True)
class Hello:
    """Say who speaks, in which language, and which requests it takes."""

    adapter: str
    version: str
    language: str
    language_version: str
    capabilities: tuple[str, ...]
    packages: Mapping[str, str] = field(default_factory=dict)
    contract: int = VERSION

    def encode(self) -> bytes:
        """Give the frame's payload."""
        return pack(
            {
                "op": "hello",
                "contract": self.contract,
                "adapter": self.adapter,
                "version": self.version,
                "runtime": {
                    "language": self.language,
                    "version": self.language_version,
                    "packages": dict(self.packages),
                },
                "capabilities": self.capabilities,
            }
        )

    @classmethod
    def decode(cls, payload: bytes) -> Hello:
        """Read a hello; raises BadMessage, also for a contract that is not ours (SPEC 8.1)."""
        message = unpack(payload)
        if message.get("op") != "hello":
            raise BadMessage(f"the first message is {short(message.get('op'))}, expected 'hello'")
        contract = require(message, "contract", int)
        if contract != VERSION:
            raise BadMessage(f"adapter speaks contract {contract}, expected {VERSION}")
        runtime = require(message, "runtime", dict)
        capabilities = require(message, "capabilities", list)
        packages = optional(runtime, "packages", dict, {})
        if not all(type(capability) is str for capability in capabilities):
            raise BadMessage("capabilities must be strings")
        if not {"predict", "ping"} <= set(capabilities):
            raise BadMessage(f"capabilities {short(capabilities)} lack predict or ping")
        if not all(type(package) is str for package in packages.values()):
            raise BadMessage("runtime packages must map names to versions")
        return cls(
            adapter=require(message, "adapter", str),
            version=require(message, "version", str),
            language=require(runtime, "language", str),
            language_version=require(runtime, "version", str),
            capabilities=tuple(capabilities),
            packages=packages,
            contract=contract,
        )
