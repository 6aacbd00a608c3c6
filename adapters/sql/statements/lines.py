"""Lines of a statement taken into the ledger, in one transaction: each once, whatever file has it again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, tuple_

from adapters.sql.core.statement_schema import statement_lines
from adapters.sql.core.statements import lock
from adapters.sql.receivables.journal import balance, lock_account
from adapters.sql.statements.bookings import Booking, carry_out
from adapters.sql.statements.lookups import Names, look_up, originals, payments_named, posted, receipts
from adapters.sql.statements.payers import payers
from billing.customers.erasure import ERASED
from billing.receivables.journal import PaymentName
from billing.statements.bank_account import BankTerms
from billing.statements.keys import FilePart, KeyedLine, are_one
from billing.statements.matching import Decision, KnownPayer, LineFacts, decide
from billing.statements.outcomes import FileHead, LineOutcome, LineRow
from billing.statements.payouts import payout_of, rail_of
from billing.statements.references import References, kept
from billing.statements.statement import StatementLine

_L = statement_lines.c


def take_in(connection: Connection, terms: BankTerms, head: FileHead, part: FilePart, at: datetime) -> list[LineRow]:
    """Decides about the lines that are new, and carries that out; returns them. Everything or nothing.

    One file of a rail at a time; customers are locked in order, for several payments are booked.
    """
    lock(connection, f"statements {terms.rail}")
    new = _unknown(connection, terms.rail, part.lines)
    twins = _twins(connection, terms.rail, head, new, part.keys)
    fresh = [each for each in new if each.key not in twins]
    rows = [
        _keep(connection, terms, head, each, Decision(LineOutcome.REPEATED), None, twins.get(each.key))
        for each in new
        if each.key in twins
    ]
    references, names = look_up(connection, terms, fresh)
    accounts = {terms.payer_account(each.line) for each in fresh}
    known = payers(connection, terms.rail, {account for account in accounts if account})
    for customer_id in sorted(_concerned(references, names, known)):
        lock_account(connection, customer_id)
    for each in fresh:
        facts = _facts(connection, terms, each.line, references[each.key], names, known, at)
        decision = decide(each.line, facts)
        payment = carry_out(connection, Booking(terms, each, decision, head.by, at))
        rows.append(_keep(connection, terms, head, each, decision, payment))
    return sorted(rows, key=lambda row: row.position)


def _unknown(connection: Connection, rail: str, lines: Sequence[KeyedLine]) -> list[KeyedLine]:
    keys = [each.key for each in lines]
    known = set(connection.scalars(select(_L.key).where(_L.rail == rail, _L.key.in_(keys))))
    return [each for each in lines if each.key not in known]


def _twins(
    connection: Connection, rail: str, head: FileHead, lines: Sequence[KeyedLine], keys: frozenset[str]
) -> dict[str, str]:
    """Which lines files of other formats had before, by key: the line most like it first, and each once.

    A line that this file has by its own key is no other line's twin.
    """
    places = sorted({(each.line.booked_on, each.line.amount_minor) for each in lines})
    query = select(statement_lines).where(_L.rail == rail, tuple_(_L.booked_on, _L.amount_minor).in_(places))
    rows = connection.execute(query.order_by(_L.key)).mappings().all() if places else []
    taken = keys | {row["twin"] for row in rows if row["twin"] and row["file_format"] == head.file_format}
    others: defaultdict[tuple[date, int], list[RowMapping]] = defaultdict(list)
    for row in rows:
        is_first = row["twin"] is None and row["file_format"] != head.file_format
        if is_first and row["key"] not in taken:
            others[row["booked_on"], row["amount_minor"]].append(row)
    found = {}
    for each in lines:
        alike = others[each.line.booked_on, each.line.amount_minor]
        candidates = [row for row in alike if are_one(kept(each.line), _line(row))]
        if candidates:
            best = max(candidates, key=partial(_likeness, each.line))
            alike.remove(best)
            found[each.key] = best["key"]
    return found


def _line(row: RowMapping) -> StatementLine:
    names = StatementLine.model_fields.keys() & row.keys()
    return StatementLine(**{name: row[name] for name in names if row[name] != ERASED})


def _likeness(line: StatementLine, row: RowMapping) -> tuple[bool, bool, bool]:
    def is_same(name: str) -> bool:
        return row[name] is not None and row[name] == getattr(line, name)

    return is_same("bank_reference"), is_same("payer_account"), is_same("number")


def _concerned(references: Mapping[str, References], names: Names, known: Mapping[str, KnownPayer]) -> set[str]:
    """The customers whose money may move."""
    named = {each.customer_id for one in references.values() for each in names.named(one)}
    return named | {payer.customer_id for payer in known.values()}


def _facts(
    connection: Connection,
    terms: BankTerms,
    line: StatementLine,
    references: References,
    names: Names,
    known: Mapping[str, KnownPayer],
    at: datetime,
) -> LineFacts:
    facts = LineFacts(references, currency=terms.bank.currency)
    if line.amount_minor < 0 or line.is_reversal:
        payments = payments_named(connection, terms, references)
        return facts._replace(originals=originals(connection, terms, line, payments))
    rules = terms.bank.settlements
    rail = rail_of(line, rules)
    if rail is not None:
        found = payout_of(line, rail, rules[rail], receipts(connection, terms, rail, line))
        return facts._replace(payout_rail=rail, payout=found)
    named, payer = names.named(references), known.get(line.payer_account or "")
    concerned = {each.customer_id for each in named} | ({payer.customer_id} if payer else set())
    return facts._replace(
        posted=posted(connection, terms, payments_named(connection, terms, references)),
        named=named,
        payer=payer,
        takes_two=terms.takes_two(line.amount_minor),
        balances={customer_id: balance(connection, customer_id) for customer_id in concerned},
    )


def _keep(
    connection: Connection,
    terms: BankTerms,
    head: FileHead,
    each: KeyedLine,
    decision: Decision,
    payment: PaymentName | None,
    twin: str | None = None,
) -> LineRow:
    line, payout = each.line, decision.payout
    row = LineRow(
        key=each.key,
        file=head.digest,
        position=each.position,
        currency=terms.bank.currency,
        outcome=decision.outcome,
        payment=payment,
        customer_id=decision.customer_id,
        of_rail=decision.of_rail,
        fee_minor=payout.fee_minor if payout else None,
        **kept(line).model_dump(exclude={"is_reversal", "batch", "payer_account"}),
        payer_account=terms.payer_account(line),
    )
    values: dict[str, Any] = row.model_dump(exclude={"payment"})
    values |= {"rail": terms.rail, "file_format": head.file_format, "twin": twin}
    values |= {"payment_rail": payment and payment.rail, "payment": payment and payment.digest}
    connection.execute(insert(statement_lines).values(values))
    return row
