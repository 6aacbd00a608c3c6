"""Cards at Stripe: which one is on file, and Stripe's own page where a customer registers one."""

import stripe
from stripe import PaymentMethod
from stripe.checkout import Session

from adapters.stripe_errors import looking_up, translated
from adapters.stripe_objects import card_of, expect
from billing.errors import CardMissing, NotFound
from billing.ports import CardDetails, CardSetup


class StripeCards:
    """The part of ``billing.ports.PaymentGateway`` that is about cards. Card numbers never come here."""

    _client: stripe.StripeClient

    async def card(self, payment_method_id: str) -> CardDetails:
        with translated(f"payment method {payment_method_id}"):
            method = await self._client.v1.payment_methods.retrieve_async(payment_method_id)
            return card_of(expect(PaymentMethod, method).to_dict())

    async def card_setup(self, stripe_customer_id: str, reference: str, success_url: str, cancel_url: str) -> str:
        """A Checkout session in setup mode; with the payment method types named, it needs no currency."""
        with translated(f"card registration of {reference}, {stripe_customer_id}"):
            session = await self._client.v1.checkout.sessions.create_async(
                {
                    "mode": "setup",
                    "customer": stripe_customer_id,
                    "client_reference_id": reference,
                    "allowed_payment_method_types": ["card"],
                    "success_url": success_url,
                    "cancel_url": cancel_url,
                }
            )
            url = expect(Session, session).url
            if not url:
                raise TypeError("a session without a page")
            return url

    async def card_of_setup(self, session_id: str) -> CardSetup:
        with looking_up(session_id):
            answer = await self._client.v1.checkout.sessions.retrieve_async(
                session_id, {"expand": ["setup_intent.payment_method"]}
            )
            session = expect(Session, answer).to_dict()
            if session["mode"] != "setup":
                raise NotFound(f"{session_id} is not a card registration")
            method = session["setup_intent"] and session["setup_intent"]["payment_method"]
            if session["status"] != "complete" or not method:
                raise CardMissing(f"{session_id}: the registration was not finished; open a new one")
            card = card_of(method)
            if card.stripe_customer_id != session["customer"]:
                raise CardMissing(f"{session_id}: {card.payment_method_id} is another customer's; open a new one")
            return CardSetup(reference=session["client_reference_id"] or "", card=card)
