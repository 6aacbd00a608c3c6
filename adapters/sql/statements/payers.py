"""Whose debts an account has paid: seen by a reference, confirmed by a person."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, case, delete, or_, select, text, tuple_, update

from adapters.sql.core.statements import insert_new
from adapters.sql.schema.journal import transactions
from adapters.sql.schema.statements import LINE_OF_PAYMENT, known_payers, statement_lines
from billing.customers.erasure import ERASED
from billing.receivables.instructions import Instruction
from billing.statements.matching import KnownPayer, Payer

_L, _K = statement_lines.c, known_payers.c


def note_assigned(connection: Connection, instruction: Instruction, at: datetime) -> None:
    """Called when a person has said whose a payment is: of a statement's line, its payer is confirmed."""
    name = instruction.payment
    is_its = text(LINE_OF_PAYMENT), _L.payment_rail == name.rail, _L.payment == name.digest, _L.rail == name.rail
    line = connection.execute(select(_L.key, _L.payer_account, _L.payer).where(*is_its)).first()
    if line is None or instruction.customer_id is None:
        return
    changed = update(statement_lines).where(_L.rail == name.rail, _L.key == line.key)
    connection.execute(changed.values(customer_id=instruction.customer_id))
    by = instruction.decided_by or instruction.by
    note_payer(connection, name.rail, Payer(line.payer_account, line.payer), instruction.customer_id, at, by)


def note_payer(
    connection: Connection, rail: str, payer: Payer, customer_id: str, at: datetime, by: str | None = None
) -> None:
    """Keeps that the account has paid for the customer; ``by`` None: as a reference says.

    Once it has paid for another customer it is nobody's, until it is forgotten: banks pay for many by one account.
    """
    if payer.account is None:
        return
    values = {"rail": rail, "account": payer.account, "payer": payer.name, "customer_id": customer_id}
    if insert_new(connection, known_payers, [values | {"confirmed_by": by, "at": at}]):
        return
    is_it = _K.rail == rail, _K.account == payer.account
    known = connection.execute(select(known_payers).where(*is_it).with_for_update()).one()
    changes = update(known_payers).where(*is_it)
    if known.customer_id != customer_id:
        connection.execute(changes.values(customer_id=None, confirmed_by=None, payer=None, at=at))
    elif by is not None and known.confirmed_by is None:
        connection.execute(changes.values(confirmed_by=by, payer=payer.name, at=at))


def payers(connection: Connection, rail: str, accounts: Iterable[str]) -> Mapping[str, KnownPayer]:
    query = select(known_payers).where(_K.rail == rail, _K.account.in_(sorted(accounts)), _K.customer_id.is_not(None))
    return {
        row.account: KnownPayer(row.customer_id, row.confirmed_by is not None, row.payer)
        for row in connection.execute(query)
    }


def erase_payers(connection: Connection, customer_id: str) -> int:
    """Forgets the accounts that have paid for the customer, and what lines say of them; returns how many rows.

    A line that another file has again says the same of them.
    """
    moved = select(transactions.c.rail, transactions.c.digest).where(transactions.c.customer_id == customer_id)
    is_theirs = or_(_L.customer_id == customer_id, tuple_(_L.payment_rail, _L.payment).in_(moved))
    again = tuple_(_L.rail, _L.twin).in_(select(_L.rail, _L.key).where(is_theirs))
    told = or_(*(column.is_not(None) & (column != ERASED) for column in (_L.payer, _L.payer_account, _L.text)))
    fresh = {column.name: case((column.is_not(None), ERASED)) for column in (_L.payer, _L.payer_account, _L.text)}
    rows = connection.execute(update(statement_lines).where(or_(is_theirs, again), told).values(fresh)).rowcount
    return rows + connection.execute(delete(known_payers).where(_K.customer_id == customer_id)).rowcount
