"""Cards by Stripe: a payment intent is created, then confirmed; each step may be repeated after any failure.

    gateway = StripePayments.connect("sk_live_...")     # inside of the event loop that will use it
    await gateway.ping()                                # does Stripe take the key?

Nothing is tried again here: whoever calls decides, by the error's class (``billing/errors.py``).
"""

from collections.abc import Sequence

import stripe
from stripe import CardError, HTTPXClient, InvalidRequestError, PaymentIntent, StripeError
from stripe.params import PaymentIntentConfirmParams

from adapters.sheets.pace import Pace
from adapters.stripe.cards import StripeCards
from adapters.stripe.errors import code_of, is_replayed_failure, translated
from adapters.stripe.objects import PAGE_SIZE, each, expect, failed, own_payment
from adapters.stripe.records import StripeRecords
from billing.keys import create_key
from billing.payments.payment import Payment, PaymentRequest, PaymentStatus, keep_one

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 30.0
CARDS_PER_SECOND = 20  # looked up when thousands are started at once; Stripe's limit for one kind of request is 25
STAND_IN_CARDS_PER_SECOND = 10_000
CREATES_MAX = 20  # keys of one payment in a day, each for a failure that Stripe remembers: about half an hour of outage

_CAN_BE_TRIED = (PaymentStatus.NEW, PaymentStatus.DECLINED, PaymentStatus.AUTHENTICATION_REQUIRED)
_UNEXPECTED_STATE = "payment_intent_unexpected_state"


