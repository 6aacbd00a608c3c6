"""What the ledger keeps of customers.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from billing.apart import Failed
from billing.customers.customer import Customer
from billing.model import Instant, Words
from billing.period import Period


class Known(NamedTuple):
    """What the ledger has of a customer who is to be started.

    ``last`` is their newest month; ``like`` are others, closed ones left out, with the same email, Stripe customer or
    card: a mistake in one of them.
    """

    customer: Customer | None
    closed_reason: str = ""
    last: Period | None = None
    like: tuple[Customer, ...] = ()


class RosterRow(Customer):
    """A customer as the ledger knows them. ``closed_reason`` says who closed the account and why ("": it is open)."""

    closed_reason: Words = ""
    closed_at: Instant | None = None
    created_at: Instant
    updated_at: Instant


class CustomerStore(Protocol):
    """Customers by id, address, card and account at the processor."""

    async def save_customer(self, customer: Customer) -> None: ...

    async def customer(self, customer_id: str) -> Customer | None: ...

    async def closed_reason(self, customer_id: str) -> str:
        """Who closed the account and why; "" if it is open or unknown."""

    async def customers(self, failed: list[Failed] | None = None) -> list[Customer]: ...

    async def customers_at_processor(self) -> dict[str, str]:
        """Those whose account is open, by their id at the processor."""

    def roster(self, closed: bool = True, failed: list[Failed] | None = None) -> AsyncIterator[RosterRow]:
        """All customers, by id; with ``closed`` also those whose account is closed."""

    async def roster_row(self, customer_id: str) -> RosterRow | None: ...

    async def customer_by_email(self, email: str) -> Customer | None:
        """The one whose account is open."""

    async def customers_of_card(self, payment_method_id: str) -> list[Customer]:
        """Those who are charged with it, closed ones too."""

    async def own_emails(self, customer_id: str) -> list[str]:
        """Every address that the customer has or had, as typed, and that is and was no other customer's."""

    async def customers_like(self, customer: Customer) -> list[Customer]:
        """Others, closed ones left out, with the same email, Stripe customer or card: a mistake in one of them."""

    async def known(self, asked: Sequence[Customer]) -> dict[str, Known | Failed]:
        """What there is of each of some hundred customers, by id."""
