"""What has changed since a reviewer looked: printed when an edit or an approval was refused because it is stale."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import typer

from billing.errors import BillingError
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.invoices.versions import LineChange, difference
from billing.money import format_amount
from bootstrap import connect_ledger
from cli.terminal.output import errors, plain, table, whole
from settings import load_settings


@asynccontextmanager
async def explained(month: Month, digest: str, as_json: bool) -> AsyncIterator[None]:
    """On a refusal prints what differs between the version with ``digest``, which was seen, and the current one."""
    try:
        yield
    except (BillingError, typer.Exit):
        if not as_json and digest:
            await _print_difference(month, digest)
        raise


async def digest_of(month: Month, version: int) -> str:
    """The digest of a version that the ledger had once; "" if it does not know it, or two of that number."""
    if month.invoice is not None and month.invoice.version == version:
        return month.invoice.digest
    async with AsyncExitStack() as stack:
        ledger = await connect_ledger(load_settings(), stack)
        rows = await ledger.versions(month.customer.customer_id, month.period)
    found = [row.digest for row in rows if row.version == version]
    return found[0] if len(found) == 1 else ""


async def _print_difference(month: Month, digest: str) -> None:
    """On stderr, as the refusal itself is."""
    customer_id, period = month.customer.customer_id, month.period
    async with AsyncExitStack() as stack:
        ledger = await connect_ledger(load_settings(), stack)
        rows = await ledger.versions(customer_id, period)
        current = await ledger.month(customer_id, period)
    seen = next((row for row in rows if row.digest == digest), None)
    if seen is None or current is None or current.invoice is None or current.invoice.digest == digest:
        return
    by = f" by {current.last_editor}" if current.last_editor else ""
    errors.print(plain(f"version {seen.version} was seen, version {current.invoice.version}{by} is current:"))
    columns = ("Line", whole("Seen", "right"), whole("Now", "right"), "Description")
    errors.print(table(columns, _rows(seen.invoice, current.invoice)))


def _rows(seen: Invoice, now: Invoice) -> list[tuple[str, str, str, str]]:
    return [*rows_of(difference(seen, now), now.currency), ("", seen.total, now.total, "Total")]


def rows_of(changes: Sequence[LineChange], currency: str) -> list[tuple[str, str, str, str]]:
    """Line, amount before and after, and description of each."""
    return [_row(change, currency) for change in changes]


def _row(change: LineChange, currency: str) -> tuple[str, str, str, str]:
    def amount(line: LineItem | None) -> str:
        return format_amount(line.amount_minor, currency) if line else ""

    described = change.after or change.before
    texts = (described.description if described else "", change.note)
    return change.line_id, amount(change.before), amount(change.after), "; ".join(filter(None, texts))
