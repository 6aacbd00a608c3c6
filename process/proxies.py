"""The client's address and user as a reverse proxy states them; believed of trusted proxies only."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from fastapi import Request

from process.settings.types import Network

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|(\d+\.\d+\.\d+\.\d+):\d{1,5}", re.ASCII)
_CLIENT_BITS = 64  # of an IPv6 address: the rest is the client's own to choose


class TrustedProxies:
    """``sso_header`` names the header with the user who has signed in; "" for none.

    ``behind_unknown``: a proxy stands before the console, and none is trusted.
    """

    def __init__(self, networks: Sequence[Network], sso_header: str = "", behind_unknown: bool = False) -> None:
        self._networks = networks
        self._sso_header = sso_header
        self._behind_unknown = behind_unknown

    def user(self, request: Request) -> str:
        """The user's name as the proxy wrote it; "" if none did, or if it is not clear which one."""
        if not self._sso_header or not self._are(_address(request.client.host if request.client else "")):
            return ""
        names = request.headers.getlist(self._sso_header)
        return names[0] if len(names) == 1 else ""

    def is_missing(self, request: Request) -> bool:
        """Whether a proxy that is not trusted may have sent the request: then many clients share its address.

        It names its origin, but comes from no trusted proxy; or somebody has made that up.
        """
        peer = _address(request.client.host if request.client else "")
        return self._behind_unknown or ("x-forwarded-for" in request.headers and not self._are(peer))

    def unproven_client(self, request: Request) -> str:
        """The client as the nearest proxy names it, trusted or not; "" if none does.

        A client behind a proxy that adds to the header cannot choose it, others can: it tells clients apart only.
        """
        return ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()

    def address(self, request: Request) -> IPv4Address | IPv6Address | None:
        """Where the request comes from: what a header claims counts only as far as trusted proxies have written it."""
        address = _address(request.client.host if request.client else "")
        hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        while self._are(address) and hops and (before := _address(hops.pop().strip())):
            address = before
        return address

    def client(self, request: Request) -> str:
        """The origin of the request: an address, or the network of one household (IPv6)."""
        address = self.address(request)
        if isinstance(address, IPv6Address):
            return str(IPv6Network((address, _CLIENT_BITS), strict=False))
        return str(address or "unknown")

    def _are(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """``198.51.100.7``, ``2001:db8::1``; also with the port that some proxies add: ``1.2.3.4:567``, ``[::1]:80``."""
    if parts := _WITH_PORT.fullmatch(text):
        text = parts[1] or parts[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
