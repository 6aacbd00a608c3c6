"""What the ledger keeps of customers.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from typing import NamedTuple, Protocol

from billing.customers.customer import Customer
from billing.model import Instant, Words
from billing.period import Period


class KnownCustomer(NamedTuple):
    """What the ledger has of a customer who is to be started.

    ``last`` is their newest month; ``like`` are others, closed ones left out, with the same email, payer or
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
    async def customer(self, customer_id: str) -> Customer | None:
        """The customer, also if the account is closed."""


class Lookalikes(Protocol):
    async def customers_like(self, customer: Customer) -> list[Customer]:
        """Others, closed ones left out, with the same email, payer or card: a mistake in one of them."""


class Addresses(Protocol):
    async def own_emails(self, customer_id: str) -> list[str]:
        """Every address that the customer has or had, as typed, and that is and was no other customer's."""
