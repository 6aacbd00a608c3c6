"""A month as a short Markdown invoice, for the Temporal UI."""

from datetime import datetime

from billing.invoices.month import Month
from billing.markdown import escaped
from billing.money import format_amount

_SHOWN = 20
_LETTERS = 80  # of a description


def summary(month: Month, now: datetime) -> str:
    """Lines, total, the matter that needs a person, and the next step; the customer by id only."""
    due = month.due(now)
    version = f" · version {month.invoice.version}" if month.invoice else ""
    parts = [f"### {month.customer.customer_id} · {month.period} · {month.stage(now)}{version}"]
    if month.invoice is not None:
        parts.append("\n".join(["| line | amount |", "| --- | ---: |", *_rows(month)]))
    if not month.closed and (waits_for := month.waits_for(now)):
        parts.append(f"**A person is needed**: {escaped(waits_for.text)}")
    if month.drift and not month.closed:
        parts.append(f"The sheet has changed since the import: {escaped(month.drift)}")
    if month.remark:
        parts.append(escaped(month.remark))
    if due.at is not None:
        parts.append(f"Next: {due.what} at {due.at:%Y-%m-%d %H:%M} UTC")
    return "\n\n".join(parts)


def _rows(month: Month) -> list[str]:
    invoice = month.invoice
    assert invoice is not None
    rows = [
        f"| {escaped(line.description, _LETTERS)} | {format_amount(line.amount_minor, invoice.currency)} |"
        for line in invoice.lines[:_SHOWN]
    ]
    if len(invoice.lines) > _SHOWN:
        rows.append(f"| … {len(invoice.lines) - _SHOWN} more lines | |")
    if invoice.carried_minor:
        rows.append(f"| carried forward | {format_amount(invoice.carried_minor, invoice.currency)} |")
    rows += [f"| {problem.line_id}: {escaped(problem.raw, _LETTERS)} | ? |" for problem in invoice.problems[:_SHOWN]]
    return [*rows, f"| **total** | **{invoice.total}** |"]
