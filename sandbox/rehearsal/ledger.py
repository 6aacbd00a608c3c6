"""The private ledger of a rehearsal: a SQLite file for one process, worthless after a crash."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import URL, event, update

from adapters.sql.core.rows import address_values
from adapters.sql.core.statements import insert_new, upsert
from adapters.sql.customers.account_numbers import give_number
from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables.accounts import balance
from adapters.sql.receivables.journal import post
from adapters.sql.schema.billers import service_accounts
from adapters.sql.schema.months import addresses
from adapters.sql.schema.services import service_changes
from adapters.sql.schema.tariffs import tariffs
from adapters.sql.subscribers.changes import CHANGES, as_changes
from adapters.sql.tariffs.agreed import log_change, write_items
from billing.customers.account_numbers import ServiceAccount
from billing.customers.customer import Customer
from billing.events.event import Destination
from billing.receivables.journal import opening
from billing.subscribers.service import Service, ServiceChange
from billing.tariffs.items import Agreed
from billing.tasks.crews import Crew

_T = TypeVar("_T")
_WHO = ("rehearsal", "as it really is")


class Subscribed(NamedTuple):
    """What a customer has: account numbers, services with their histories, and what was agreed for them."""

    numbers: tuple[ServiceAccount, ...] = ()
    services: tuple[Service, ...] = ()
    changes: tuple[ServiceChange, ...] = ()
    agreed: Agreed = Agreed()


async def subscribed(ledger: SqlLedger, customer_id: str) -> Subscribed:
    """Reads it from the real ledger."""
    services = await ledger.services_of(customer_id)
    changes = [change for service in services for change in await ledger.service_changes(service.number)]
    numbers = await ledger.numbers_of(customer_id)
    return Subscribed(tuple(numbers), tuple(services), tuple(changes), await ledger.agreed(customer_id))


class PrivateLedger(SqlLedger):
    """The production tables and statements, without threads and without syncing to disk."""

    def __init__(
        self,
        url: URL,
        destinations: Sequence[Destination] = (),
        manual_department: str | None = None,
        crews: Sequence[Crew] = (),
    ) -> None:
        super().__init__(url, destinations, manual_department, crews)

        @event.listens_for(self._engine, "connect")
        def connected(connection: Any, record: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.close()

    async def keep_addresses(self, customer: Customer, emails: Sequence[str]) -> None:
        """Those that the customer had before, whom the ledger knows."""
        with self._writing(f"keep the addresses of {customer.customer_id}") as connection:
            insert_new(connection, addresses, address_values(*(customer.evolve(email=email) for email in emails)))

    async def keep_subscribed(self, customer_id: str, has: Subscribed, at: datetime) -> None:
        """Gives the customer what they have in the real ledger."""
        with self._writing(f"keep the accounts of {customer_id}") as connection:
            for tariff in has.agreed.tariffs.values():
                upsert(connection, tariffs, {"code": tariff.code, "tariff": tariff.model_dump(mode="json")})
            for account in has.numbers:
                give_number(connection, customer_id, account.number, *_WHO, at)
            for service in has.services:
                keep = update(service_accounts).where(service_accounts.c.number == service.number)
                connection.execute(keep.values(service.model_dump(exclude={"number", "customer_id", "tags"})))
            insert_new(connection, service_changes, [change.model_dump() for change in has.changes])
            if has.agreed.items:
                write_items(connection, Agreed(), has.agreed.items)
                log_change(connection, "agreed", *_WHO, at, customer_id, None)

    async def changes_of_services(self) -> list[ServiceChange]:
        """The histories of all service accounts."""
        with self._reading("read all changes of services") as connection:
            return list(as_changes(connection.execute(CHANGES.order_by(service_changes.c.at)).mappings()))

    async def open_balance(self, customer_id: str, carried_minor: int, currency: str, at: datetime) -> None:
        """Makes the balance that the customer's next draft takes over ``carried_minor``, whatever is in the books."""
        with self._writing(f"open the books of {customer_id}") as connection:
            missing_minor = carried_minor - balance(connection, customer_id).carried_minor(currency)
            if missing_minor:
                post(connection, [opening(customer_id, missing_minor, currency, at)])

    async def run(self, work: Callable[[], _T]) -> _T:
        return work()
