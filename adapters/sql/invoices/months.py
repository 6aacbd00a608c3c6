"""Months: written with the journal's transactions that follow from them, and with the customer's data."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, insert, or_, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.rows import (
    address_values,
    alert_values,
    customer_values,
    decision_values,
    invoice_values,
    line_values,
    version_values,
)
from adapters.sql.core.statements import (
    insert_new,
    is_superseded,
    month_params,
    rows_of_month,
    upsert,
    where_given,
)
from adapters.sql.receivables.accounts import balance, lock_customer
from adapters.sql.receivables.journal import post
from adapters.sql.schema.months import addresses, customers, debts, decisions, invoices, lines, versions
from adapters.sql.schema.reviewers import alerts
from adapters.sql.tariffs.agreed import revision_of
from adapters.sql.tasks.amounts import follow_amounts
from billing.apart import Failed
from billing.collections.ports import DebtRow
from billing.collections.stages import CollectionStage
from billing.customers.address import email_key
from billing.customers.customer import Customer
from billing.errors import BalanceChanged, TariffsChanged
from billing.invoices.commands import Decision
from billing.invoices.month import Month
from billing.invoices.ports import InvoiceRow, VersionRow
from billing.invoices.postings import UNDOING, freed, month_transactions, prepaid, unknown_minor
from billing.invoices.stages import COLLECTED_OUTCOMES, Stage
from billing.period import Period
from billing.receivables.journal import Cause, Transaction, opening
from billing.reviewers.alerts import of_unknown_balance

# Executed several times a month for every customer, so composed once.
_STATE = select(invoices.c.state).where(*month_params(invoices))
_ROW = select(invoices).where(*month_params(invoices))
_DELETE_LINES = delete(lines).where(*month_params(lines))
_INSERT_LINES = insert(lines)
_MONTH_KEY = ("customer_id", "period")
_NEWER = invoices.c.customer_id == bindparam("id"), invoices.c.period > bindparam("newest")
_UPDATE = update(customers).where(customers.c.customer_id == bindparam("id"), ~exists().where(*_NEWER))


class SqlMonths(SqlDatabase):
    """The part of ``SqlLedger`` about months."""

    @in_thread
    def record(self, month: Month, at: datetime, following: Month | None = None) -> None:
        with self._writing(f"record {month.customer.customer_id}, {month.period}") as connection:
            _lock_customer(connection, month.customer, at)
            _record(connection, month, at, _stored(connection, month))
            if following is not None:
                stored = _stored(connection, following)
                if stored is None or stored.revision == 0:
                    _record(connection, following, at, stored)

    @in_thread
    def record_draft(self, month: Month, at: datetime) -> None:
        with self._writing(f"record the draft of {month.customer_id}, {month.period}") as connection:
            _lock_customer(connection, month.customer, at)
            if month.invoice and month.invoice.tariffs_seen != revision_of(connection, month.customer_id):
                raise TariffsChanged(f"what was agreed with {month.customer_id} has changed; it is read again")
            _record(connection, month, at, _stored(connection, month), is_new_draft=True)

    @in_thread
    def month(self, customer_id: str, period: Period) -> Month | None:
        with self._reading(f"read {customer_id}, {period}") as connection:
            state = connection.scalar(_STATE, {"customer_id": customer_id, "period": period})
            return None if state is None else Month.model_validate(state)

    @in_thread
    def invoices(
        self,
        period: Period | None = None,
        stage: Stage | None = None,
        customer_id: str | None = None,
        failed: list[Failed] | None = None,
    ) -> list[InvoiceRow]:
        where = where_given(invoices, period=period, stage=stage, customer_id=customer_id)
        return self._read(InvoiceRow, invoices, *where, by=_MONTH_KEY, failed=failed)

    @in_thread
    def under_way(self) -> list[InvoiceRow | DebtRow]:
        charging = invoices.c.stage.in_((Stage.CHARGING, Stage.UNRESOLVED))
        is_moving = or_(debts.c.stage == CollectionStage.UNRESOLVED, debts.c.is_tried)
        return [
            *self._read(InvoiceRow, invoices, charging, by=_MONTH_KEY),
            *self._read(DebtRow, debts, debts.c.outcome.is_(None), is_moving, by=_MONTH_KEY),
        ]

    @in_thread
    def drafted_from(self, period: Period, email: str) -> list[str]:
        """The customers whose invoice of the period has the rows under this address; reads all its months."""
        emails = invoices.c.state["invoice"]["sales"]["emails"]
        with self._reading(f"look up the invoices of {period} with an address") as connection:
            rows = connection.execute(select(invoices.c.customer_id, emails).where(invoices.c.period == period))
            key = email_key(email)
            return sorted(customer_id for customer_id, texts in rows if key in map(email_key, texts or ()))

    @in_thread
    def decisions(self, customer_id: str, period: Period) -> list[Decision]:
        return self._read(Decision, decisions, *rows_of_month(decisions, customer_id, period), by=("number",))

    @in_thread
    def versions(self, customer_id: str, period: Period) -> list[VersionRow]:
        return self._read(VersionRow, versions, *rows_of_month(versions, customer_id, period), by=("version", "at"))


def _lock_customer(connection: Connection, customer: Customer, at: datetime) -> None:
    """Ensures the customer's row and locks it: one record of a customer is written at a time."""
    if not lock_customer(connection, customer.customer_id):
        insert_new(connection, customers, [customer_values(customer) | {"created_at": at, "updated_at": at}])
        insert_new(connection, addresses, address_values(customer))
        lock_customer(connection, customer.customer_id)


