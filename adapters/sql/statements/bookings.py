"""What a decision about a line makes of the ledger: money booked, proposed, moved between rails, or told."""

import hashlib
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, select, text

from adapters.sql.core.statements import lock
from adapters.sql.receivables.incoming import book, known_payment, payment_record, post_payment
from adapters.sql.receivables.instructions import propose
from adapters.sql.receivables.journal import post
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.journal import incoming_payments
from adapters.sql.schema.statements import LINE_OF_PAYMENT, statement_files, statement_lines
from adapters.sql.statements.lookups import unpaid
from adapters.sql.statements.payers import note_payer
from billing.errors import InvalidInput
from billing.money import format_amount
from billing.receivables.incoming import IncomingPayment
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import PaymentName
from billing.receivables.remedies import about_payment
from billing.remedies import RemedyAction
from billing.reviewers.statement_alerts import of_part_gone, of_refund_seen, of_unfit_payout, of_unknown_return
from billing.statements.bank_account import BankTerms
from billing.statements.keys import KeyedLine
from billing.statements.matching import Decision, Payer
from billing.statements.outcomes import LineOutcome
from billing.statements.payouts import TypedPayout
from billing.statements.references import nobodys, without_personal_numbers

_I = incoming_payments.c
PROPOSER = "matching"


class Booking(NamedTuple):
    """A line under way into the books; ``by`` imports it."""

    terms: BankTerms
    keyed: KeyedLine
    decision: Decision
    by: str
    at: datetime


def carry_out(connection: Connection, booking: Booking) -> PaymentName | None:
    """Returns the payment as which the line was booked, or which it repeats."""
    decision = booking.decision
    match decision.outcome:
        case LineOutcome.BOOKED | LineOutcome.PROPOSED | LineOutcome.UNMATCHED:
            return _arrived(connection, booking).name
        case LineOutcome.RETURNED:
            return _went_back(connection, booking).name
        case LineOutcome.SETTLED:
            assert decision.payout is not None
            terms, key = booking.terms, booking.keyed.key
            post(connection, [decision.payout.transaction(terms.rail, terms.bank.currency, key, booking.at)])
            return None
        case LineOutcome.TO_CONFIRM | LineOutcome.OUTGOING:
            _tell(connection, booking)
            return None
        case LineOutcome.MATCHED:
            return decision.payment
        case LineOutcome.REPEATED | LineOutcome.UNCLEAR:
            raise AssertionError("a line of before is no decision")


def _arrived(connection: Connection, booking: Booking) -> IncomingPayment:
    decision, terms, line = booking.decision, booking.terms, booking.keyed.line
    is_proposed = decision.outcome is LineOutcome.PROPOSED
    is_booked = decision.outcome is LineOutcome.BOOKED
    payment = IncomingPayment(
        rail=terms.rail,
        reference=_reference(connection, booking),
        customer_id=decision.customer_id if is_booked else None,
        subject=decision.subject if is_booked else None,
        amount_minor=line.amount_minor,
        currency=terms.bank.currency,
        paid_at=terms.paid_at(line.booked_on),
        payer=without_personal_numbers(line.payer) if line.payer else None,
    )
    _book(connection, payment, booking.at, is_told=not (is_proposed or decision.is_told))
    if is_booked and decision.customer_id is not None:
        payer = Payer(terms.payer_account(line), payment.payer)
        note_payer(connection, terms.rail, payer, decision.customer_id, booking.at)
    if is_proposed:
        propose(connection, _proposal(payment, booking), booking.at)
    if decision.is_told and decision.of_rail is not None:
        remedy, currency = about_payment(RemedyAction.SETTLE_PAYOUT, payment), terms.bank.currency
        key, minor = booking.keyed.key, line.amount_minor
        put_alerts(
            connection, [of_unfit_payout(terms.rail, key, decision.of_rail, minor, currency, booking.at, remedy)]
        )
    return payment


def _book(connection: Connection, payment: IncomingPayment, at: datetime, is_told: bool = True) -> None:
    is_new = book(connection, payment, at, is_told)
    assert is_new, f"{payment.title} is in the books, and its line was not"


