"""Customer storage. Every method raises only errors from ``billing.errors`` and can be retried after any failure."""

from collections.abc import Collection
from typing import NamedTuple, Protocol

from billing.customers.account_numbers import AccountNumber
from billing.customers.customer import Customer
from billing.model import Few, Instant, Words
from billing.period import Period


class KnownCustomer(NamedTuple):
    """The ledger's record of a customer who is about to be started.

    ``last`` is the newest month; ``like`` are the other customers of ``Lookalikes.customers_like``.
    """

    customer: Customer | None
    closed_reason: str = ""
    last: Period | None = None
    like: tuple[Customer, ...] = ()


class RosterRow(Customer):
    """A customer as the ledger stores it. ``closed_reason`` names who closed the account and why ("": it is open).

    ``account_numbers`` are those that are open, the oldest first.
    """

    closed_reason: Words = ""
    closed_at: Instant | None = None
    created_at: Instant
    updated_at: Instant
    account_numbers: Few[AccountNumber] = ()


class CustomerStore(Protocol):
    async def customer(self, customer_id: str) -> Customer | None:
        """The customer, open or closed; None if unknown."""


class CustomerNames(Protocol):
    async def names(self, customer_ids: Collection[str]) -> dict[str, str]:
        """The names of some hundred customers, by id."""


class Lookalikes(Protocol):
    async def customers_like(self, customer: Customer) -> list[Customer]:
        """Other open customers with the same email, payer or card; one of them was entered by mistake."""


class Addresses(Protocol):
    async def own_emails(self, customer_id: str) -> list[str]:
        """The customer's addresses, current and former, as typed; none that any other customer has or had."""
