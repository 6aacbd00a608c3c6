"""Erases a person's data from the ledger: every text of every table that has the customer."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, Connection, Table, Text, and_, delete, func, insert, or_, select, update

from adapters.sql.completeness.readings import unpacked
from adapters.sql.core.columns import PlainText, metadata
from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import ALERTS, lock, rows_of_month
from adapters.sql.customers.account_numbers import drop_personal
from adapters.sql.orders.erasure import log_erasure, open_orders, scrub_ends
from adapters.sql.receivables.accounts import balance, lock_account
from adapters.sql.receivables.incoming import scrub_payments
from adapters.sql.receivables.journal import post
from adapters.sql.schema.announcements import announcement_recipients
from adapters.sql.schema.billers import service_accounts
from adapters.sql.schema.journal import outgoing_events
from adapters.sql.schema.months import (
    addresses,
    coverage_runs,
    customers,
    debts,
    decisions,
    invoices,
    messages,
    registrations,
    reversals,
    sales_readings,
)
from adapters.sql.schema.orders import order_log
from adapters.sql.schema.reviewers import alerts
from adapters.sql.schema.service_orders import service_order_log, service_order_steps
from adapters.sql.schema.services import service_changes, task_log, tasks
from adapters.sql.schema.tariffs import tariff_log
from adapters.sql.schema.texts import customer_texts
from adapters.sql.service_orders.erasure import log_service_erasure, open_service_orders, scrub_service_orders
from adapters.sql.statements.payers import erase_payers
from adapters.sql.tasks.erasure import erase_tasks
from billing.customers.address import email_key
from billing.customers.erasure import ERASED, Erased, ErasureObstacles, Scrubber, names_in, obstacle
from billing.customers.registration import RegistrationState
from billing.errors import InvalidInput, NotFound
from billing.invoices.stages import UNPAID_OUTCOMES, Stage
from billing.payments.payment import ReversalKind, ReversalStatus
from billing.receivables.journal import NOTHING_OWED, Balance, settlement
from billing.remedies import Remedy
from wording.remedies import command_line

_OF_ACCOUNT: Final = ("opened_why", "closed_why", "phone", "address", "address_key")
_WHOLE: Final = {
    messages.name: ("subject", "text", "asked_why"),
    customer_texts.name: ("recipient", "body"),
    announcement_recipients.name: ("recipient",),
    order_log.name: ("reason",),
    service_order_log.name: ("reason",),
    service_order_steps.name: ("reason",),
    service_accounts.name: _OF_ACCOUNT,
    service_changes.name: ("reason", "answer"),
    tasks.name: ("ended_why",),
    task_log.name: ("reason",),
    tariff_log.name: ("reason",),
}
"""Texts that go as a whole, whoever they name."""
_NOBODYS: Final = {tasks.name: ("form", "returns_to")}
"""What is the company's own: the names in there are those of steps and fields."""
_DECIDED: Final = [status for status in ReversalStatus if status.is_decided]


