"""The session behind a request's cookie, and its protection against forged requests.

::

    router = APIRouter(prefix="/desk", dependencies=[Depends(signed_in())])

    async def month(self, period: str, session: SignedIn) -> HTMLResponse: ...
    async def approve(self, session: Annotated[Session, Depends(signed_in(Role.APPROVER))]) -> Response: ...

A form carries ``session.csrf`` in its field ``csrf``, a script sends it as ``X-CSRF-Token``.
"""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from fastapi import Depends, HTTPException, Request
from fastapi.responses import Response

from billing.errors import BillingError, InvalidInput
from billing.reviewers.ports import SessionStore
from billing.reviewers.users import SESSION_LIFETIME, Role, UserCredentials, member_of, username_of
from billing.tasks.member import Member
from console.web.forms import form_of
from console.web.kept_form import KeptForm, address_of
from console.web.security import from_elsewhere
from process.proxies import TrustedProxies

_SAFE_METHODS = ("GET", "HEAD")
_log = logging.getLogger(__name__)


class Session(NamedTuple):
    """A signed-in user. ``csrf`` belongs in every form on their pages, and nowhere else.

    ``posts``: the request sends a form, so a page that answers it is not one to come back to.
    """

    username: str
    name: str
    role: Role
    csrf: str
    departments: tuple[str, ...] = ()
    posts: bool = False

    @property
    def member(self) -> Member:
        return member_of(self.username, self.role, self.departments)


class RefusedRequest(HTTPException):
    """Answered by a page of one sentence; ``to_sign_in`` adds a link for that.

    With ``kept``, answered by a page with what was typed: to sign in first, or to send it in this ``session``.
    """

    def __init__(
        self,
        status: int,
        title: str,
        text: str,
        to_sign_in: bool = False,
        kept: KeptForm | None = None,
        session: Session | None = None,
    ) -> None:
        super().__init__(status, text)
        self.title, self.text, self.to_sign_in = title, text, to_sign_in
        self.kept, self.session = kept, session


class SignInNeededError(Exception):
    """Answered by a redirect to the sign-in page, and from there back to ``path``."""

    def __init__(self, path: str) -> None:
        self.location = f"/login?{urlencode({'next': path})}"


class Sessions:
    """Sessions by cookie: a random token, of which the ledger keeps the SHA-256 only."""

    def __init__(self, ledger: SessionStore, proxies: TrustedProxies, https: bool) -> None:
        self._ledger = ledger
        self._proxies = proxies
        self._https = https
        self._cookie = "__Host-billing" if https else "billing"  # the prefix keeps other hosts from setting it

    async def of(self, request: Request) -> Session | None:
        """The request's session, if it is valid this moment. Raises ``LedgerUnavailable``."""
        token, now = self._token(request), datetime.now(UTC)
        entry = await self._ledger.session(_hash(token), now) if token else None
        if entry is None or self._is_someone_else(request, entry.username):
            return None
        with suppress(BillingError):  # the next request notes its use
            await self._ledger.session_is_used(_hash(token), entry, now)
        posts = request.method not in _SAFE_METHODS
        return Session(entry.username, entry.name, entry.role, csrf_of(token), entry.departments, posts)

    async def open(self, request: Request, response: Response, account: UserCredentials) -> str | None:
        """Signs in with a new token, and returns the CSRF token; None if the account has just changed.

        Ends the browser's earlier session.
        """
        token = secrets.token_urlsafe(32)
        if not await self._ledger.open_session(_hash(token), account, datetime.now(UTC)):
            return None
        await self.end(request, response)
        response.set_cookie(
            self._cookie,
            token,
            max_age=int(SESSION_LIFETIME.total_seconds()),
            secure=self._https,
            httponly=True,
            samesite="lax",  # with strict, a link in an alert's mail would ask for a new sign-in
        )
        return csrf_of(token)

    async def end(self, request: Request, response: Response) -> None:
        """Ends the session; copies of its cookie are worthless too."""
        if token := self._token(request):
            await self._ledger.end_session(_hash(token))
            response.delete_cookie(self._cookie, secure=self._https, httponly=True, samesite="lax")

    def _token(self, request: Request) -> str:
        return request.cookies.get(self._cookie, "")

    def _is_someone_else(self, request: Request, username: str) -> bool:
        """Whether the proxy names another user at this browser."""
        named = self._proxies.user(request)
        try:
            return bool(named) and username_of(named) != username
        except InvalidInput:
            return True


async def session_of(request: Request) -> Session | None:
    """The request's session, if it is valid this moment: for streams, which go on for hours."""
    sessions: Sessions = request.app.state.sessions
    return await sessions.of(request)


def signed_in(role: Role = Role.VIEWER) -> Callable[[Request], Awaitable[Session]]:
    """A dependency: the session of a user whose role is enough.

    Without a session, a page redirects to the sign-in page, and from there back. Refused (403) are a role that is not
    enough, and a changing request without the session's CSRF token, from another site, or without a session; what was
    typed on a page of ours is kept.
    """

    async def session(request: Request) -> Session:
        current = await session_of(request)
        if current is None:
            raise await _not_signed_in(request)
        if request.method not in _SAFE_METHODS:
            await _require_csrf(request, current)
        if not current.role.may(role):
            name = current.username
            _log.warning("%s, %s, may not: %s %r", name, current.role, request.method, request.url.path)
            text = f"You are signed in as {name}, {current.role}; this takes the role {role} or a higher one."
            raise RefusedRequest(403, "You may not do this", text)
        return current

    return session


SignedIn = Annotated[Session, Depends(signed_in())]
"""The session of anybody who may see everything: not of staff, who have their tasks."""


def in_background(request: Request) -> bool:
    """Whether a script asks, which would take a redirect's page for the answer."""
    return request.headers.get("sec-fetch-mode", "navigate") != "navigate"


async def _not_signed_in(request: Request) -> Exception:
    if request.method in _SAFE_METHODS and not in_background(request):
        return SignInNeededError(address_of(request))
    return RefusedRequest(
        403,
        "You are not signed in",
        "Nothing was changed. Sign in, then try again.",
        to_sign_in=True,
        kept=await KeptForm.of(request),
    )


async def _require_csrf(request: Request, session: Session) -> None:
    if from_elsewhere(request):
        raise RefusedRequest(403, "This did not come from our page", "Nothing was changed.")
    header = request.headers.get("x-csrf-token")
    sent = header if header is not None else (await form_of(request)).get("csrf")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), session.csrf.encode()):
        text = "Nothing was changed. Go back, reload the page and try again."
        kept = await KeptForm.of(request)
        raise RefusedRequest(403, "This page is out of date", text, kept=kept, session=session)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    """Derived from the session's token, which it does not reveal."""
    return hmac.digest(token.encode(), b"csrf", "sha256").hex()
