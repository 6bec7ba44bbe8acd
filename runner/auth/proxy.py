"""Take a trusted proxy's word for who calls."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from runner.auth.caller import Caller
from runner.auth.errors import MalformedRequest
from runner.config import AuthSettings

_NAME = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?")
_PEERS = 1000  # remembered addresses


class TrustedProxy:
    """Recognise callers by a header field, on connections that come from the proxy."""

    def __init__(self, settings: AuthSettings) -> None:
        assert settings.trusted_header is not None
        self.header = settings.trusted_header.lower().encode()
        self._networks = [ipaddress.ip_network(each) for each in settings.trusted_from]
        self._grant = frozenset(settings.grant)
        self._trusted: dict[str, bool] = {}

    def caller(self, peer: str | None, values: Sequence[bytes]) -> Caller | None:
        """Give the caller that the field's values name; None if the peer is not the proxy.

        Raises MalformedRequest.
        """
        if not values or not self._trusts(peer):
            return None
        if len(values) > 1:
            raise MalformedRequest("the field that names the client is there more than once")
        if not _NAME.fullmatch(values[0]):
            raise MalformedRequest("the field that names the client has no name in it")
        return Caller(values[0].decode("ascii"), None, self._grant)

    def _trusts(self, peer: str | None) -> bool:
        if peer is None:
            return False
        found = self._trusted.get(peer)
        if found is None:
            if len(self._trusted) >= _PEERS:
                self._trusted.clear()
            found = self._trusted[peer] = self._contains(peer)
        return found

    def _contains(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        # A socket that listens to both families tells IPv4 peers as ::ffff:127.0.0.1.
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)
