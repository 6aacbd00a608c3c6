"""Signing in and out, by password or by a trusted proxy's header; and the answers to requests that are refused.

::

    GET  /login     the form; opens a session at once if the proxy names a user
    POST /login     opens a session; shows a form that was sent without one, to be sent now
    POST /logout    ends it
"""

import logging
import math
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from billing.errors import InvalidInput
from billing.model import Line, Url
from billing.reviewers.ports import Passwords, SignInStore
from billing.reviewers.users import PASSWORD_MAX, Role, UserCredentials, username_of
from console.reviewers.signed_in import RefusedRequest, Sessions, SignInNeededError, in_background, signed_in
from console.web.kept_form import KeptForm
from console.web.known_browsers import KnownBrowsers
from console.web.pages import Pages
from console.web.security import BODY_MAX_BYTES, HOME, from_origin_of, local_path
from process.proxies import TrustedProxies

_log = logging.getLogger(__name__)


class Login:
    """``base_url`` is where browsers reach the console."""

    def __init__(
        self,
        ledger: SignInStore,
        sessions: Sessions,
        passwords: Passwords,
        proxies: TrustedProxies,
        browsers: KnownBrowsers,
        pages: Pages,
        base_url: str,
    ) -> None:
        self._ledger = ledger
        self._sessions = sessions
        self._passwords = passwords
        self._proxies = proxies
        self._browsers = browsers
        self._pages = pages
        self._base_url = base_url
        self.router = APIRouter()
        self.router.add_api_route("/login", self.show, response_model=None)
        self.router.add_api_route("/login", self.sign_in, methods=["POST"], response_model=None)
        out = [Depends(signed_in(Role.STAFF))]
        self.router.add_api_route("/logout", self.sign_out, methods=["POST"], response_model=None, dependencies=out)

    async def show(self, request: Request, next: str = HOME, bye: bool = False) -> Response:
        """``bye``: the user has just signed out, and the proxy does not sign them in again unasked."""
        if await self._sessions.of(request):
            return RedirectResponse(local_path(next), 303)
        named = self._proxies.user(request)
        if not named or bye:
            return self._page(next=next, bye=bye, named=named)
        return await self._sign_in_named(request, named, next)

    async def _sign_in_named(self, request: Request, named: str, next: str, kept: KeptForm | None = None) -> Response:
        """Whom the proxy names is signed in without a password."""
        account = await self._account(named)
        response = RedirectResponse(local_path(next), 303)
        if account is not None and (csrf := await self._sessions.open(request, response, account)):
            _log.info("%s signed in by the proxy's header", account.username)
            return self._with_cookies(response, self._shown(kept, account.username, csrf)) if kept else response
        error = f"The single sign-on knows you as {named}; no such user is enabled here. Ask an administrator."
        return self._page(403, error=error, next=next, kept=kept)

    async def sign_in(
        self,
        request: Request,
        username: Annotated[Line, Form()] = "",
        password: Annotated[str, Form(max_length=PASSWORD_MAX)] = "",
        next: Annotated[Url, Form()] = HOME,
        kept: Annotated[str, Form(max_length=BODY_MAX_BYTES)] = "",
    ) -> Response:
        """An unknown name and a wrong password get the same answer, after the same time."""
        form = KeptForm.read(kept)
        if not from_origin_of(self._base_url, request):
            raise RefusedRequest(403, "This did not come from our page", "Nobody was signed in.", to_sign_in=True)
        if form and not username and (named := self._proxies.user(request)):
            return await self._sign_in_named(request, named, next, form)
        address, browser = self._proxies.client(request), self._browsers.name(request, _typed(username))
        attempt = await self._ledger.begin_sign_in(_typed(username), address, datetime.now(UTC), browser)
        if attempt.wait > timedelta():
            return self._later(attempt.wait, username, next, form)
        response = RedirectResponse(local_path(next), 303)
        account = await self._proven(username, password)
        if account is not None and (csrf := await self._sessions.open(request, response, account)):
            await self._ledger.accept_sign_in(attempt.number)
            if not browser:
                self._browsers.remember(response, account.username)
            _log.info("%s signed in from %s", account.username, address)
            return self._with_cookies(response, self._shown(form, account.username, csrf)) if form else response
        _log.warning("a sign-in from %s failed", address)
        return self._page(401, error="User name or password is not right.", username=username, next=next, kept=form)

    async def sign_out(self, request: Request) -> Response:
        response = RedirectResponse("/login?bye=1", 303)
        await self._sessions.end(request, response)
        return response

    def handle_refusals(self, app: FastAPI) -> None:
        """Answers refusals by a page, or to a script by a line of text."""

        @app.exception_handler(SignInNeededError)
        async def sign_in_needed(request: Request, error: SignInNeededError) -> Response:
            return RedirectResponse(error.location, 303)

        @app.exception_handler(RefusedRequest)
        async def refused(request: Request, error: RefusedRequest) -> Response:
            if in_background(request):
                return PlainTextResponse(f"{error.title}. {error.text}\n", error.status_code)
            if (kept := error.kept) and (session := error.session):
                return self._shown(kept, session.username, session.csrf, error.status_code)
            if kept:
                return self._page(403, next=kept.page, named=self._proxies.user(request), kept=kept)
            back, label = ("/login", "Sign in") if error.to_sign_in else ("/desk", "To the desk")
            values: dict[str, object] = {
                "title": error.title,
                "paragraphs": (error.text,),
                "back": back,
                "back_label": label,
            }
            return self._pages.page("refused.html", values, error.status_code)

    async def _proven(self, username: str, password: str) -> UserCredentials | None:
        """The account, if the password is right; an outdated hash is renewed."""
        account = await self._account(username)
        hashed = account.password_hash if account else ""
        if not await self._passwords.fits(password, hashed) or account is None:
            return None
        if self._passwords.is_outdated(hashed):
            renewed = await self._passwords.hashed(password)
            await self._ledger.renew_hash(account.username, hashed, renewed)
            return account.evolve(password_hash=renewed)
        return account

    async def _account(self, username: str) -> UserCredentials | None:
        """The account of that name, if it is enabled."""
        account = await self._ledger.user(_typed(username))
        return account if account is not None and account.disabled_at is None else None

    def _later(self, wait: timedelta, username: str, next: str, kept: KeptForm | None) -> Response:
        seconds = math.ceil(wait.total_seconds())
        words = f"{seconds} seconds" if seconds < 90 else f"{math.ceil(seconds / 60)} minutes"
        error = f"Too many tries failed. Wait {words}, then try again."
        response = self._page(429, error=error, username=username, next=next, kept=kept)
        response.headers["Retry-After"] = str(seconds)
        return response

    def _page(
        self,
        status: int = 200,
        *,
        error: str = "",
        username: str = "",
        next: str,
        bye: bool = False,
        named: str = "",
        kept: KeptForm | None = None,
    ) -> HTMLResponse:
        values = {"error": error, "username": username, "next": local_path(next), "bye": bye, "named": named}
        return self._pages.page("login.html", values | {"wrong": status == 401, "kept": kept}, status)

    def _shown(self, kept: KeptForm, username: str, csrf: str, status: int = 200) -> HTMLResponse:
        """The form that was kept; only a click on this page sends it."""
        return self._pages.page("kept.html", {"kept": kept, "username": username, "csrf": csrf}, status)

    @staticmethod
    def _with_cookies(signed_in: Response, page: HTMLResponse) -> HTMLResponse:
        for cookie in signed_in.headers.getlist("set-cookie"):
            page.headers.append("set-cookie", cookie)
        return page


def _typed(username: str) -> str:
    """The name in the ledger's spelling; as it was typed if it cannot be one."""
    try:
        return username_of(username)
    except InvalidInput:
        return username
