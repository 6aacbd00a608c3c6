"""Lines of a statement taken into the ledger, in one transaction: each once, whatever file has it again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from adapters.sql.core.statements import lock
from adapters.sql.receivables.accounts import balance, lock_account
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.statements import statement_lines
from adapters.sql.statements.bookings import Booking, carry_out
from adapters.sql.statements.lookups import Names, look_up, originals, payments_named, posted, receipts
from adapters.sql.statements.payers import payers
from adapters.sql.statements.twins import Before, around, before, counted, entry_key, is_in
from billing.receivables.journal import PaymentName
from billing.reviewers.statement_alerts import of_unclear_line
from billing.statements.bank_account import BankTerms
from billing.statements.keys import FilePart, KeyedLine
from billing.statements.matching import Decision, KnownPayer, LineFacts, decide
from billing.statements.outcomes import FileHead, LineOutcome, LineRow
from billing.statements.payouts import payout_of, rail_of
from billing.statements.references import References, kept
from billing.statements.statement import StatementLine

_L = statement_lines.c


def take_in(connection: Connection, terms: BankTerms, head: FileHead, part: FilePart, at: datetime) -> list[LineRow]:
    """Decides about the lines that are new, and carries that out; returns them. Everything or nothing.

    One file of a rail at a time; customers are locked in order, for several payments are booked. A file that is in
    has no new lines, however it is read now.
    """
    lock(connection, f"statements {terms.rail}")
    if is_in(connection, head):
        return []
    file = around(connection, head)
    new = _unknown(connection, head, counted(connection, file, part.lines))
    known_as = before(connection, file, [each.evolve(line=kept(each.line)) for each in new], part.keys)
    rows = [_set_aside(connection, terms, head, each, known_as, at) for each in new if known_as.has(each.key)]
    fresh = [each for each in new if not known_as.has(each.key)]
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


def _unknown(connection: Connection, head: FileHead, lines: Sequence[KeyedLine]) -> list[KeyedLine]:
    """Those that no file had by their keys, nor this one at their places before it was interrupted."""
    keys, positions = [each.key for each in lines], [each.position for each in lines]
    known = set(connection.scalars(select(_L.key).where(_L.rail == head.rail, _L.key.in_(keys))))
    is_its = _L.rail == head.rail, _L.file == head.digest, _L.position.in_(positions)
    done = set(connection.scalars(select(_L.position).where(*is_its)))
    return [each for each in lines if each.key not in known and each.position not in done]


def _set_aside(
    connection: Connection, terms: BankTerms, head: FileHead, each: KeyedLine, known_as: Before, at: datetime
) -> LineRow:
    """Keeps a line that is, or may be, one of before."""
    if (twin := known_as.twins.get(each.key)) is not None:
        return _keep(connection, terms, head, each, Decision(LineOutcome.REPEATED), None, twin)
    minor, currency = each.line.amount_minor, terms.bank.currency
    put_alerts(connection, [of_unclear_line(terms.rail, each.key, minor, currency, at)])
    return _keep(connection, terms, head, each, Decision(LineOutcome.UNCLEAR), None)


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
        **kept(line).model_dump(exclude={"is_reversal", "batch", "entry", "payer_account"}),
        payer_account=terms.payer_account(line),
    )
    values: dict[str, Any] = row.model_dump(exclude={"payment"})
    values |= {"rail": terms.rail, "reading": head.reading, "twin": twin}
    if (whole := line.entry) is not None:
        key = entry_key(head, line)
        values |= {"entry_key": key, "entry_minor": whole.amount_minor, "entry_reference": whole.reference}
    values |= {"payment_rail": payment and payment.rail, "payment": payment and payment.digest}
    connection.execute(insert(statement_lines).values(values))
    return row