def _went_back(connection: Connection, booking: Booking) -> IncomingPayment:
    decision, terms, line = booking.decision, booking.terms, booking.keyed.line
    payment = IncomingPayment(
        rail=terms.rail,
        reference=_reference(connection, booking),
        kind=decision.kind,
        customer_id=decision.customer_id,
        amount_minor=line.amount_minor,
        currency=terms.bank.currency,
        paid_at=terms.paid_at(line.booked_on),
        original=decision.payment,
        payer=without_personal_numbers(line.payer) if line.payer else None,
    )
    _book(connection, payment, booking.at)
    return payment


def _reference(connection: Connection, booking: Booking) -> str:
    """The bank's, unless it was another payment's, or is of a person; else the key, which no other line has."""
    rail, reference = booking.terms.rail, booking.keyed.line.bank_reference
    if reference is not None and nobodys(reference) == reference:
        name = PaymentName.of(rail, reference)
        query = select(_I.rail).where(_I.rail == name.rail, _I.digest == name.digest)
        if connection.scalar(query) is None:
            return reference
    return booking.keyed.key


def _proposal(payment: IncomingPayment, booking: Booking) -> InstructionRequest:
    """Above the limit it is the importer's, who cannot confirm it: a file can be made by hand."""
    digest = hashlib.sha256(f"{payment.rail} {booking.keyed.key}".encode()).hexdigest()
    return InstructionRequest(
        instruction_id=digest[:16],
        kind=InstructionKind.ASSIGN,
        payment=payment.name,
        customer_id=booking.decision.customer_id,
        subject=booking.decision.subject,
        by=booking.by if booking.terms.takes_two(payment.amount_minor) else PROPOSER,
        reason=f"its account has paid for {booking.decision.customer_id} before, who owes exactly this",
        via="statement",
    )


def _tell(connection: Connection, booking: Booking) -> None:
    decision, terms = booking.decision, booking.terms
    if not decision.is_told:
        return
    rail, key, currency = terms.rail, booking.keyed.key, terms.bank.currency
    minor, at = booking.keyed.line.amount_minor, booking.at
    if decision.instruction_id is not None:
        put_alerts(connection, [of_refund_seen(rail, key, decision.instruction_id, minor, currency, at)])
    elif decision.payment is not None:
        record = payment_record(connection, decision.payment)
        assert record is not None
        put_alerts(connection, [of_part_gone(rail, key, record.payment, minor, currency, at)])
    else:
        put_alerts(connection, [of_unknown_return(rail, key, minor, currency, at)])


def settle(connection: Connection, terms: BankTerms, typed: TypedPayout, at: datetime) -> int:
    """Moves unmatched money as a person says; returns the amount. Raises ``InvalidInput``, so also a repeat does."""
    lock(connection, f"statements {terms.rail}")
    record = known_payment(connection, typed.payment, lock=True)
    minor, currency = record.unmatched_minor, terms.bank.currency
    if minor <= 0 or record.payment.currency != currency:
        raise InvalidInput(f"nothing of payment {record.payment.title} is unmatched in {currency.upper()}")
    unpaid_minor = unpaid(connection, typed.of_rail, currency)
    if minor + typed.fee_minor > unpaid_minor:
        left = format_amount(unpaid_minor, currency)
        raise InvalidInput(
            f"{typed.of_rail} has {left} that it has not handed over, less than this and its fee: see its register"
        )
    its = statement_lines.c
    is_file = and_(statement_files.c.rail == its.rail, statement_files.c.digest == its.file)
    is_line = text(LINE_OF_PAYMENT), its.payment_rail == typed.payment.rail, its.payment == typed.payment.digest
    importer = select(statement_files.c.by).join(statement_lines, is_file).where(*is_line).limit(1)
    if terms.takes_two(minor) and _is_one(connection.scalar(importer), typed.by):
        raise InvalidInput(f"{typed.by} has imported the statement; somebody else has to say what this money is")
    moved, *kept = typed.transactions(minor, currency, at)
    post_payment(connection, typed.payment, moved)
    post(connection, kept)
    return minor


def _is_one(importer: str | None, by: str) -> bool:
    return importer is not None and importer.strip().casefold() == by.strip().casefold()
