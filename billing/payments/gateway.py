"""Gateways: a company that takes cards on its pages for a shop. Each attempt to pay has a reference of its own.

What a gateway says of one attempt is a ``GatewayTransaction``. What follows from it is ``services.gateways.gateway``'s.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from billing.apart import Failed
from billing.model import Code, Instant, Line, Minor, Model
from billing.payments.checkouts import Checkout
from billing.receivables.incoming import IncomingPayment, Reference
from billing.receivables.journal import PaymentName, Subject


class GatewayState(StrEnum):
    CREATED = "created"  # nobody has tried to pay yet
    PENDING = "pending"  # somebody has; the outcome is not known
    APPROVED = "approved"  # the money is in: the only state that pays
    OVER = "over"  # this attempt brings no money; that says nothing about what is owed
    GOING_BACK = "going back"  # money of it goes back to the payer, or is there


class GatewayTransaction(Model):
    """One attempt to pay, as the gateway has it. ``code`` is its own word for the state.

    ``returned_minor`` is what has gone back in all until now; None: it was not said. ``is_returning``: a refund is
    under way. ``order_number`` is what the payer has typed. ``paid_at`` is by the gateway.
    """

    rail: Code
    reference: Reference
    state: GatewayState
    code: Code
    amount_minor: Minor
    currency: Code
    paid_at: Instant
    returned_minor: Minor | None = None
    is_returning: bool = False
    order_number: Line | None = None

    @property
    def name(self) -> PaymentName:
        return PaymentName.of(self.rail, self.reference)

    @property
    def returned_at_most_minor(self) -> int:
        """What has gone back; if that was not said, all of it may have, once something has."""
        if self.returned_minor is None:
            return self.amount_minor if self.state is GatewayState.GOING_BACK else 0
        return self.returned_minor

    def incoming(self, customer_id: str | None, subject: Subject | None, payer: str | None = None) -> IncomingPayment:
        """The money that it brought."""
        return IncomingPayment(
            rail=self.rail,
            reference=self.reference,
            customer_id=customer_id,
            subject=subject,
            amount_minor=self.amount_minor,
            currency=self.currency,
            paid_at=self.paid_at,
            payer=payer,
        )


class Callback(NamedTuple):
    """A signed message about an attempt. ``event_id`` is the same for every copy of it."""

    event_id: str
    seen: GatewayTransaction


class GatewayShop(Protocol):
    """A shop at a gateway. It translates and decides nothing; every method may be called again after any failure.

    But ``refund``: the gateway knows no repeats.
    """

    async def create_invoice(self, checkout: Checkout, service_url: str, return_url: str) -> str:
        """Makes the page of the link, and returns its address, which the gateway never tells again.

        Raises ``RequestSpent`` if the link's reference was used before.
        """

    async def remove_invoice(self, reference: str) -> None:
        """Closes a page that is not paid. Raises ``NotFound``, and ``PaymentRejected`` if it cannot be closed."""

    async def transaction(self, reference: str) -> GatewayTransaction:
        """The attempt's present state, with what has gone back. Raises ``NotFound``."""

    def transactions(self, since: datetime, until: datetime) -> AsyncIterator[GatewayTransaction | Failed]:
        """All attempts of that time; one that cannot be read is ``Failed``. Long times are asked for in pieces."""

    async def refund(self, reference: str, amount_minor: int, currency: str, reason: str) -> None:
        """Gives money back: the gateway has signed that it is done.

        Raises ``RequestTaken`` if it will go back, ``AmountTooLarge`` or ``PaymentRejected`` if the gateway refuses;
        after any other error it may go back. ``transaction`` tells what came of it, some time later.
        """

    def read_callback(self, body: bytes) -> Callback:
        """The message in a callback's raw body.

        Raises ``InvalidInput`` if it is forged or no message, ``PaymentForbidden`` without a secret key, and
        ``PaymentUnreadable`` if the gateway has signed what we cannot take.
        """

    def accepted(self, reference: str, at: datetime) -> dict[str, object]:
        """The signed answer after which a callback is not repeated."""


class GatewayPositions(Protocol):
    """Until when each rail's list has been read."""

    async def read_until(self, rail: str) -> datetime | None: ...

    async def note_read_until(self, rail: str, instant: datetime, latest: datetime | None = None) -> None:
        """Keeps it, unless it was read further already; beyond ``latest``, that was by a clock which was wrong."""
