"""What becomes of lines, and of a file."""

from datetime import date
from enum import StrEnum

from billing.model import Code, Count, Id, Instant, Line, Minor, MinorSum, Model, Rows, Who, Words
from billing.receivables.journal import PaymentName
from billing.statements.statement import FileFormat


class LineOutcome(StrEnum):
    """What a line is, in the order of summaries."""

    BOOKED = "booked"  # for the customer whom it names, or whose account is confirmed and who owes exactly this
    MATCHED = "matched"  # the same money that another rail, or a person, has booked already
    SETTLED = "settled"  # a rail hands over what it has taken, less its commission
    PROPOSED = "proposed"  # unmatched; its payer has paid for a customer before, who owes exactly this
    UNMATCHED = "unmatched"  # booked as nobody's, and told
    RETURNED = "returned"  # money of a payment of ours that went back: booked
    TO_CONFIRM = "to confirm"  # the refund that people were to make by hand: told, and confirmed by a person
    OUTGOING = "outgoing"  # kept, and nothing booked
    REPEATED = "repeated"  # a line that a file of another format had before
    UNCLEAR = "unclear"  # perhaps a line that is there before: kept and told, and nothing booked

    @property
    def is_booked(self) -> bool:
        """Whether the clearing account of the bank has this line, by the line itself."""
        return self in _BOOKED


_BOOKED = frozenset(
    {
        LineOutcome.BOOKED,
        LineOutcome.SETTLED,
        LineOutcome.PROPOSED,
        LineOutcome.UNMATCHED,
        LineOutcome.RETURNED,
    }
)


class LineRow(Model):
    """A line in the ledger, or as it would be. ``payment``: what it was booked as, or repeats. ``customer_id``: whose.

    ``fee_minor`` of a settlement: what ``of_rail`` has kept.
    """

    key: Code
    file: Code
    position: Count
    booked_on: date
    amount_minor: Minor
    currency: Code
    bank_reference: Id | None
    number: Id | None
    payer_account: Line | None
    payer: Line | None
    text: Words
    outcome: LineOutcome
    payment: PaymentName | None = None
    customer_id: Id | None = None
    of_rail: Code | None = None
    fee_minor: Minor | None = None


class OutcomeTotal(Model):
    """How many lines have an outcome, and their sum."""

    outcome: LineOutcome
    lines: Count
    amount_minor: MinorSum


class FileHead(Model):
    """A file in the ledger. ``done_at`` None: its import was interrupted; the same file again goes on with it.

    ``reading`` is how it was read: the format, and the mapping of a CSV.
    """

    rail: Code
    digest: Code
    name: Line
    file_format: FileFormat
    reading: Code
    currency: Code
    since: date | None
    until: date | None
    opening_minor: MinorSum | None
    closing_minor: MinorSum | None
    lines: Count
    by: Who
    at: Instant
    done_at: Instant | None = None


class PayerRow(Model):
    """An account that has paid. ``customer_id`` None: for several; ``confirmed_by`` None: a reference has said so."""

    rail: Code
    account: Line
    payer: Line | None
    customer_id: Id | None
    confirmed_by: Who | None
    at: Instant


class ImportReport(Model):
    """What an import has done, or with ``is_rehearsed`` would do. ``known``: lines that were there before."""

    file: FileHead
    totals: Rows[OutcomeTotal]
    known: Count
    rows: Rows[LineRow] = ()
    is_rehearsed: bool = False