class SqlErase(SqlDatabase):
    """The part of ``SqlLedger`` that erases."""

    @in_thread
    def erase(self, customer_id: str, by: str, reason: str, at: datetime) -> Erased:
        """Erases the person in one transaction, with an entry in the audit trail; a repeat changes nothing.

        Raises ``NotFound``; ``InvalidInput`` while the account is open or anything is owed, saying what to do first.
        """
        with self._writing(f"erase {customer_id}") as connection:
            if refusal := obstacle(customer_id, _obstacles(connection, customer_id)):
                raise InvalidInput(f"{customer_id} cannot be erased: {_in_words(refusal)}")
            lock(connection, ALERTS)  # also for two erasures: both rewrite what names several customers
            names = _names(connection, customer_id)
            keys = {key for name in names if "@" in (key := email_key(name))}
            scrubber = Scrubber(customer_id, names)
            rows = _delete_registrations(connection, customer_id, keys)
            rows += connection.execute(delete(addresses).where(addresses.c.customer_id == customer_id)).rowcount
            rows += drop_personal(connection, customer_id)
            rows += erase_payers(connection, customer_id)
            rows += erase_tasks(connection, customer_id)
            for table in _tables():
                rows += _scrub(connection, table, customer_id, scrubber)
            rows += scrub_payments(connection, customer_id, scrubber)
            rows += _scrub(connection, outgoing_events, None, scrubber)  # of payments that nobody has assigned
            rows += _scrub_coverage(connection, scrubber)
            rows += _delete_readings(connection, scrubber, keys)
            rows += scrub_ends(connection, customer_id) + scrub_service_orders(connection, customer_id)
            if rows:
                texts = {"reason": scrubber.field("reason", reason), "result": f"{rows} rows rewritten"}
                _add_decision(connection, customer_id, {"by": by, "at": at, **texts})
                log_erasure(connection, customer_id, by, at)
                log_service_erasure(connection, customer_id, by, at)
        return Erased(customer_id=customer_id, at=at, rows=rows)

    @in_thread
    def settle(self, customer_id: str, by: str, reason: str, at: datetime) -> Balance:
        with self._writing(f"settle the balance of {customer_id}") as connection:
            obstacles = _obstacles(connection, customer_id)
            settled = obstacles.balance
            if refusal := obstacle(customer_id, obstacles._replace(balance=NOTHING_OWED)):
                settled = _of_the_past(connection, customer_id, settled)
                if not settled.credits:
                    raise InvalidInput(f"the balance of {customer_id} cannot be settled: {_in_words(refusal)}")
            posted = settlement(customer_id, settled, by, reason, at)
            post(connection, [posted] if posted else [])
            return settled


def _of_the_past(connection: Connection, customer_id: str, balance: Balance) -> Balance:
    """What of it is credit in other currencies than the customer's, which no draft takes over."""
    current = connection.scalar(select(customers.c.currency).where(customers.c.customer_id == customer_id))
    return Balance(owed=(), credits={name: minor for name, minor in balance.credits.items() if name != current})


def _in_words(refusal: tuple[str, Remedy | None]) -> str:
    why, remedy = refusal
    return f"{why}: {command_line(remedy)}" if remedy else why


def _obstacles(connection: Connection, customer_id: str) -> ErasureObstacles:
    if not lock_account(connection, customer_id):
        raise NotFound(f"the ledger does not know {customer_id}")
    query = select(customers.c.closed_at).where(customers.c.customer_id == customer_id)
    account = connection.execute(query).one_or_none()  # None: a buyer, who has none
    of_customer, d = invoices.c.customer_id == customer_id, debts.c
    owed = select(invoices.c.period).outerjoin(
        debts, and_(d.customer_id == invoices.c.customer_id, d.period == invoices.c.period)
    )
    is_begun = d.period.is_not(None)  # what credit has paid of bills is never collected
    is_collected = or_(invoices.c.outcome.in_(UNPAID_OUTCOMES), and_(invoices.c.outcome == Stage.BILLED, is_begun))
    owed = owed.where(of_customer, is_collected, d.outcome.is_(None))
    pending = select(reversals.c.reversal_id).where(
        reversals.c.customer_id == customer_id,
        reversals.c.kind == ReversalKind.DISPUTE,
        reversals.c.status.not_in(_DECIDED),
    )
    unfinished = select(invoices.c.period).where(of_customer, invoices.c.outcome.is_(None))
    return ErasureObstacles(
        is_open=account is not None and account.closed_at is None,
        open_months=tuple(connection.scalars(unfinished)),
        collected=tuple(connection.scalars(owed)),
        disputes=tuple(connection.scalars(pending)),
        balance=balance(connection, customer_id),
        open_orders=open_orders(connection, customer_id) + open_service_orders(connection, customer_id),
    )


def _tables() -> Iterator[Table]:
    return (table for table in metadata.sorted_tables if "customer_id" in table.c)


def _columns(table: Table) -> list[str]:
    """The columns that hold texts of somebody, and are not part of the key."""
    kinds, nobodys = (PlainText, Text, JSON), _NOBODYS.get(table.name, ())
    own = (column for column in table.c if column.name not in nobodys and not column.primary_key)
    return [column.name for column in own if isinstance(column.type, kinds)]


