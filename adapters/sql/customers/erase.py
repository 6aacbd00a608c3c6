"""A person's data leave the ledger: every table that knows the customer is gone through, text by text."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, Connection, Table, Text, delete, func, insert, select, update

from adapters.sql.completeness.readings import unpacked
from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.schema import (
    PlainText,
    addresses,
    alerts,
    collections,
    coverage_runs,
    customers,
    decisions,
    invoices,
    messages,
    metadata,
    registrations,
    reversals,
    sales_readings,
)
from billing.customers.address import email_key
from billing.customers.erasure import ERASED, Erased, ErasureObstacles, Scrubber, names_in, obstacle
from billing.customers.registration import RegistrationState
from billing.errors import InvalidInput, NotFound
from billing.invoices.month import Month
from billing.mails.mail import CustomerMailKind
from billing.payments.payment import ReversalKind, ReversalStatus
from wording.remedies import command_line

_DECIDED: Final = [status for status in ReversalStatus if status.is_decided]
_TO_REVIEWERS: Final = (CustomerMailKind.ALERT, CustomerMailKind.REPORT)


class SqlErase(SqlDatabase):
    """The part of ``SqlLedger`` that forgets."""

    @in_thread
    def erase(self, customer_id: str, by: str, reason: str, at: datetime, settled: str = "") -> Erased:
        """Erases the person in one transaction; a repeat finds nothing left. Decided by ``by``, on record.

        Raises ``NotFound``; ``InvalidInput`` while the account is open or anything is owed, saying what to do first.
        """
        with self._writing(f"erase {customer_id}") as connection:
            refusal = obstacle(customer_id, _standing(connection, customer_id), settled)
            if refusal:
                why, remedy = refusal
                todo = f": {command_line(remedy)}" if remedy else ""
                raise InvalidInput(f"{customer_id} cannot be erased: {why}{todo}")
            known = _known(connection, customer_id)
            scrubber = Scrubber(customer_id, known)
            rows = _delete_registrations(connection, customer_id, known)
            rows += connection.execute(delete(addresses).where(addresses.c.customer_id == customer_id)).rowcount
            for table in _tables():
                rows += _scrub(connection, table, customer_id, scrubber)
            rows += _scrub_coverage(connection, scrubber)
            rows += _forget_readings(connection, scrubber, {email_key(each) for each in known if "@" in each})
            if rows:
                result = f"{rows} rows rewritten" + (f"; balance settled: {settled}" if settled else "")
                said = {"by": by, "reason": scrubber.field("reason", reason), "result": scrubber.field("", result)}
                _note(connection, customer_id, said | {"at": at})
        return Erased(customer_id=customer_id, at=at, rows=rows)


def _standing(connection: Connection, customer_id: str) -> ErasureObstacles:
    this = customers.c.customer_id == customer_id
    account = connection.execute(select(customers).where(this).with_for_update()).one_or_none()
    if account is None:
        raise NotFound(f"the ledger does not know {customer_id}")
    owed = select(collections.c.period).where(collections.c.customer_id == customer_id, collections.c.outcome.is_(None))
    pending = select(reversals.c.reversal_id).where(
        reversals.c.customer_id == customer_id,
        reversals.c.kind == ReversalKind.DISPUTE,
        reversals.c.status.not_in(_DECIDED),
    )
    mine = invoices.c.customer_id == customer_id
    unfinished = select(invoices.c.period).where(mine, invoices.c.outcome.is_(None))
    state = connection.scalar(select(invoices.c.state).where(mine).order_by(invoices.c.period.desc()).limit(1))
    last = None if state is None else Month.model_validate(state)
    return ErasureObstacles(
        is_open=account.closed_at is None,
        open_months=tuple(connection.scalars(unfinished)),
        collected=tuple(connection.scalars(owed)),
        disputes=tuple(connection.scalars(pending)),
        balance_minor=last.balance_forward_minor if last else 0,
        currency=account.currency,
    )


def _tables() -> Iterator[Table]:
    return (table for table in metadata.sorted_tables if "customer_id" in table.c)


def _columns(table: Table) -> list[str]:
    """Those that hold texts, and are no part of the key."""
    kinds = (PlainText, Text, JSON)
    return [column.name for column in table.c if isinstance(column.type, kinds) and not column.primary_key]


def _rows(connection: Connection, table: Table, customer_id: str) -> list[dict[str, Any]]:
    wanted = [*(column.name for column in table.primary_key), *_columns(table)]
    query = select(*(table.c[name] for name in wanted)).where(table.c.customer_id == customer_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _known(connection: Connection, customer_id: str) -> set[str]:
    """Every name and address that the customer ever had, wherever it is on record."""
    found: set[str] = set()
    for table in _tables():
        for row in _rows(connection, table, customer_id):
            for name in _columns(table):
                found.update(names_in(name, row[name]))
            if table is messages and row["kind"] not in _TO_REVIEWERS:
                found.update(names_in("email", row["recipient"]))
    return found


def _scrub(connection: Connection, table: Table, customer_id: str, scrubber: Scrubber) -> int:
    """How many rows were rewritten."""
    count = 0
    for row in _rows(connection, table, customer_id):
        fresh = scrubber.field("", {name: row[name] for name in _columns(table)})
        if table is messages:
            fresh |= {name: ERASED for name in ("subject", "text") if row[name]}
        changes = {name: value for name, value in fresh.items() if value != row[name]}
        if changes:
            key = [table.c[column.name] == row[column.name] for column in table.primary_key]
            connection.execute(update(table).where(*key).values(changes))
            count += 1
    return count


def _delete_registrations(connection: Connection, customer_id: str, known: set[str]) -> int:
    """Those by the same address that made no customer: they have nothing but the person's data."""
    vain = registrations.c.state.in_((RegistrationState.OPEN, RegistrationState.KNOWN))
    theirs = (
        registrations.c.email_key.in_({email_key(each) for each in known}),
        registrations.c.customer_id != customer_id,
    )
    return connection.execute(delete(registrations).where(vain, *theirs)).rowcount


