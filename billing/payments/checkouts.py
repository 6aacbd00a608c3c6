"""Payment links: pages of a processor where a customer pays what they owe for one subject, once.

In code a link is a checkout; ``billing.customers.links`` are the links to our own pages.
"""

from datetime import timedelta
from enum import StrEnum

from billing.errors import InvalidInput
from billing.model import Author, Code, Id, Instant, Line, Minor, Model, Url, Words
from billing.money import MAX_AMOUNT_MINOR, format_amount, step_minor
from billing.payments.methods import CardOnFile
from billing.receivables.journal import Balance, Subject

LIFETIME_MIN, LIFETIME_MAX = timedelta(hours=1), timedelta(hours=24)
"""Stripe's limits are half an hour and a day; a link has to be read, too."""


class CheckoutState(StrEnum):
    OPENING = "opening"  # asked for; the processor may have it
    OPEN = "open"  # can be paid
    PROCESSING = "processing"  # paid in a way that takes days; the outcome is not known
    PAID = "paid"
    ENDED = "ended"  # cannot be paid any more: expired, or its payment has failed

    @property
    def is_live(self) -> bool:
        """Whether money may still come of it."""
        return self in (CheckoutState.OPENING, CheckoutState.OPEN, CheckoutState.PROCESSING)


class CheckoutRequest(Model):
    """Who wants a link, and for what. ``description`` is what the customer reads.

    ``payer_id`` is the processor's id of the customer; None: it does not know them, as a buyer who has no card there.
    """

    rail: Code
    customer_id: Id
    payer_id: Id | None
    subject: Subject
    description: Line
    expires_at: Instant
    by: Author
    reason: Words


class CheckoutPage(Model):
    """The page as the processor has it. ``url`` is set while it is open, ``payment_id`` once somebody tries to pay.

    ``expires_at`` None: as it was asked for. A gateway tells the address of an open page once: None after that.
    """

    session_id: Id
    state: CheckoutState
    url: Url | None = None
    payment_id: Id | None = None
    expires_at: Instant | None = None


class Checkout(CheckoutRequest):
    """A link in the ledger. There is one live link at most for each subject of a customer.

    ``checkout_id`` names it and its payment, once and for all. ``session_id`` None: the processor has not answered yet.
    """

    checkout_id: Id
    amount_minor: Minor
    currency: Code
    created_at: Instant
    state: CheckoutState = CheckoutState.OPENING
    session_id: Id | None = None
    url: Url | None = None

    def completed(self, page: CheckoutPage) -> CheckoutPage:
        """The page with what only the ledger knows of it."""
        url = page.url or (self.url if page.state is CheckoutState.OPEN else None)
        return page.evolve(url=url, expires_at=page.expires_at or self.expires_at)

    def seen(self, page: CheckoutPage) -> "Checkout":
        """The link as its ``page`` stands now."""
        changes = {"state": page.state, "session_id": page.session_id, "url": page.url, "expires_at": page.expires_at}
        return self.evolve(**changes)

    def is_owed(self, balance: Balance) -> bool:
        """Whether exactly its amount is owed; else it must not be paid any more."""
        return balance.owed_for(self.subject, self.currency) == self.amount_minor

    @property
    def amount(self) -> str:
        return format_amount(self.amount_minor, self.currency)


def begun(request: CheckoutRequest, checkout_id: str, balance: Balance, at: Instant) -> Checkout:
    """A new link for what is owed by ``balance``. Raises ``InvalidInput`` if that cannot be paid by link."""
    whose = f"{request.customer_id}, {request.subject}"
    owed = next((item for item in balance.owed if item.subject == request.subject and item.amount_minor > 0), None)
    if owed is None:
        is_order = not request.subject.kind.is_pressed
        show = (
            f"orders show {request.subject.name}" if is_order else f"customers show {request.customer_id} --statement"
        )
        raise InvalidInput(f"{whose}: nothing is owed; see: python starter.py {show}")
    if owed.due_at is None:
        raise InvalidInput(f"{whose}: there is no bill yet; send the link after the charge notice")
    amount, currency = owed.amount_minor, owed.currency
    least, most, step = CardOnFile.minimum_minor(currency), MAX_AMOUNT_MINOR, step_minor(currency)
    if not least <= amount <= most or amount % step:
        given, *limits = (format_amount(minor, currency) for minor in (amount, least, most, step))
        takes = "takes {} to {}, in steps of {}".format(*limits)
        raise InvalidInput(f"{whose}: {given} cannot be paid by link, which {takes}; ask for a transfer")
    return Checkout(**dict(request), checkout_id=checkout_id, amount_minor=amount, currency=currency, created_at=at)
