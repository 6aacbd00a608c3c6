"""Payment links at Stripe: Checkout sessions that take one payment."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import stripe
from stripe import InvalidRequestError, StripeError
from stripe.checkout import Session

from adapters.stripe.errors import is_replayed_failure, looking_up, translated
from adapters.stripe.objects import PAGE_SIZE, each, expect
from billing.payments.checkouts import LIFETIME_MAX, Checkout, CheckoutPage, CheckoutState
from billing.period import Period
from billing.receivables.journal import SubjectKind

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams, SessionListParams

_CLOCKS_DIFFER = timedelta(days=1)
CREATES_MAX = 20  # keys of one link, each for a failure that Stripe remembers
_INCOMPLETE = {"open": CheckoutState.OPEN, "expired": CheckoutState.ENDED}
_UNPAID = ("requires_payment_method", "canceled")
"""How an intent stands whose session is complete and whose payment has failed since."""


class StripeCheckouts:
    """Stripe as ``CheckoutRail``."""

    _client: stripe.StripeClient

    async def open_checkout(self, checkout: Checkout, return_url: str) -> CheckoutPage:
        """Looks before it makes one: listings are consistent at once.

        A failure that Stripe remembers by the idempotency key is over, as in ``Cashier.create``: the next key takes
        its place.
        """
        serial = 1
        with translated(_about(checkout)):
            while True:
                if made := await self._found(checkout):
                    return made
                try:
                    key = f"{checkout.checkout_id}:{serial}"
                    session = await self._client.v1.checkout.sessions.create_async(
                        _params(checkout, return_url), {"idempotency_key": key}
                    )
                    return _page(session)
                except StripeError as error:
                    if serial == CREATES_MAX or not is_replayed_failure(error):
                        raise
                serial += 1

    async def find_checkout(self, checkout: Checkout) -> CheckoutPage | None:
        with translated(_about(checkout)):
            return await self._found(checkout)

    async def checkout_page(self, session_id: str) -> CheckoutPage:
        with looking_up(session_id):
            return _page(await self._session(session_id))

    async def expire_checkout(self, session_id: str) -> CheckoutPage:
        with looking_up(session_id):
            try:
                return _page(await self._client.v1.checkout.sessions.expire_async(session_id))
            except InvalidRequestError:
                page = _page(await self._session(session_id))
                if page.state is CheckoutState.OPEN:
                    raise
                return page  # it was paid, or has expired, a moment ago

    async def _session(self, session_id: str) -> object:
        return await self._client.v1.checkout.sessions.retrieve_async(session_id, {"expand": ["payment_intent"]})

    async def _found(self, checkout: Checkout) -> CheckoutPage | None:
        """The page of this link, however old: a rehearsal's clock runs ahead. Without a customer at Stripe, from about
        the time when the link was made.
        """
        wanted: SessionListParams = {"limit": PAGE_SIZE}
        if checkout.payer_id is not None:
            wanted["customer"] = checkout.payer_id
        else:
            wanted["created"] = {"gte": int((checkout.created_at - _CLOCKS_DIFFER).timestamp())}
        listing = await self._client.v1.checkout.sessions.list_async(wanted)
        name = checkout.checkout_id
        sessions = [session async for session in each(Session, listing) if session.client_reference_id == name]
        return _page(await self._session(sessions[-1].id)) if sessions else None


def _params(checkout: Checkout, return_url: str) -> "SessionCreateParams":
    """Cards and wallets only: they answer at once, so that no charge or reminder meets a payment that takes days.

    The currency is ours; nobody converts.
    """
    metadata = {
        "billing_key": checkout.checkout_id,
        "rail": checkout.rail,
        "customer_id": checkout.customer_id,
        **_about_subject(checkout),
    }
    params: SessionCreateParams = {
        "mode": "payment",
        "allowed_payment_method_types": ["card"],
        "client_reference_id": checkout.checkout_id,
        "metadata": metadata,
        "payment_intent_data": {"description": checkout.description, "metadata": metadata},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": checkout.currency,
                    "unit_amount": checkout.amount_minor,
                    "product_data": {"name": checkout.description},
                },
            }
        ],
        "adaptive_pricing": {"enabled": False},
        "success_url": f"{return_url}/paid?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{return_url}/left",
    }
    if checkout.payer_id is not None:
        params["customer"] = checkout.payer_id
    if checkout.expires_at - checkout.created_at < LIFETIME_MAX:  # a day is Stripe's own, and its clock may differ
        params["expires_at"] = int(checkout.expires_at.timestamp())
    return params


def _about_subject(checkout: Checkout) -> dict[str, str]:
    """What a payment is for, by the names of metadata that a month's charge has too.

    Of an order's payment ``period`` is the month in whose reconciliation it is looked for; ``subject`` tells people
    whether it pays the order or its fee.
    """
    if checkout.subject.kind is SubjectKind.MONTH:
        return {"period": checkout.subject.name}
    number, month = checkout.subject.name, Period.at(checkout.created_at, "UTC")
    return {"period": month, "order": number, "subject": str(checkout.subject)}


def _page(answer: object) -> CheckoutPage:
    session = expect(Session, answer).to_dict()
    state, intent = _state(session), session["payment_intent"]
    return CheckoutPage(
        session_id=session["id"],
        state=state,
        url=session["url"] if state is CheckoutState.OPEN else None,
        payment_id=intent["id"] if isinstance(intent, dict) else intent,
        expires_at=datetime.fromtimestamp(session["expires_at"], UTC),
    )


def _state(session: dict[str, Any]) -> CheckoutState:
    """A complete session may be unpaid: its payment is under way for days, or has failed since."""
    if session["status"] != "complete":
        return _INCOMPLETE[session["status"]]
    if session["payment_status"] == "paid":
        return CheckoutState.PAID
    intent = session["payment_intent"]
    status = intent["status"] if isinstance(intent, dict) else ""
    return CheckoutState.ENDED if status in _UNPAID else CheckoutState.PROCESSING


def _about(checkout: Checkout) -> str:
    return f"the payment link of {checkout.customer_id}, {checkout.subject}"
