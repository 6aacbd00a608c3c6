"""Lines of statements in words, for the command line and the console."""

from billing.money import format_amount
from billing.statements.outcomes import ImportReport, LineOutcome, LineRow

_OUTCOMES = {
    LineOutcome.BOOKED: "booked for the customer that is named, or known",
    LineOutcome.MATCHED: "booked before, by another rail or by hand",
    LineOutcome.SETTLED: "settlements of other rails",
    LineOutcome.PROPOSED: "unmatched, with a proposal to confirm",
    LineOutcome.UNMATCHED: "unmatched: whose is it?",
    LineOutcome.RETURNED: "went back, and was booked",
    LineOutcome.TO_CONFIRM: "refunds to confirm",
    LineOutcome.OUTGOING: "outgoing, not booked",
    LineOutcome.REPEATED: "known before, from a file of another format",
}


def outcome_words(outcome: LineOutcome) -> str:
    return _OUTCOMES[outcome]


def line_amount(row: LineRow) -> str:
    return format_amount(row.amount_minor, row.currency)


def balances_words(report: ImportReport) -> str:
    """``1000.00 EUR on 2026-11-29 to …``; "" if the file has no balances."""
    file = report.file
    if file.opening_minor is None or file.closing_minor is None:
        return ""
    opening, closing = (format_amount(minor, file.currency) for minor in (file.opening_minor, file.closing_minor))
    return f"{opening} before, {closing} after"
