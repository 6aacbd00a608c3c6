"""The ledger for those who start customers, many at once: what is known of them, and their first months."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.rows import DISTINCT, address_values, customer_values, distinct_values, invoice_values
from adapters.sql.core.schema import addresses, customers, invoices
from adapters.sql.core.statements import insert_new
from billing.apart import Failed, apart
from billing.customers.customer import Customer
from billing.customers.ports import KnownCustomer
from billing.invoices.month import Month
from billing.period import Period

_CUSTOMER = [customers.c[name] for name in Customer.model_fields]


class SqlStarts(SqlDatabase):
    """The part of ``SqlLedger`` that knows some hundred customers by a few queries."""

    @in_thread
    def known(self, asked: Sequence[Customer]) -> dict[str, KnownCustomer | Failed]:
        """What there is of each of them, by id."""
        by_id = {each.customer_id: each for each in asked}

        def look(names: Sequence[str]) -> list[tuple[str, KnownCustomer]]:
            return list(self._known([by_id[name] for name in names]).items())

        found = apart(list(by_id), look)
        return dict((each.customer_id, each) if isinstance(each, Failed) else each for each in found)

    def _known(self, asked: Sequence[Customer]) -> dict[str, KnownCustomer]:
        names = [each.customer_id for each in asked]
        theirs = select(*_CUSTOMER, customers.c.closed_reason).where(customers.c.customer_id.in_(names))
        whose = invoices.c.customer_id
        newest = select(whose, func.max(invoices.c.period)).where(whose.in_(names)).group_by(whose)
        values = [distinct_values(customer) for customer in asked]
        alike = or_(*(customers.c[name].in_({value[name] for value in values}) for name in DISTINCT))
        others = select(*_CUSTOMER).where(customers.c.closed_at.is_(None), alike)
        with self._looking("look customers up") as connection:
            found = {row["customer_id"]: dict(row) for row in connection.execute(theirs).mappings()}
            last = {name: Period(period) for name, period in connection.execute(newest)}
            like = _by_likeness(
                asked, [Customer.model_validate(dict(row)) for row in connection.execute(others).mappings()]
            )
        reasons = {name: row.pop("closed_reason") or "" for name, row in found.items()}
        return {
            name: KnownCustomer(
                customer=Customer.model_validate(found[name]) if name in found else None,
                closed_reason=reasons.get(name, ""),
                last=last.get(name),
                like=tuple(like[name]),
            )
            for name in names
        }

    @in_thread
    def record_opened(self, months: Sequence[Month], at: datetime) -> list[Failed]:
        """Writes customers of whom nothing was known, and the months that they begin with, in one transaction.

        What is there already stays as it is: the month has been faster. Who cannot be written keeps nobody from it.
        """
        by_id = {month.customer.customer_id: month for month in months}

        def write(names: Sequence[str]) -> list[Failed]:
            self._record_opened([by_id[name] for name in names], at)
            return []

        return apart(list(by_id), write) if months else []

    def _record_opened(self, months: Sequence[Month], at: datetime) -> None:
        ordered = sorted(
            months, key=lambda month: month.customer.customer_id
        )  # two at once wait for each other in turn
        times = {"created_at": at, "updated_at": at}
        with self._writing(f"record the beginning of {len(ordered)} customers") as connection:
            insert_new(connection, customers, [customer_values(month.customer) | times for month in ordered])
            insert_new(connection, addresses, [address_values(month.customer) for month in ordered])
            insert_new(connection, invoices, [invoice_values(month, at) for month in ordered])


def _by_likeness(asked: Sequence[Customer], others: Sequence[Customer]) -> dict[str, list[Customer]]:
    """Of each who was asked about, by id, those others who share something with it."""
    sharing: defaultdict[tuple[str, str], list[Customer]] = defaultdict(list)
    for other in sorted(others, key=lambda each: each.customer_id):
        for shared in distinct_values(other).items():
            sharing[shared].append(other)
    found = {}
    for each in asked:
        alike = {
            other.customer_id: other for shared in distinct_values(each).items() for other in sharing.get(shared, ())
        }
        alike.pop(each.customer_id, None)
        found[each.customer_id] = list(alike.values())
    return found