class StripePayments(StripeCards, StripeRecords):
    """Stripe, as ``PaymentGateway`` and ``PaymentRecords``."""

    def __init__(self, client: stripe.StripeClient, http: HTTPXClient, webhook_secret: str, pace: Pace) -> None:
        self._client = client
        self._card_pace = pace
        self._http = http
        self._webhook_secret = webhook_secret
        self._intents = client.v1.payment_intents

    @classmethod
    def connect(cls, api_key: str, base_url: str | None = None, webhook_secret: str = "") -> "StripePayments":
        """A gateway for the running event loop; ``base_url`` is a local stand-in. Sends nothing yet."""
        http = HTTPXClient(timeout=TIMEOUT_SECONDS)
        client = stripe.StripeClient(
            api_key,
            http_client=http,
            max_network_retries=0,
            stripe_version=API_VERSION,
            base_addresses={"api": base_url.rstrip("/")} if base_url else {},
        )
        return cls(client, http, webhook_secret, Pace(STAND_IN_CARDS_PER_SECOND if base_url else CARDS_PER_SECOND))

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def ping(self) -> None:
        """Asks Stripe for any one payment. Raises ``PaymentForbidden`` if the key is wrong."""
        with translated("the check of the connection"):
            async for _ in each(PaymentIntent, await self._intents.list_async({"limit": 1})):
                return

    async def find(self, request: PaymentRequest, known: Sequence[str] = ()) -> list[Payment]:
        """All payments of the customer with the request's key, however old: a rehearsal's clock runs ahead.

        Those ``known`` come along whatever their key, also from under another customer id at Stripe.
        """
        about = _about(request)
        with translated(about):
            customer = request.method.payer_id
            try:
                listing = await self._intents.list_async({"customer": customer, "limit": PAGE_SIZE})
                intents = {intent.id: intent async for intent in each(PaymentIntent, listing)}
            except InvalidRequestError as error:
                if (code_of(error), error.param) != ("resource_missing", "customer"):
                    raise
                intents = {}  # a customer whom Stripe does not know has no payments; creating one will say so
            for payment_id in known:
                if payment_id not in intents:
                    intents[payment_id] = await self._retrieve(payment_id)
            return [
                own_payment(intent, about)
                for intent in intents.values()
                if intent.id in known or intent.metadata.to_dict().get("billing_key") == request.key
            ]

    async def create(self, request: PaymentRequest) -> Payment:
        """A payment intent without a card, which waits for ``confirm``; a repeat answers the same one.

        Stripe remembers failures by the idempotency key as well: for a day it would give the same 500 to every repeat.
        But what it remembers is over, so the list (immediately consistent) tells for sure whether a payment came of it:
        if none did, the next key takes its place. Whatever may go wrong with that, a payment too many moves no money,
        and is found by the next look-up, before any is confirmed.
        """
        serial = 1
        with translated(_about(request)):
            while True:
                try:
                    return own_payment(await self._create(request, serial), _about(request))
                except StripeError as error:
                    if serial == CREATES_MAX or not is_replayed_failure(error):
                        raise
                if made := keep_one(await self.find(request), request):
                    return made
                serial += 1

    async def confirm(self, payment: Payment, request: PaymentRequest) -> Payment:
        """Tries the customer's card now, unless the payment has been tried since ``payment`` was read.

        Raises ``PaymentMismatch`` rather than charge another amount or customer than announced.
        """
        confirmed, _ = await self._confirm(payment, request, {"off_session": True})
        return confirmed

    async def confirm_on_session(
        self, payment: Payment, request: PaymentRequest, return_url: str
    ) -> tuple[Payment, str]:
        """The same with the customer there; a double click is answered with the address that the first one got."""
        return await self._confirm(payment, request, {"return_url": return_url})

    async def cancel(self, payment: Payment) -> Payment:
        about = f"{payment.payment_id} of {payment.payer_id}"
        with translated(about):
            try:
                canceled = await self._intents.cancel_async(payment.payment_id)
            except InvalidRequestError as error:
                if code_of(error) != _UNEXPECTED_STATE:
                    raise
                canceled = await self._retrieve(payment.payment_id)
            return own_payment(canceled, about)

    async def _create(self, request: PaymentRequest, serial: int) -> PaymentIntent:
        return await self._intents.create_async(
            {
                "amount": request.amount_minor,
                "currency": request.currency,
                "customer": request.method.payer_id,
                "allowed_payment_method_types": ["card"],
                "description": f"Monthly billing {request.period}",
                "metadata": {
                    "billing_key": request.key,
                    "customer_id": request.customer_id,
                    "period": request.period,
                },
            },
            {"idempotency_key": create_key(request.key, request.method.payer_id, serial)},
        )

    async def _confirm(
        self, payment: Payment, request: PaymentRequest, params: PaymentIntentConfirmParams
    ) -> tuple[Payment, str]:
        """The payment, and where the customer authenticates it ("": nowhere)."""
        about = _about(request)
        with translated(about):
            intent = await self._retrieve(payment.payment_id)
            current = own_payment(intent, about)
            if current.status is PaymentStatus.CANCELED:
                return current, ""
            keep_one([current], request)
            begun = _authentication(intent)
            if "return_url" in params and params["return_url"] == begun.get("return_url"):
                return current, begun["url"]
            if current.status not in _CAN_BE_TRIED or current.attempt_id != payment.attempt_id:
                return current, ""
            try:
                confirmed = await self._intents.confirm_async(
                    payment.payment_id, {"payment_method": request.method.card_id, **params}
                )
            except CardError as refusal:
                return _refused(current, own_payment(await self._retrieve(payment.payment_id), about), refusal), ""
            except InvalidRequestError as error:
                if code_of(error) != _UNEXPECTED_STATE:
                    raise
                confirmed = await self._retrieve(payment.payment_id)  # somebody else was faster
            return own_payment(confirmed, about), _authentication(confirmed).get("url", "")

    async def _retrieve(self, payment_id: str) -> PaymentIntent:
        return expect(PaymentIntent, await self._intents.retrieve_async(payment_id))


def _about(request: PaymentRequest) -> str:
    return f"{request.customer_id}, {request.period}"


def _authentication(intent: PaymentIntent) -> dict[str, str]:
    """The bank's page (``url``) and where it leads back to (``return_url``), if the payment waits for the customer."""
    return (intent.to_dict().get("next_action") or {}).get("redirect_to_url") or {}


def _refused(before: Payment, after: Payment, refusal: CardError) -> Payment:
    """The payment after a 402. Stripe may refuse a card without recording an attempt on the intent."""
    if after.status not in _CAN_BE_TRIED or after.attempt_id != before.attempt_id:
        return after
    if refusal.error is None or refusal.error.type != "card_error":
        raise refusal
    return failed(after, refusal.error.to_dict())