def _rows(connection: Connection, table: Table, customer_id: str | None) -> list[dict[str, Any]]:
    names = [*(column.name for column in table.primary_key), *_columns(table)]
    query = select(*(table.c[name] for name in names)).where(table.c.customer_id == customer_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _names(connection: Connection, customer_id: str) -> set[str]:
    """Every name and address of the customer in any table."""
    names: set[str] = set()
    for table in _tables():
        for row in _rows(connection, table, customer_id):
            for name in _columns(table):
                names.update(names_in(name, row[name]))
            if table is messages:
                names.update(names_in("email", row["recipient"]))
    return names


def _scrub(connection: Connection, table: Table, customer_id: str | None, scrubber: Scrubber) -> int:
    """Rewrites rows of the customer (None: of nobody); returns how many."""
    count = 0
    for row in _rows(connection, table, customer_id):
        fresh = scrubber.field("", {name: row[name] for name in _columns(table)})
        for name in _WHOLE.get(table.name, ()):
            fresh |= {name: ERASED} if row[name] else {}
        changes = {name: value for name, value in fresh.items() if value != row[name]}
        if changes:
            key = [table.c[column.name] == row[column.name] for column in table.primary_key]
            connection.execute(update(table).where(*key).values(changes))
            count += 1
    return count


def _delete_registrations(connection: Connection, customer_id: str, keys: set[str]) -> int:
    """Deletes the registrations of the person's addresses that made no customer."""
    c = registrations.c
    unused = c.state.in_((RegistrationState.OPEN, RegistrationState.KNOWN))
    return connection.execute(
        delete(registrations).where(unused, c.email_key.in_(keys), c.customer_id != customer_id)
    ).rowcount


def _scrub_coverage(connection: Connection, scrubber: Scrubber) -> int:
    """Rewrites addresses in reports of the completeness check and in alerts about no customer; returns how many."""
    count = 0
    general = select(alerts.c.alert_id, alerts.c.text, alerts.c.remedies).where(alerts.c.customer_id == "")
    for row in connection.execute(general).all():
        before = {"text": row.text, "remedies": row.remedies}
        if (fresh := _scrubbed(before, scrubber)) != before:
            connection.execute(update(alerts).where(alerts.c.alert_id == row.alert_id).values(fresh))
            count += 1
    for row in connection.execute(select(coverage_runs)).all():
        before = {"told": row.told, "report": row.report}
        if (fresh := _scrubbed(before, scrubber)) != before:
            connection.execute(update(coverage_runs).where(coverage_runs.c.period == row.period).values(fresh))
            count += 1
    return count


def _scrubbed(values: dict[str, Any], scrubber: Scrubber) -> Any:
    return json.loads(scrubber.text(json.dumps(values, ensure_ascii=False)))


def _delete_readings(connection: Connection, scrubber: Scrubber, keys: set[str]) -> int:
    """Deletes readings of the sheet that name the person; the next reading replaces them. Returns how many.

    ``keys`` find the person's addresses however the sheet spells them.
    """
    count = 0
    for row in connection.execute(select(sales_readings).where(sales_readings.c.content.is_not(None))).all():
        content = unpacked(row.content)
        is_named = not keys.isdisjoint(email_key(line["email"]) for line in json.loads(content)["rows"])
        if is_named or scrubber.text(content) != content:
            key = sales_readings.c.source == row.source, sales_readings.c.period == row.period
            connection.execute(delete(sales_readings).where(*key))
            count += 1
    return count


def _add_decision(connection: Connection, customer_id: str, values: dict[str, Any]) -> None:
    """Adds the erasure to the audit trail of the customer's last month, if there is one."""
    last = connection.scalar(select(func.max(invoices.c.period)).where(invoices.c.customer_id == customer_id))
    if last is None:
        return
    month = rows_of_month(decisions, customer_id, last)
    number = connection.scalar(select(func.max(decisions.c.number)).where(*month)) or 0
    key = {"customer_id": customer_id, "period": last, "number": number + 1}
    fixed = {"command": "erase", "accepted": True, "via": "cli", "invoice_version": 0}
    empty = {"command_id": "", "content": "", "details": ""}
    connection.execute(insert(decisions).values(key | fixed | empty | values))
