"""The pages on which a new customer registers: a form, the card at Stripe's page, and back.

::

    GET  /register[/{token}]           the form; the token is an invitation, which fixes currency and zone
    POST /register[/{token}]           saves it; on to Stripe's page for the card
    GET  /registration/{token}         its state: on to the card, or thank you
    POST /registration/{token}         on to Stripe's page once more
    GET  /registration/{token}/card    back from there

These pages do not reveal whether an address is a customer's already, or is registering now: each browser (by a cookie)
makes a registration of its own, the answers are the same, and the mail says the rest.
"""

import logging
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from temporalio.exceptions import TemporalError

from billing.customers.address import hidden_character
from billing.customers.customer import Email, Name
from billing.customers.links import Links
from billing.customers.registration import (
    CONSENT_VERSION,
    Consent,
    Registration,
    RegistrationState,
    browser_key,
    consent_text,
    names_a_page,
    new_customer_id,
    registration_id_of,
)
from billing.errors import BillingError, InvalidInput
from billing.model import Model
from clients.registrar import Registrar
from console.customers.returned_cards import ReturnedCards, Taken
from console.web.pages import Pages
from console.web.security import same_site
from console.web.throttle import RequestThrottle
from console.web.tokens import opened
from wording.english import one_line

MAX_BODY_BYTES = 10_000
_VALID = timedelta(days=30)
_WRONG = {
    "name": "Please tell us your name or your company\N{RIGHT SINGLE QUOTATION MARK}s, in up to 200 characters.",
    "email": "This does not look like an email address. Please check it.",
    "consent": "We can only register you if you agree.",
}
_NAMES_A_PAGE = "Please write the name without the address of a web page, and with a space after each dot."

_HIDDEN = "This address contains an invisible character: {}. Please type it again."

_log = logging.getLogger(__name__)


class _Form(Model):
    name: Name
    email: Email


def _read(typed: dict[str, str]) -> _Form | dict[str, str]:
    """The typed values; or their errors, by field."""
    wrong: dict[str, str] = {}
    try:
        form = _Form(name=one_line(typed.get("name", "")), email=typed.get("email", ""))
        if names_a_page(form.name):
            wrong["name"] = _NAMES_A_PAGE
    except ValidationError as error:
        fields = [str(fault["loc"][0]) for fault in error.errors(include_input=False)]
        wrong = {field: _error(field, typed) for field in fields}
    if typed.get("consent") != CONSENT_VERSION:  # none, or consent to an older text
        wrong["consent"] = _WRONG["consent"]
    return wrong or form


