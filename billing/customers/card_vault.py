"""Cards on file: the processor keeps them, on pages of its own; no card number comes here.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from enum import StrEnum
from typing import Protocol

from billing.model import Id, Instant, Model, Url
from billing.payments.methods import CardOnFile


class CardDetails(CardOnFile):
    """A card as its processor knows it."""

    created_at: Instant

    @property
    def on_file(self) -> CardOnFile:
        """What is kept of it."""
        return CardOnFile(payer_id=self.payer_id, card_id=self.card_id, last4=self.last4)


class CardSetup(Model):
    """A page where a customer registers a card, once it was used. ``reference`` is what it was opened with."""

    reference: Id
    card: CardDetails


class CardPageState(StrEnum):
    OPEN = "open"
    USED = "used"  # a card was registered there
    EXPIRED = "expired"


class CardPage(Model):
    """A page of the processor's where a customer registers a card; ``url`` leads there while it is open."""

    session_id: Id
    state: CardPageState
    url: Url = ""


class CardVault(Protocol):
    """Registers cards with their processor, and looks them up."""

    async def card(self, card_id: str) -> CardDetails:
        """The card on file. Raises ``CardMissing``."""

    async def new_customer(self, registration_id: str, customer_id: str, email: str, token: str = "") -> str:
        """The customer of a registration at the processor: the one that an earlier call has made, or a new one.

        ``token`` is a card that may be used once, of an old form. Raises ``CardMissing`` if it was used or refused,
        ``InvalidInput`` if the address is.
        """

    async def imported_card(self, payer_id: str) -> CardDetails:
        """The card that came of the ``token``. Raises ``CardMissing``."""

    async def forget_card(self, card_id: str) -> None:
        """Takes a card off its customer, so that nobody can charge it any more; a repeat changes nothing."""

    async def card_setup(self, payer_id: str, reference: str, return_url: str, cancel_url: str) -> CardPage:
        """Opens a page of the processor's where the customer registers a card.

        From there the customer goes on to ``return_url``, with ``session_id`` in the query, or back to ``cancel_url``.
        """

    async def card_page(self, session_id: str) -> CardPage:
        """Such a page as it is now. Raises ``NotFound``."""

    async def card_of_setup(self, session_id: str) -> CardSetup:
        """The card that was registered there. Raises ``CardMissing`` if none was, ``NotFound``."""