def _stored(connection: Connection, month: Month) -> Row[Any] | None:
    key = {"customer_id": month.customer_id, "period": month.period}
    return connection.execute(_ROW, key).one_or_none()


def _record(
    connection: Connection, month: Month, at: datetime, stored: Row[Any] | None, is_new_draft: bool = False
) -> None:
    """Writes the changes since the month was ``stored``, and posts what follows from them."""
    if stored is not None and is_superseded(month, at, stored):
        return
    values = invoice_values(month, at)
    before = stored.state if stored is not None else {}
    changed = {name for name, value in values["state"].items() if name not in before or before[name] != value}
    if changed & {"customer", "leaving"} or (month.leaving and "closed" in changed):
        if month.leaving and month.closed:
            _delete_unbegun(connection, month)
        _update_customer(connection, month, at)
    upsert(connection, invoices, values)
    if "invoice" in changed:
        if before.get("invoice"):
            connection.execute(_DELETE_LINES, {"customer_id": month.customer_id, "period": month.period})
        if rows := line_values(month):
            connection.execute(_INSERT_LINES, rows)
        insert_new(connection, versions, version_values(month, at))
    if "decisions" in changed:
        insert_new(connection, decisions, decision_values(month))
    follow_amounts(connection, month, at)
    if changed & {"invoice", "notice", "closed"}:
        _post(connection, Month.model_validate(before) if before.get("invoice") else None, month, at, is_new_draft)


def _post(connection: Connection, before: Month | None, month: Month, at: datetime, is_new_draft: bool) -> None:
    """Posts what follows from the change of the month."""
    posted = month_transactions(before, month, at)
    causes = {transaction.cause for transaction in posted}
    if Cause.DRAFT in causes:
        unknown = unknown_minor(before, month, balance(connection, month.customer_id))
        if unknown and is_new_draft:
            raise BalanceChanged(f"the balance of {month.customer_id} has changed; it is read again")
        if unknown:
            name = f"{month.customer_id} {month.period} {month.revision}"
            post(connection, [opening(month.customer_id, unknown, month.currency, at, name)])
            insert_new(connection, alerts, [alert_values(of_unknown_balance(month, unknown, at))])
    post(connection, posted)
    if causes & UNDOING:
        _post_one(connection, freed(month, balance(connection, month.customer_id), at))
    is_unpaid = month.outcome in COLLECTED_OUTCOMES and (before is None or before.outcome is None)
    if Cause.NOTICE in causes or is_unpaid:
        _post_one(connection, prepaid(month, balance(connection, month.customer_id), at))


def _post_one(connection: Connection, transaction: Transaction | None) -> None:
    if transaction is not None:
        post(connection, [transaction])


def _delete_unbegun(connection: Connection, month: Month) -> None:
    """Deletes the month after the last one: written before the account was closed, and not begun."""
    of_customer = invoices.c.customer_id == month.customer_id
    connection.execute(delete(invoices).where(of_customer, invoices.c.period > month.period, invoices.c.revision == 0))


def _update_customer(connection: Connection, month: Month, at: datetime) -> None:
    """Customer data follow the newest month; the outcome of the last month closes the account."""
    last = month.closed if month.leaving else None
    closed = {"closed_reason": month.leaving if last else None, "closed_at": last.at if last else None}
    values = customer_values(month.customer) | closed | {"updated_at": at}
    connection.execute(_UPDATE, values | {"id": month.customer_id, "newest": month.period})
    insert_new(connection, addresses, address_values(month.customer))
