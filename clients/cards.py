"""Cards: registered at the processor's page, told by the return or a webhook; and updated by their network."""

from typing import Protocol

from temporalio.client import Client

from billing.collections.ports import CollectionStore
from billing.customers.card_vault import CardDetails, CardVault
from billing.customers.customer import Customer
from billing.customers.ports import CustomerStore
from billing.customers.registration import ON_ITS_WAY
from billing.errors import CardMissing, InvalidInput, NotFound
from clients.collection_commands import replace_card
from clients.registrar import Registrar


class _Ledger(CollectionStore, CustomerStore, Protocol):
    """What is needed of the ledger here."""

    async def customers_of_card(self, card_id: str) -> list[Customer]:
        """Those who are charged with it, closed ones too."""


class Cards:
    def __init__(self, client: Client, vault: CardVault, ledger: _Ledger, registrar: Registrar) -> None:
        self._client = client
        self._vault = vault
        self._ledger = ledger
        self._registrar = registrar

    async def finalize_card(self, session_id: str, owner: str = "") -> str:
        """Makes of the card that was registered there what it was registered for; answers that in words.

        A customer's is theirs from now on, for all that is owed and to come; of a registration comes a customer who is
        billed. A repeat changes nothing. With ``owner``, the customer or registration that it has to be of, raises
        ``InvalidInput`` for somebody else's. ``CardMissing`` and ``NotFound`` if there is none; other ``BillingError``
        and ``TemporalError`` if it has to be repeated later.
        """
        if not session_id:
            raise NotFound("no card registration is named")
        if owner and (done := await self._done(session_id, owner)):
            return done
        setup = await self._vault.card_of_setup(session_id)
        if owner and setup.reference != owner:
            raise InvalidInput(f"{session_id} is not a registration of {owner}")
        if registration := await self._registrar.find(setup.reference):
            finished = await self._registrar.finalize(registration, setup.card, session_id)
            return f"{finished.registration_id}: {finished.customer_id} is {finished.state}"
        return await self._replace(session_id, setup.reference, setup.card)

    async def read_again(self, card_id: str) -> str:
        """The network has updated the card: its customers are told by its new last digits; answers that in words.

        A repeat changes nothing. Raises ``CardMissing`` if it is nobody's by now, other ``BillingError`` and
        ``TemporalError`` if it has to be repeated later.
        """
        customers = await self._ledger.customers_of_card(card_id)
        if not customers:
            return "not a card of ours"
        card = await self._vault.card(card_id)
        customers = [each for each in customers if each.payer_id == card.payer_id]
        for customer in customers:
            await replace_card(
                self._client,
                self._ledger,
                customer.customer_id,
                card.on_file,
                by="Stripe",
                reason="the card was updated by its network",
            )
        names = ", ".join(customer.customer_id for customer in customers) or "nobody"
        return f"{names}: card {card_id} ends in {card.last4}"

    async def _done(self, session_id: str, owner: str) -> str:
        """What came of a registration that is over; "" if it is not. The card may be taken off again by then."""
        registration = await self._registrar.find(owner)
        if registration is None or registration.session_id != session_id or registration.state in ON_ITS_WAY:
            return ""
        finished = await self._registrar.finish(registration)
        return f"{finished.registration_id}: {finished.customer_id} is {finished.state}"

    async def _replace(self, session_id: str, customer_id: str, card: CardDetails) -> str:
        customer = await self._ledger.customer(customer_id) if customer_id else None
        if customer is None:
            raise NotFound(f"{session_id} is for {customer_id or 'nobody'}, who is no customer of ours")
        if customer.payer_id not in (None, card.payer_id):  # the page of who pays by bill was opened for them, too
            raise InvalidInput(f"{session_id}: the card is not of {customer.customer_id}'s customer at Stripe")
        if await self._is_older(card, customer):
            return f"{customer.customer_id}: a newer card is on file"
        await replace_card(
            self._client,
            self._ledger,
            customer.customer_id,
            card.on_file,
            by="the customer",
            reason=f"registered a card ({session_id})",
            via="customer",
        )
        return f"{customer.customer_id}: card {card.card_id} is theirs"

    async def _is_older(self, card: CardDetails, customer: Customer) -> bool:
        """Whether the customer has registered another card since; words of the first may come late."""
        known = customer.card
        if known is None or card.is_same(known):
            return False
        try:
            current = await self._vault.card(known.card_id)
        except CardMissing:
            return False
        return current.payer_id == known.payer_id and current.created_at > card.created_at
