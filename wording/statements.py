"""Lines of statements in words, for the command line and the console."""

from billing.money import format_amount
from billing.statements.outcomes import ImportReport, LineOutcome, LineRow

_OUTCOMES = {
    LineOutcome.BOOKED: "for the customer who is named, or known",
    LineOutcome.MATCHED: "in the books before, by another rail or by hand",
    LineOutcome.SETTLED: "handed over by other rails",
    LineOutcome.PROPOSED: "whose it probably is has to be confirmed",
    LineOutcome.UNMATCHED: "whose is it?",
    LineOutcome.RETURNED: "went back",
    LineOutcome.TO_CONFIRM: "refunds that were to be made by hand",
    LineOutcome.OUTGOING: "not booked",
    LineOutcome.REPEATED: "from a file of another format before",
    LineOutcome.UNCLEAR: "perhaps in the books before; not booked",
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
