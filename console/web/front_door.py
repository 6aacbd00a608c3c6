"""Refuses requests for a host that is not ours, or for an address with control characters, before all else."""

import logging
import re
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from process.proxies import TrustedProxies
from process.settings.checks import LOOPBACK

OPEN_TO_MONITORS = ("/healthz", "/healthz/billing", "/readyz", "/metrics")
"""Monitors and load balancers may use another host name."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # routes end with $, which a line feed may follow

_log = logging.getLogger(__name__)


class FrontDoor:
    """Middleware. ``hosts`` are the names under which browsers reach us; none allows any."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: Sequence[str],
        proxies: TrustedProxies,
        refusal: Callable[[Request, int], Response],
    ) -> None:
        self._app = app
        self._hosts = (*hosts, *LOOPBACK) if hosts else ()
        self._proxies = proxies
        self._refusal = refusal
        self._warned: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            if self._proxies.is_missing(request):
                self._warn(
                    "a proxy that is not trusted forwards requests, so all of them count as one client: "
                    "set BILLING_CONSOLE_TRUSTED_PROXIES to its address"
                )
            if _CONTROL.search(scope["path"]):
                return await self._refusal(request, 404)(scope, receive, send)
            if self._hosts and _host(request) not in self._hosts and scope["path"] not in OPEN_TO_MONITORS:
                self._warn("requests under another host than BILLING_CONSOLE_URL are refused: the proxy has to keep it")
                return await self._refusal(request, 421)(scope, receive, send)
        await self._app(scope, receive, send)

    def _warn(self, text: str) -> None:
        """Once for each process, as anybody can make any number of these requests."""
        if text not in self._warned:
            self._warned.add(text)
            _log.warning("%s", text)


def _host(request: Request) -> str:
    """The requested host, without its port; "" if none can be read."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""
