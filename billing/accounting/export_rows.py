"""The tables of an export: each amount as an exact decimal and in minor units."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from billing.accounting.export import ExportRecord, ExportTotals
from billing.accounting.payment_export import ExportedPayment, PaymentTotal
from billing.cells import type_of_value
from billing.money import minor_digits
from billing.receivables.listing import AccountTotal, JournalRow

Row = dict[str, type_of_value]

TABLES: dict[str, tuple[str, ...]] = {
    "invoices": (
        *("customer_id", "period", "outcome", "currency", "lines", "lines_minor", "carried", "carried_minor"),
        *("total", "total_minor", "version", "digest", "closed_at"),
    ),
    "lines": (
        *("customer_id", "period", "line_id", "description", "currency", "amount", "amount_minor", "sheet", "row"),
        *("account", "tariff"),
    ),
    "charges": (
        *("customer_id", "period", "payment_id", "status", "currency", "amount", "amount_minor"),
        *("code", "decline_code", "at"),
    ),
    "reversals": (
        *("customer_id", "period", "reversal_id", "payment_id", "kind", "status", "code", "reason"),
        *("currency", "amount", "amount_minor", "created_at"),
    ),
    "collections": (
        *("customer_id", "period", "stage", "currency", "amount", "amount_minor", "outstanding", "outstanding_minor"),
        *("opened_at", "closed_at"),
    ),
    "totals": (
        *("currency", "invoices", "lines", "lines_minor", "carried", "carried_minor", "invoiced", "invoiced_minor"),
        *("charged", "charged_minor", "refunded", "refunded_minor", "disputed", "disputed_minor"),
        *("net", "net_minor", "outstanding", "outstanding_minor", "not_exported"),
    ),
    "problems": ("problem",),
}
"""The columns of each table; ``reversals`` are refunds and disputes. The last two cover all customers together."""

JOURNAL_TABLES: dict[str, tuple[str, ...]] = {
    "journal": (
        *("number", "at", "cause", "customer_id", "kind", "subject", "rail", "currency", "amount", "amount_minor"),
        *("due_at", "reference", "by", "reason", "key"),
    ),
    "trial_balance": (
        *("kind", "rail", "currency", "opening", "opening_minor", "debited", "debited_minor"),
        *("credited", "credited_minor", "closing", "closing_minor"),
    ),
}
"""The columns of the journal's export. Debits are positive, credits negative; ``closing`` adds up to zero."""

PAYMENT_TABLES: dict[str, tuple[str, ...]] = {
    "payments": (
        *("rail", "reference", "kind", "paid_at", "customer_id", "accounts", "paid_for", "currency", "amount"),
        *("amount_minor", "unmatched", "unmatched_minor", "payer", "reverses", "booked_at"),
    ),
    "totals": (
        *("rail", "currency", "opening", "opening_minor", "payments", "received", "received_minor"),
        *("went_back", "went_back_minor", "closing", "closing_minor"),
    ),
}
"""The columns of the export of incoming payments; opening + received - went back = closing, on each rail."""


def rows_of(record: ExportRecord) -> Iterator[tuple[str, Row]]:
    """The rows of one customer, each with the name of its table."""
    if record.invoice is not None:
        invoice: dict[str, object] = record.invoice._asdict()
        yield "invoices", _row("invoices", invoice)
        for line in record.lines:
            yield "lines", _row("lines", invoice | line._asdict())
    for charge in record.charges:
        yield "charges", _row("charges", dict(charge))
    for reversal in record.reversals:
        yield "reversals", _row("reversals", dict(reversal))
    if record.debt is not None:
        yield "collections", _row("collections", dict(record.debt))


def total_row(totals: ExportTotals) -> Row:
    return _row("totals", dict(totals))


def journal_row(entry: JournalRow) -> Row:
    return _row("journal", dict(entry))


def trial_balance_row(total: AccountTotal) -> Row:
    return _row("trial_balance", dict(total) | {"closing_minor": total.closing_minor})


def payment_row(payment: ExportedPayment) -> Row:
    texts = {"accounts": " ".join(payment.accounts), "paid_for": ", ".join(payment.paid_for)}
    return _row("payments", dict(payment) | texts, PAYMENT_TABLES)


def payment_total_row(total: PaymentTotal) -> Row:
    return _row("totals", dict(total) | {"closing_minor": total.closing_minor}, PAYMENT_TABLES)


def _row(table: str, values: dict[str, object], tables: Mapping[str, tuple[str, ...]] = TABLES | JOURNAL_TABLES) -> Row:
    """The columns of ``table``; a decimal column such as ``amount`` is computed from ``amount_minor``."""
    digits = minor_digits(str(values["currency"]))
    row: Row = {}
    for name in tables[table]:
        minor = values.get(f"{name}_minor")
        if isinstance(minor, int):
            row[name] = Decimal(minor).scaleb(-digits).quantize(Decimal(1).scaleb(-digits))
        else:
            value = values[name]
            assert value is None or isinstance(value, str | int | datetime), name
            row[name] = str(value) if isinstance(value, str) else value
    return row
