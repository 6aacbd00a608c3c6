"""Headers that tell browsers what to refuse, and checks against requests made by other sites."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX_BYTES = 2_000_000
UPLOAD_PATH = "/desk/money/import"
UPLOAD_MAX_BYTES = 21_000_000  # a statement, and the rest of its form
TASK_FORM_BYTES = 1_000_000  # the form of a task, beside its document
HOME = "/desk"
_OURS = re.compile(r"/desk(?:[/?][\x21-\x5b\x5d-\x7e]*)?")  # printable, without a backslash
_OF_TASK = re.compile(r"/desk/tasks/[0-9]{1,9}/[a-z-]+", re.ASCII)
FORM_FIELDS_MAX = 20_000  # a selection of ten thousand invoices, and as much again
_YEAR_SECONDS = 31_536_000
_EVERYWHERE = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
_NOTHING_FOREIGN = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "


class SecurityHeaders:
    """Middleware. Foreign content never loads.

    Customers' pages have no script, and their forms may lead on to ``form_targets``. The desk runs our own scripts, and
    its forms stay here.
    """

    def __init__(self, app: ASGIApp, form_targets: str, https: bool) -> None:
        self._app = app
        everywhere = _EVERYWHERE | ({"Strict-Transport-Security": f"max-age={_YEAR_SECONDS}"} if https else {})
        self._customers = everywhere | {
            "Content-Security-Policy": f"{_NOTHING_FOREIGN}form-action 'self' {form_targets}",
            "Referrer-Policy": "no-referrer",  # the address of a customer's page is its key
        }
        self._desk = everywhere | {
            "Content-Security-Policy": f"{_NOTHING_FOREIGN}script-src 'self'; connect-src 'self'; form-action 'self'",
            "Referrer-Policy": "same-origin",  # without a referrer, forms would not say their origin
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (self._desk if _is_desk(scope["path"]) else self._customers).items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-cache"  # cached, and revalidated by its ETag
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimit:
    """Middleware: answers a body that announces too large a size with a page; Starlette's own answer has no text."""

    def __init__(self, app: ASGIApp, refusal: Callable[[Request], Response], document_max_bytes: int) -> None:
        self._app = app
        self._refusal = refusal
        self._task_max_bytes = document_max_bytes + TASK_FORM_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            length = request.headers.get("content-length", "")
            if length.isdecimal() and int(length) > self._most(scope["path"]):
                return await self._refusal(request)(scope, receive, send)
        await self._app(scope, receive, send)

    def _most(self, path: str) -> int:
        if path == UPLOAD_PATH:
            return UPLOAD_MAX_BYTES
        return self._task_max_bytes if _OF_TASK.fullmatch(path) else BODY_MAX_BYTES


def _is_desk(path: str) -> bool:
    return path.split("/")[1:2] in (["desk"], ["login"], ["logout"])


def same_site(request: Request) -> None:
    """Refuses a form on another site's page, by Sec-Fetch-Site: without a referrer, the Origin would be null."""
    if request.method == "POST" and from_elsewhere(request):
        raise HTTPException(403)


def from_elsewhere(request: Request) -> bool:
    """Whether another site's page has made the request, according to the browser."""
    return request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def sent_by_us(request: Request) -> bool:
    """Whether the browser says that our own page has made the request. One that says nothing proves nothing."""
    if site := request.headers.get("sec-fetch-site"):
        return site == "same-origin"
    return urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "nowhere")


def local_path(text: str) -> str:
    """``text`` if it is a path of the desk, else the desk's first page: never another site."""
    return text if _OURS.fullmatch(text) else HOME


def from_origin_of(base_url: str, request: Request) -> bool:
    """Whether our own page has made the request; an old browser sends only the page's origin."""
    origin = request.headers.get("origin")
    if "sec-fetch-site" in request.headers or origin is None:
        return not from_elsewhere(request)
    return urlsplit(origin).netloc in (urlsplit(base_url).netloc, request.headers.get("host"))
