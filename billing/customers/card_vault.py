"""Cards on file, stored by the processor and entered on its own pages; we never see a card number.

Every method raises only errors from ``billing.errors`` and can be retried after any failure.
"""

from enum import StrEnum
from typing import Protocol

from billing.model import Id, Instant, Model, Url
from billing.payments.methods import CardOnFile


class CardDetails(CardOnFile):
    created_at: Instant

    @property
    def on_file(self) -> CardOnFile:
        """The payment method that the customer record stores."""
        return CardOnFile(payer_id=self.payer_id, card_id=self.card_id, last4=self.last4)


class CardSetup(Model):
    """A completed card page. ``reference`` is the caller's, passed when the page was opened."""

    reference: Id
    card: CardDetails


class CardPageState(StrEnum):
    OPEN = "open"
    USED = "used"  # a card was registered
    EXPIRED = "expired"


class CardPage(Model):
    """A processor page for entering a card; ``url`` is set while it is open."""

    session_id: Id
    state: CardPageState
    url: Url = ""


class CardVault(Protocol):
    async def card(self, card_id: str) -> CardDetails:
        """The card on file. Raises ``CardMissing``."""

    async def new_customer(self, registration_id: str, customer_id: str, email: str, token: str = "") -> str:
        """Creates the registration's customer at the processor, and returns its id. A retry returns the same customer.

        ``token`` is a single-use card token from an old form. Raises ``CardMissing`` if it was used or refused,
        ``InvalidInput`` if the address was refused.
        """

    async def cards_of(self, email: str) -> list[CardDetails]:
        """The card of each of the processor's customers with this address who has one: the default, or the only one."""

    async def imported_card(self, payer_id: str) -> CardDetails:
        """The card created from the ``token``. Raises ``CardMissing``."""

    async def forget_card(self, card_id: str) -> None:
        """Detaches a card, so that it can never be charged again. A retry changes nothing."""

    async def card_setup(self, payer_id: str, reference: str, return_url: str, cancel_url: str) -> CardPage:
        """Opens a card page. It redirects to ``return_url`` with a ``session_id`` query, or back to ``cancel_url``."""

    async def card_page(self, session_id: str) -> CardPage:
        """The card page's current state. Raises ``NotFound``."""

    async def card_of_setup(self, session_id: str) -> CardSetup:
        """The card registered on the page. Raises ``CardMissing`` if there is none, ``NotFound`` for the page."""
