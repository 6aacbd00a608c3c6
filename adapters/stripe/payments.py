"""Stripe as the rail of cards: a payment intent is created, then confirmed; what that means is ``services.cashier``'s.

    gateway = StripePayments.connect("sk_live_...")     # inside of the event loop that will use it
    await gateway.ping()                                # does Stripe take the key?

Nothing is tried again here: whoever calls decides, by the error's class (``billing/errors.py``).
"""

from collections.abc import Sequence

import stripe
from stripe import CardError, HTTPXClient, InvalidRequestError, PaymentIntent, Refund, StripeError
from stripe.params import PaymentIntentConfirmParams

from adapters.addresses import is_secure
from adapters.sheets.pace import Pace
from adapters.stripe.cards import StripeCards
from adapters.stripe.checkouts import StripeCheckouts
from adapters.stripe.errors import code_of, is_replayed_failure, translate, translated
from adapters.stripe.objects import PAGE_SIZE, each, expect, failed, own_payment, reversal_of
from adapters.stripe.records import StripeRecords
from billing.errors import PaymentRejected, PaymentUnknown, RequestSpent
from billing.keys import create_key, refund_key
from billing.payments.payment import Payment, PaymentRequest, Reversal

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 30.0
CARDS_PER_SECOND = 20  # looked up when thousands are started at once; Stripe's limit for one kind of request is 25
STAND_IN_CARDS_PER_SECOND = 10_000

_SERIALS = 5  # of one refund: each is for a request that Stripe only answers with an earlier failure
_UNEXPECTED_STATE = "payment_intent_unexpected_state"


class StripePayments(StripeCards, StripeCheckouts, StripeRecords):
    """Stripe, as ``PaymentRail``, ``CheckoutRail``, ``CardVault`` and ``PaymentRecords``."""

    def __init__(self, client: stripe.StripeClient, http: HTTPXClient, webhook_secret: str, pace: Pace) -> None:
        self._client = client
        self._card_pace = pace
        self._http = http
        self._webhook_secret = webhook_secret
        self._intents = client.v1.payment_intents

    @classmethod
    def connect(cls, api_key: str, base_url: str | None = None, webhook_secret: str = "") -> "StripePayments":
        """A gateway for the running event loop; ``base_url`` is a local stand-in. Sends nothing yet."""
        http = HTTPXClient(timeout=TIMEOUT_SECONDS, verify_ssl_certs=is_secure(base_url or ""))
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

    async def find(self, request: PaymentRequest, payment_ids: Sequence[str] = ()) -> list[Payment]:
        """All payments of the customer with the request's key, however old: a rehearsal's clock runs ahead.

        Payments with ``payment_ids`` are included whatever their key and customer at Stripe.
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
            for payment_id in payment_ids:
                if payment_id not in intents:
                    intents[payment_id] = await self._retrieve(payment_id)
            return [
                own_payment(intent, about)
                for intent in intents.values()
                if intent.id in payment_ids or intent.metadata.to_dict().get("billing_key") == request.key
            ]

    async def current(self, payment: Payment) -> Payment:
        about = _of(payment)
        with translated(about):
            return own_payment(await self._retrieve(payment.payment_id), about)

    async def create(self, request: PaymentRequest, serial: int = 1) -> Payment:
        """A payment intent without a card, which waits for ``confirm``; a repeat answers the same one.

        Stripe remembers failures by the idempotency key as well: for a day it gives the same 500 to every repeat, which
        is ``RequestSpent``; its list, which is consistent at once, tells whether a payment came of it all the same.
        """
        about = _about(request)
        with translated(about):
            try:
                return own_payment(await self._create(request, serial), about)
            except StripeError as error:
                if is_replayed_failure(error):
                    raise RequestSpent(str(translate(error, about))) from None
                raise

    async def confirm(self, payment: Payment, request: PaymentRequest, return_url: str = "") -> Payment:
        about = _about(request)
        params: PaymentIntentConfirmParams = {"return_url": return_url} if return_url else {"off_session": True}
        with translated(about):
            try:
                confirmed = await self._intents.confirm_async(
                    payment.payment_id, {"payment_method": request.method.card_id, **params}
                )
            except CardError as refusal:
                return _refused(payment, own_payment(await self._retrieve(payment.payment_id), about), refusal)
            except InvalidRequestError as error:
                if code_of(error) != _UNEXPECTED_STATE:
                    raise
                confirmed = await self._retrieve(payment.payment_id)  # somebody else was faster
            return own_payment(confirmed, about)

    async def cancel(self, payment: Payment) -> Payment:
        about = _of(payment)
        with translated(about):
            try:
                canceled = await self._intents.cancel_async(payment.payment_id)
            except InvalidRequestError as error:
                if code_of(error) != _UNEXPECTED_STATE:
                    raise
                canceled = await self._retrieve(payment.payment_id)
            return own_payment(canceled, about)

    async def refund(self, payment: Payment, amount_minor: int, instruction_id: str) -> Reversal:
        """Looks for the refund first: Stripe forgets idempotency keys after a day, and repeats its own failures."""
        about, name = _of(payment), refund_key(instruction_id)
        with translated(f"refund of {about}"):
            for serial in range(1, _SERIALS + 1):
                if (made := await self._refund_made(payment, name)) is not None:
                    return made
                try:
                    refund = await self._client.v1.refunds.create_async(
                        {
                            "payment_intent": payment.payment_id,
                            "amount": amount_minor,
                            "reason": "requested_by_customer",
                            "metadata": {"billing_refund": name},
                        },
                        {"idempotency_key": refund_key(instruction_id, serial)},
                    )
                    return reversal_of(payment.payment_id, expect(Refund, refund))
                except StripeError as error:
                    if not is_replayed_failure(error):
                        raise
            raise RequestSpent(f"{about}: Stripe repeats an earlier failure; ask again later")

    async def _refund_made(self, payment: Payment, name: str) -> Reversal | None:
        """The refund with this name. Never raises ``PaymentRejected``: that would say that no money has gone back."""
        try:
            with translated(f"refunds of {_of(payment)}"):
                refunds = self._client.v1.refunds
                made = await refunds.list_async({"payment_intent": payment.payment_id, "limit": PAGE_SIZE})
                async for refund in each(Refund, made):
                    if refund.metadata and refund.metadata.to_dict().get("billing_refund") == name:
                        return reversal_of(payment.payment_id, refund)
        except PaymentRejected as error:
            raise PaymentUnknown(str(error)) from None
        return None

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

    async def _retrieve(self, payment_id: str) -> PaymentIntent:
        return expect(PaymentIntent, await self._intents.retrieve_async(payment_id))


def _about(request: PaymentRequest) -> str:
    return f"{request.customer_id}, {request.period}"


def _of(payment: Payment) -> str:
    """Who and what an error is about; of what somebody else made, the payer at Stripe."""
    whose = f"{payment.customer_id}, {payment.period}" if payment.key else payment.payer_id
    return f"{payment.payment_id} of {whose}"


def _refused(before: Payment, after: Payment, refusal: CardError) -> Payment:
    """The payment after a 402. Stripe may refuse a card without recording an attempt on the intent."""
    if not after.status.is_triable or after.attempt_id != before.attempt_id:
        return after
    if refusal.error is None or refusal.error.type != "card_error":
        raise refusal
    return failed(after, refusal.error.to_dict())
