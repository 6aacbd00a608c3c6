"""Starting customers, many at once: their records in the ledger, and their first months."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.core.rows import DISTINCT, address_values, customer_values, distinct_values, invoice_values
from adapters.sql.core.statements import insert_new
from adapters.sql.receivables.accounts import lock_buyers
from adapters.sql.schema.months import addresses, customers, invoices
from billing.apart import Failed, apart
from billing.customers.customer import Customer
from billing.customers.ports import KnownCustomer
from billing.invoices.month import Month
from billing.period import Period

_CUSTOMER = [customers.c[name] for name in Customer.model_fields]


class SqlStarts(SqlDatabase):
    """The part of ``SqlLedger`` that reads and writes some hundred customers by a few queries."""

    @in_thread
    def known(self, asked: Sequence[Customer]) -> dict[str, KnownCustomer | Failed]:
        by_id = {customer.customer_id: customer for customer in asked}

        def read(names: Sequence[str]) -> list[tuple[str, KnownCustomer]]:
            return self._known([by_id[name] for name in names])

        records = apart(list(by_id), read)
        return dict((record.customer_id, record) if isinstance(record, Failed) else record for record in records)

    def _known(self, asked: Sequence[Customer]) -> list[tuple[str, KnownCustomer]]:
        names, name = [customer.customer_id for customer in asked], invoices.c.customer_id
        recorded = select(*_CUSTOMER, customers.c.closed_reason).where(customers.c.customer_id.in_(names))
        newest = select(name, func.max(invoices.c.period)).where(name.in_(names)).group_by(name)
        distinct = [distinct_values(customer) for customer in asked]
        shared = {field: {values[field] for values in distinct if field in values} for field in DISTINCT}
        alike = or_(*(customers.c[field].in_(values) for field, values in shared.items()))
        with self._looking("look customers up") as connection:
            rows = {row["customer_id"]: dict(row) for row in connection.execute(recorded).mappings()}
            last = {customer_id: Period(period) for customer_id, period in connection.execute(newest)}
            others = connection.execute(select(*_CUSTOMER).where(customers.c.closed_at.is_(None), alike)).mappings()
            lookalikes = _lookalikes(asked, as_models(Customer, others))
        reasons = {customer_id: row.pop("closed_reason") or "" for customer_id, row in rows.items()}
        return [
            (
                customer_id,
                KnownCustomer(
                    customer=Customer.model_validate(rows[customer_id]) if customer_id in rows else None,
                    closed_reason=reasons.get(customer_id, ""),
                    last=last.get(customer_id),
                    like=lookalikes[customer_id],
                ),
            )
            for customer_id in names
        ]

    @in_thread
    def record_opened(self, months: Sequence[Month], at: datetime) -> list[Failed]:
        by_id = {month.customer.customer_id: month for month in months}

        def write(names: Sequence[str]) -> list[Failed]:
            self._record_opened([by_id[name] for name in names], at)
            return []

        return apart(list(by_id), write) if months else []

    def _record_opened(self, months: Sequence[Month], at: datetime) -> None:
        ordered = sorted(months, key=lambda month: month.customer_id)  # two such transactions cannot deadlock
        times = {"created_at": at, "updated_at": at}
        with self._writing(f"record the beginning of {len(ordered)} customers") as connection:
            lock_buyers(connection, [month.customer_id for month in ordered])
            insert_new(connection, customers, [customer_values(month.customer) | times for month in ordered])
            insert_new(connection, addresses, address_values(*(month.customer for month in ordered)))
            insert_new(connection, invoices, [invoice_values(month, at) for month in ordered])


def _lookalikes(asked: Sequence[Customer], others: Sequence[Customer]) -> dict[str, tuple[Customer, ...]]:
    """For each customer, by id, the others that share a field with it."""
    sharing: defaultdict[tuple[str, str], list[Customer]] = defaultdict(list)
    for other in sorted(others, key=lambda customer: customer.customer_id):
        for shared in distinct_values(other).items():
            sharing[shared].append(other)
    lookalikes = {}
    for customer in asked:
        alike = {other.customer_id: other for shared in distinct_values(customer).items() for other in sharing[shared]}
        alike.pop(customer.customer_id, None)
        lookalikes[customer.customer_id] = tuple(alike.values())
    return lookalikes
