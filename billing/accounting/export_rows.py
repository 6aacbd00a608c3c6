"""An export's tables: rows of named cells; amounts as exact decimals and in minor units; text that stays text."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from billing.accounting.export import ExportRecord, ExportTotals
from billing.cells import type_of_value
from billing.money import minor_digits

Row = dict[str, type_of_value]

TABLES: dict[str, tuple[str, ...]] = {
    "invoices": (
        *("customer_id", "period", "outcome", "currency", "lines", "lines_minor", "carried", "carried_minor"),
        *("total", "total_minor", "version", "digest", "closed_at"),
    ),
    "lines": (
        *("customer_id", "period", "line_id", "description", "currency", "amount", "amount_minor", "sheet", "row"),
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
"""The columns of each table; ``reversals`` are refunds and disputes. The last two are of all customers together."""


def rows_of(dossier: ExportRecord) -> Iterator[tuple[str, Row]]:
    """The rows of one customer, each with the name of its table."""
    invoice = dossier.invoice
    if invoice is not None:
        yield "invoices", _row("invoices", invoice._asdict())
        for line in dossier.lines:
            whose: dict[str, object] = {
                "customer_id": invoice.customer_id,
                "period": invoice.period,
                "currency": invoice.currency,
            }
            yield "lines", _row("lines", whose | line._asdict())
    for charge in dossier.charges:
        yield "charges", _row("charges", dict(charge))
    for reversal in dossier.reversals:
        yield "reversals", _row("reversals", dict(reversal))
    if dossier.collection is not None:
        yield "collections", _row("collections", dict(dossier.collection))


def total_row(totals: ExportTotals) -> Row:
    return _row("totals", dict(totals))


def _row(table: str, values: dict[str, object]) -> Row:
    """The columns of ``table``; ``amount`` is made of ``amount_minor``, and so are all others of that kind."""
    digits = minor_digits(str(values["currency"]))
    row: Row = {}
    for name in TABLES[table]:
        minor = values.get(f"{name}_minor")
        if isinstance(minor, int):
            row[name] = Decimal(minor).scaleb(-digits).quantize(Decimal(1).scaleb(-digits))
        else:
            value = values[name]
            assert value is None or isinstance(value, str | int | datetime), name
            row[name] = str(value) if isinstance(value, str) else value
    return row
