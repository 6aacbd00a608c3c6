"""Cards that customers registered at Stripe's page: told by the customer's return or by a webhook, whichever comes."""

from temporalio.client import Client

from billing.customer import Customer
from billing.errors import CardMissing, InvalidInput, NotFound
from billing.ports import CardDetails, Ledger, PaymentGateway
from workflows.collecting import replace_card


class Cards:
    def __init__(self, client: Client, payments: PaymentGateway, ledger: Ledger) -> None:
        self._client = client
        self._payments = payments
        self._ledger = ledger

    async def finalize(self, session_id: str, customer_id: str = "") -> str:
        """Makes the card the customer's, for all that is owed and to come; a repeat changes nothing.

        With ``customer_id``, the registration has to be theirs. Raises ``InvalidInput`` for somebody else's,
        ``CardMissing`` and ``NotFound`` if there is none; ``BillingError`` if it has to be repeated later.
        """
        if not session_id:
            raise NotFound("no card registration is named")
        setup = await self._payments.card_of_setup(session_id)
        if customer_id and setup.reference != customer_id:
            raise InvalidInput(f"{session_id} is not a registration of {customer_id}")
        customer = await self._ledger.customer(setup.reference) if setup.reference else None
        if customer is None:
            raise NotFound(f"{session_id} is for {setup.reference or 'nobody'}, who is no customer of ours")
        if setup.card.stripe_customer_id != customer.stripe_customer_id:
            raise InvalidInput(f"{session_id}: the card is not of {customer.customer_id}'s customer at Stripe")
        if await self._is_older(setup.card, customer):
            return f"{customer.customer_id}: a newer card is on file"
        await replace_card(
            self._client,
            self._ledger,
            customer.customer_id,
            setup.card,
            by="the customer",
            reason=f"registered a card ({session_id})",
        )
        return f"{customer.customer_id}: card {setup.card.payment_method_id} is theirs"

    async def _is_older(self, card: CardDetails, customer: Customer) -> bool:
        """Whether the customer has registered another card since; words of the first may come late."""
        if card.payment_method_id == customer.payment_method_id:
            return False
        try:
            current = await self._payments.card(customer.payment_method_id)
        except CardMissing:
            return False
        return current.stripe_customer_id == customer.stripe_customer_id and current.created_at > card.created_at