def _scrub_coverage(connection: Connection, scrubber: Scrubber) -> int:
    """What coverage found, and told as nobody's, may name addresses; it is of many, so only texts are gone through."""
    count = 0
    nobodys = select(alerts.c.alert_id, alerts.c.text).where(alerts.c.customer_id == "")
    for alert_id, text in connection.execute(nobodys).all():
        if (scrubbed := scrubber.text(text)) != text:
            connection.execute(update(alerts).where(alerts.c.alert_id == alert_id).values(text=scrubbed))
            count += 1
    for row in connection.execute(select(coverage_runs)).all():
        before = {"told": row.told, "report": row.report}
        fresh = json.loads(scrubber.text(json.dumps(before, ensure_ascii=False)))
        if fresh != before:
            this = coverage_runs.c.period == row.period
            connection.execute(update(coverage_runs).where(this).values(fresh))
            count += 1
    return count


def _forget_readings(connection: Connection, scrubber: Scrubber, keys: set[str]) -> int:
    """Of the sheet; those that name the person. They are made anew at need, of what the sheet says then.

    ``keys`` are those of the person's addresses, however they are typed in the sheet.
    """
    count = 0
    kept = select(sales_readings).where(sales_readings.c.content.is_not(None))
    for row in connection.execute(kept).all():
        content = unpacked(row.content)
        is_named = not keys.isdisjoint(email_key(line["email"]) for line in json.loads(content)["rows"])
        if is_named or scrubber.text(content) != content:
            this = sales_readings.c.source == row.source, sales_readings.c.period == row.period
            connection.execute(delete(sales_readings).where(*this))
            count += 1
    return count


def _note(connection: Connection, customer_id: str, said: dict[str, Any]) -> None:
    """An entry of the audit trail, with the customer's last month; a customer who never had one has no trail."""
    mine = decisions.c.customer_id == customer_id
    last = connection.scalar(select(func.max(invoices.c.period)).where(invoices.c.customer_id == customer_id))
    if last is None:
        return
    number = connection.scalar(select(func.max(decisions.c.number)).where(mine, decisions.c.period == last)) or 0
    whose = {"customer_id": customer_id, "period": last, "number": number + 1}
    fixed = {"command": "erase", "accepted": True, "via": "cli", "invoice_version": 0}
    empty = {"command_id": "", "content": "", "details": ""}
    connection.execute(insert(decisions).values(whose | fixed | empty | said))
