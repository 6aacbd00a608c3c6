"""``refresh``: shows how the sheet differs from a draft, and takes the difference in as an edit."""

from datetime import UTC, datetime

from billing.errors import BillingError
from billing.sales.adjustments import reasons_for_review, refresh_changes, unapplied
from billing.sales.late_sales import SheetComparison, as_line_changes, in_words
from bootstrap import connect_adapters, connect_sheet_comparer
from cli.invoices.difference import explained, rows_of
from cli.invoices.invoices import recorded_month
from cli.terminal.options import CommandOptions
from cli.terminal.output import print_json, print_table, say, whole
from cli.terminal.send import send
from settings import load_settings


async def refresh(options: CommandOptions) -> None:
    """Refresh a draft from the sheet: rows that were added, changed or removed after the import.

    Lines that reviewers added or edited stay, unless their row has changed since. A row that may repeat a reviewer's
    line in other words is left for a person. If the draft was announced already, a corrected notice follows. Rows that
    nobody takes in before the charge are on the next invoice.

    [bold]Example[/bold]
    $ python starter.py refresh acme --by ann --reason "two rows were late"
    """
    customer_id, as_json, settings = options.customer_id, options.as_json, load_settings()
    async with connect_adapters(settings) as adapters:
        month = await recorded_month(adapters.ledger, customer_id, options.period)
        comparison = await connect_sheet_comparer(settings, adapters).compare(month, datetime.now(UTC))
    if comparison is None or month.invoice is None:
        raise BillingError(f"{customer_id}, {month.period}: there is no draft that was made from the sheet")
    invoice, drifts, by_hand = month.invoice, comparison.changes, comparison.by_hand
    currency = invoice.currency
    changes = refresh_changes(drifts, comparison.sales.digest, by_hand)
    if not as_json and drifts:
        columns = ("Line", whole("Draft", "right"), whole("Sheet", "right"), "Description")
        print_table(columns, rows_of(as_line_changes(drifts), currency), tuple)
        say(in_words(drifts, currency))
        for reason in reasons_for_review(drifts, by_hand, currency):
            say(reason, style="yellow")
    if not changes:
        answer = f"{customer_id}, {month.period}: nothing to refresh: {_why_nothing(comparison, currency)}"
        return print_json({"customer_id": customer_id, "result": answer}) if as_json else say(answer)
    fields = {"version": invoice.version, "digest": invoice.digest, "changes": changes, "sales": comparison.sales}
    async with explained(month, invoice.digest, as_json):
        drift = in_words(unapplied(drifts, by_hand), currency)
        await send(options, "edit", month.period, {**fields, "drift": drift})


def _why_nothing(comparison: SheetComparison, currency: str) -> str:
    if not comparison.changes:
        return "the sheet has not changed"
    reasons = reasons_for_review(comparison.changes, comparison.by_hand, currency)
    return "; ".join(reasons) or "the changed rows of the sheet cannot be read"
