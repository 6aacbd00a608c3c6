"""The private ledger of a rehearsal: a SQLite file for one process, worthless after a crash."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import URL, event

from adapters.sql.core.rows import address_values
from adapters.sql.core.schema import addresses
from adapters.sql.core.statements import insert_new, upsert
from adapters.sql.core.tariff_schema import tariffs
from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables.accounts import balance
from adapters.sql.receivables.journal import post
from adapters.sql.tariffs.agreed import log_change, write_items
from billing.customers.customer import Customer
from billing.events.event import Destination
from billing.receivables.journal import opening
from billing.tariffs.items import Agreed

_T = TypeVar("_T")


class PrivateLedger(SqlLedger):
    """The production tables and statements, without threads and without syncing to disk."""

    def __init__(self, url: URL, destinations: Sequence[Destination] = ()) -> None:
        super().__init__(url, destinations)

        @event.listens_for(self._engine, "connect")
        def connected(connection: Any, record: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.close()

    async def keep_addresses(self, customer: Customer, emails: Sequence[str]) -> None:
        """Those that the customer had before, whom the ledger knows."""
        with self._writing(f"keep the addresses of {customer.customer_id}") as connection:
            insert_new(connection, addresses, address_values(*(customer.evolve(email=email) for email in emails)))

    async def keep_agreed(self, customer_id: str, agreed: Agreed, at: datetime) -> None:
        """What was agreed for the customer's accounts, with its tariffs."""
        if not agreed.items:
            return
        with self._writing(f"keep the tariffs of {customer_id}") as connection:
            for code, tariff in agreed.tariffs.items():
                upsert(connection, tariffs, {"code": code, "tariff": tariff.model_dump(mode="json")})
            write_items(connection, Agreed(), agreed.items)
            log_change(connection, "as in the real ledger", "rehearsal", "rehearsal", at, customer_id, None)

    async def open_balance(self, customer_id: str, carried_minor: int, currency: str, at: datetime) -> None:
        """Makes the balance that the customer's next draft takes over ``carried_minor``, whatever is in the books."""
        with self._writing(f"open the books of {customer_id}") as connection:
            missing_minor = carried_minor - balance(connection, customer_id).carried_minor(currency)
            if missing_minor:
                post(connection, [opening(customer_id, missing_minor, currency, at)])

    async def run(self, work: Callable[[], _T]) -> _T:
        return work()
