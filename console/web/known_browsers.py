"""Browsers in which a user has signed in before: there, failed tries of strangers do not delay the user.

Their cookie is a random name of the browser, signed together with the user's. It grants no access.
"""

import hashlib
import hmac
import secrets

from fastapi import Request, Response

_YEAR_SECONDS = 31_536_000


class KnownBrowsers:
    def __init__(self, secret: str, https: bool) -> None:
        self._secret = secret.encode()
        self._https = https
        self._cookie = "__Host-billing-browser" if https else "billing-browser"

    def name(self, request: Request, username: str) -> str:
        """The browser's name; "" if ``username`` has not signed in there before."""
        name, _, signature = request.cookies.get(self._cookie, "").partition(".")
        return name if hmac.compare_digest(signature.encode(), self._signature(name, username).encode()) else ""

    def remember(self, response: Response, username: str) -> None:
        """Marks the browser as one in which ``username`` has signed in."""
        name = secrets.token_hex(8)
        response.set_cookie(
            self._cookie,
            f"{name}.{self._signature(name, username)}",
            max_age=_YEAR_SECONDS,
            secure=self._https,
            httponly=True,
            samesite="lax",
        )

    def _signature(self, name: str, username: str) -> str:
        return hmac.new(self._secret, f"browser|{username}|{name}".encode(), hashlib.sha256).hexdigest()
