"""The changes since a reviewer looked, printed when an edit or an approval was refused because it is stale."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import typer

from billing.errors import BillingError
from billing.invoices.invoice import LineItem
from billing.invoices.month import Month
from billing.invoices.versions import LineChange, difference
from billing.money import format_amount
from bootstrap import connect_ledger
from cli.terminal.output import complain, errors, table, whole
from settings import load_settings


@asynccontextmanager
async def explained(month: Month, digest: str, as_json: bool) -> AsyncIterator[None]:
    """On a refusal prints the difference between the version with ``digest``, which was seen, and the current one."""
    try:
        yield
    except (BillingError, typer.Exit):
        if not as_json and digest:
            await _print_difference(month, digest)
        raise


async def digest_of(month: Month, version: int) -> str:
    """The digest of a version that the ledger had once; "" if it knows none of that number, or two."""
    if month.invoice is not None and month.invoice.version == version:
        return month.invoice.digest
    async with connect_ledger(load_settings()) as ledger:
        rows = await ledger.versions(month.customer.customer_id, month.period)
    digests = [row.digest for row in rows if row.version == version]
    return digests[0] if len(digests) == 1 else ""


async def _print_difference(month: Month, digest: str) -> None:
    """On stderr, like the refusal itself."""
    customer_id, period = month.customer.customer_id, month.period
    async with connect_ledger(load_settings()) as ledger:
        rows = await ledger.versions(customer_id, period)
        current = await ledger.month(customer_id, period)
    before = next((row.invoice for row in rows if row.digest == digest), None)
    if before is None or current is None or current.invoice is None or current.invoice.digest == digest:
        return
    now, by = current.invoice, f" by {current.last_editor}" if current.last_editor else ""
    complain(f"version {before.version} was seen, version {now.version}{by} is current:", style="")
    columns = ("Line", whole("Seen", "right"), whole("Now", "right"), "Description")
    changes = rows_of(difference(before, now), now.currency)
    errors.print(table(columns, [*changes, ("", before.total, now.total, "Total")]))


def rows_of(changes: Sequence[LineChange], currency: str) -> list[tuple[str, str, str, str]]:
    """Line, amount before and after, and description of each."""

    def amount(line: LineItem | None) -> str:
        return format_amount(line.amount_minor, currency) if line else ""

    def description(change: LineChange) -> str:
        line = change.after or change.before
        return "; ".join(filter(None, (line.description if line else "", change.note)))

    return [(change.line_id, amount(change.before), amount(change.after), description(change)) for change in changes]
