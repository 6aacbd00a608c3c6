"""What every answer tells browsers to refuse; and requests that another site makes in a customer's name."""

from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_YEAR_SECONDS = 31_536_000


class SecurityHeaders:
    """Middleware. Forms may lead to this site and on to ``form_targets``; foreign content never loads."""

    def __init__(self, app: ASGIApp, form_targets: str, https: bool) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
            "img-src 'self'; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action 'self' {form_targets}",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "Referrer-Policy": "no-referrer",  # the address of a customer's page is its key
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "X-Robots-Tag": "noindex, nofollow",
        }
        if https:
            self._headers["Strict-Transport-Security"] = f"max-age={_YEAR_SECONDS}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-cache"  # kept, and asked for by its ETag
            await send(message)

        await self._app(scope, receive, send_with_headers)


def same_site(request: Request) -> None:
    """Refuses a form on another site's page. Browsers tell; their Origin would be null, for want of a referrer."""
    if request.method == "POST" and request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise HTTPException(403)
