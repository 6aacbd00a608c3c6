"""Customers: who they are, and whether their account is open."""

from sqlalchemy import ColumnElement, bindparam, exists, false, or_, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.rows import distinct_values
from adapters.sql.core.statements import IS_SHARED
from adapters.sql.schema.months import addresses, customers
from adapters.sql.schema.orders import buyers
from billing.apart import Failed
from billing.customers.address import email_key
from billing.customers.customer import Customer

# Executed several times a month for every customer, so composed once.
_OWN_EMAILS = select(addresses.c.email).where(addresses.c.customer_id == bindparam("customer_id"), ~IS_SHARED)

_KNOWS = select(
    or_(*(exists().where(table.c.customer_id == bindparam("customer_id")) for table in (customers, buyers)))
)


class SqlCustomers(SqlDatabase):
    """The part of ``SqlLedger`` about customers."""

    @in_thread
    def customer(self, customer_id: str) -> Customer | None:
        return self._read_one(Customer, customers, customers.c.customer_id == customer_id)

    @in_thread
    def knows(self, customer_id: str) -> bool:
        with self._reading(f"look {customer_id} up") as connection:
            return bool(connection.scalar(_KNOWS, {"customer_id": customer_id}))

    @in_thread
    def closed_reason(self, customer_id: str) -> str:
        with self._reading(f"look {customer_id} up") as connection:
            query = select(customers.c.closed_reason).where(customers.c.customer_id == customer_id)
            return connection.scalar(query) or ""

    @in_thread
    def customers(self, failed: list[Failed] | None = None) -> list[Customer]:
        """The customers whose account is open, by id."""
        return self._open_customers(failed=failed)

    @in_thread
    def customers_at_processor(self) -> dict[str, str]:
        ids = select(customers.c.payer_id, customers.c.customer_id).where(
            customers.c.closed_at.is_(None), customers.c.payer_id.is_not(None)
        )
        with self._reading("list the customers at the processor") as connection:
            return {row[0]: row[1] for row in connection.execute(ids)}

    @in_thread
    def customer_by_email(self, email: str) -> Customer | None:
        return next(iter(self._open_customers(customers.c.email_key == email_key(email))), None)

    @in_thread
    def customers_like(self, customer: Customer) -> list[Customer]:
        shared = or_(false(), *(customers.c[name] == value for name, value in distinct_values(customer).items()))
        return self._open_customers(customers.c.customer_id != customer.customer_id, shared)

    @in_thread
    def customers_of_card(self, card_id: str) -> list[Customer]:
        return self._read(Customer, customers, customers.c.card_id == card_id)

    @in_thread
    def own_emails(self, customer_id: str) -> list[str]:
        with self._reading(f"look up the addresses of {customer_id}") as connection:
            return sorted(connection.scalars(_OWN_EMAILS, {"customer_id": customer_id}))

    def _open_customers(self, *where: ColumnElement[bool], failed: list[Failed] | None = None) -> list[Customer]:
        is_open = customers.c.closed_at.is_(None)
        return self._read(Customer, customers, is_open, *where, by=("customer_id",), failed=failed)
