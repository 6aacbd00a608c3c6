"""What Stripe has on record: payments, refunds, disputes, and the events of its webhooks."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import stripe
from stripe import Dispute, PaymentIntent, Refund, SignatureVerificationError

from adapters.stripe.errors import looking_up, translated
from adapters.stripe.objects import PAGE_SIZE, each, payment_of, reversal_of
from billing.apart import Failed, why
from billing.errors import InvalidInput, PaymentForbidden
from billing.payments.payment import Payment, PaymentEvent, Reversal

TOLERANCE_SECONDS = 300  # an older webhook may be one that somebody has recorded and replays


class StripeRecords:
    """Stripe as ``PaymentRecords``."""

    _client: stripe.StripeClient
    _webhook_secret: str

    async def payment(self, payment_id: str) -> Payment:
        with looking_up(payment_id):
            return payment_of(
                await self._client.v1.payment_intents.retrieve_async(payment_id, {"expand": ["latest_charge"]})
            )

    async def payments_since(self, instant: datetime) -> AsyncIterator[Payment | Failed]:
        with translated(f"the payments since {instant:%Y-%m-%d %H:%M} UTC"):
            listing = await self._client.v1.payment_intents.list_async(
                {"created": {"gte": int(instant.timestamp())}, "expand": ["data.latest_charge"], "limit": PAGE_SIZE}
            )
            async for intent in each(PaymentIntent, listing):
                try:
                    payment: Payment | Failed = payment_of(intent)
                except Exception as error:  # whoever made it: the others are compared
                    payment = Failed(customer_id="", reason=f"{intent.id}: {why(error)}")
                yield payment

    async def reversals(self, payment_id: str) -> list[Reversal]:
        """Refunds, then disputes, each newest first. Raises ``NotFound`` if Stripe does not know the payment."""
        with looking_up(payment_id):
            refunds = await self._client.v1.refunds.list_async({"payment_intent": payment_id, "limit": PAGE_SIZE})
            found: list[Refund | Dispute] = [refund async for refund in each(Refund, refunds)]
            disputes = await self._client.v1.disputes.list_async({"payment_intent": payment_id, "limit": PAGE_SIZE})
            found += [dispute async for dispute in each(Dispute, disputes)]
            return [reversal_of(payment_id, reversal) for reversal in found]

    def read_event(self, body: bytes, signature: str) -> PaymentEvent:
        if not self._webhook_secret:
            raise PaymentForbidden(
                "set BILLING_STRIPE_WEBHOOK_SECRET to the signing secret of the webhook endpoint at Stripe"
            )
        try:
            event = self._client.construct_event(body, signature, self._webhook_secret, TOLERANCE_SECONDS)
            return _event(event.to_dict())
        except SignatureVerificationError:
            raise InvalidInput(
                f"the webhook is not signed by Stripe, or more than {TOLERANCE_SECONDS} seconds ago; "
                "compare BILLING_STRIPE_WEBHOOK_SECRET with the endpoint's signing secret, and look at the clock"
            ) from None
        except Exception:  # whatever the SDK and we stumble over: it is not what Stripe sends
            raise InvalidInput("the webhook's body or signature is not of the form that Stripe sends") from None


def _event(event: dict[str, Any]) -> PaymentEvent:
    subject, kind = event["data"]["object"], event["type"]
    payment_id = ""
    if kind.startswith("payment_intent."):
        payment_id = subject["id"]
    elif kind.startswith(("charge.", "refund.", "checkout.session.")):  # disputes are charge.dispute
        payment_id = subject.get("payment_intent") or ""
    return PaymentEvent(
        event_id=event["id"],
        type=kind,
        object_id=subject.get("id", ""),  # a balance has none
        payment_id=payment_id,
        created_at=datetime.fromtimestamp(event["created"], UTC),
    )