class RegistrationPages:
    """``newcomers`` is the currency and zone without an invitation; None if an invitation is needed."""

    def __init__(
        self,
        registrar: Registrar,
        returned: ReturnedCards,
        throttle: RequestThrottle,
        links: Links,
        pages: Pages,
        company: str,
        newcomers: tuple[str, str] | None,
    ) -> None:
        self._registrar = registrar
        self._returned = returned
        self._throttle = throttle
        self._links = links
        self._pages = pages
        self._consent = consent_text(company)
        self._newcomers = newcomers
        self._https = links.base_url.startswith("https:")
        self._cookie = "__Host-registration" if self._https else "registration"
        self.router = APIRouter(dependencies=[Depends(same_site)])
        for path in ("/register", "/register/{token}"):
            self.router.add_api_route(path, self.form)
            self.router.add_api_route(path, self.register, methods=["POST"], response_model=None)
        self.router.add_api_route("/registration/{token}", self.show)
        self.router.add_api_route("/registration/{token}", self.go_on, methods=["POST"])
        self.router.add_api_route("/registration/{token}/card", self.card_registered)

    # -- the form

    async def form(self, request: Request, token: str = "") -> HTMLResponse:
        currency, _ = self._terms(token)
        page = self._form(token, currency, {}, {})
        self._keep(browser_key(request.cookies.get(self._cookie, "")), page)
        return page

    async def register(self, request: Request, token: str = "") -> Response:
        currency, timezone = self._terms(token)
        typed = await _typed(request)
        form = _read(typed)
        if isinstance(form, dict):
            return self._form(token, currency, typed, form)
        cookie = request.cookies.get(self._cookie, "")
        await self._throttle.count(request, cookie, token)
        key = browser_key(cookie)
        now = datetime.now(UTC)
        registration = Registration(
            registration_id=registration_id_of(key, form.email, currency, timezone),
            email=form.email,
            name=form.name,
            currency=currency,
            timezone=timezone,
            consent=Consent(version=CONSENT_VERSION, text=self._consent, at=now),
            customer_id=new_customer_id(),
            created_at=now,
            updated_at=now,
        )
        registration = await self._registrar.begin(registration)
        try:
            answer = await self._to_card_page(registration, self._page_of(registration))
        except InvalidInput as error:
            _log.warning("%s", error)
            return self._form(token, currency, typed, {"email": _WRONG["email"]})
        self._keep(key, answer)
        return answer

    def _keep(self, key: str, answer: Response) -> None:
        """Gives the browser its key with the form already, so that a double click sends it twice."""
        seconds = int(_VALID.total_seconds())
        answer.set_cookie(self._cookie, key, seconds, secure=self._https, httponly=True, samesite="lax")

    def _form(self, token: str, currency: str, typed: dict[str, str], wrong: dict[str, str]) -> HTMLResponse:
        """``wrong``: the errors, by field."""
        values: dict[str, object] = {
            "here": f"/register/{token}" if token else "/register",
            "currency": currency.upper(),
            "consent": self._consent,
            "version": CONSENT_VERSION,
            "name": typed.get("name", ""),
            "email": typed.get("email", ""),
            "wrong": wrong,
        }
        return self._pages.page("register.html", values, 422 if wrong else 200)

    def _terms(self, token: str) -> tuple[str, str]:
        """Currency and zone. Raises 404 or 410 unless the invitation is valid, or none is needed."""
        if token:
            return opened(self._links.read_invitation, token)
        if self._newcomers is None:
            raise HTTPException(404)
        return self._newcomers

    # -- the registration

    async def show(self, token: str) -> HTMLResponse:
        registration = await self._opened(token)
        done = registration.state is not RegistrationState.OPEN
        return self._pages.page("registration.html", {"here": f"/registration/{token}", "done": done})

    async def go_on(self, token: str) -> RedirectResponse:
        return await self._to_card_page(await self._opened(token), self._page(token))

    async def card_registered(self, token: str, session_id: str = "") -> Response:
        """If it cannot be finished now, it is later: the card is at Stripe, and the webhook reports it too."""
        registration = await self._opened(token)
        if await self._returned.take(session_id, registration.registration_id) is Taken.REFUSED:
            return self._pages.card_not_saved(self._page(token))
        return RedirectResponse(self._page(token), 303)

    async def _to_card_page(self, registration: Registration, page: str) -> RedirectResponse:
        url = await self._registrar.card_page(registration, page)
        if not url:  # the card is saved already: perhaps nobody came back from Stripe's page
            try:
                await self._registrar.go_on(await self._found(registration.registration_id))
            except (BillingError, TemporalError) as error:
                _log.warning("%s: later: %s", registration.registration_id, error)
        return RedirectResponse(url or page, 303)

    def _page_of(self, registration: Registration) -> str:
        return self._links.to_registration(registration.registration_id, datetime.now(UTC) + _VALID)

    def _page(self, token: str) -> str:
        return f"{self._links.base_url.rstrip('/')}/registration/{token}"

    async def _opened(self, token: str) -> Registration:
        return await self._found(opened(self._links.read_registration, token))

    async def _found(self, registration_id: str) -> Registration:
        registration = await self._registrar.find(registration_id)
        if registration is None:
            raise HTTPException(410)  # abandoned, and deleted
        return registration


async def _typed(request: Request) -> dict[str, str]:
    """The form's fields, the last of each. Raises 413 for more than a person types."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413)
    try:
        fields = parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise HTTPException(413) from None
    return {name: values[-1] for name, values in fields.items()}


def _error(field: str, typed: dict[str, str]) -> str:
    hidden = hidden_character(typed.get("email", "").strip()) if field == "email" else ""
    return _HIDDEN.format(hidden) if hidden else _WRONG[field]
