"""``refresh``: shows how the sheet differs from a draft, and takes that in, as an edit."""

from datetime import UTC, datetime

from billing.errors import BillingError
from billing.sales.adjustments import reasons_for_review, refresh_changes, unapplied
from billing.sales.late_sales import SheetComparison, as_line_changes, in_words
from bootstrap import connect_adapters, connect_sheet_comparer
from cli.invoices.difference import explained, rows_of
from cli.invoices.invoices import recorded_month
from cli.terminal.options import (
    DEFAULT_TIMEOUT_SECONDS,
    AsJson,
    By,
    CommandId,
    CustomerId,
    PeriodOption,
    Reason,
    Timeout,
)
from cli.terminal.output import console, print_json, say, table, whole
from cli.terminal.send import CommandOptions, send
from settings import load_settings


async def refresh(
    customer_id: CustomerId,
    by: By,
    reason: Reason,
    period: PeriodOption = None,
    command_id: CommandId = "",
    timeout: Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Refresh a draft from the sheet: rows that were added, changed or removed after the collection.

    What reviewers added or edited stays, unless its row has changed since; a row that may be what they added, in other
    words, is left for a person. A draft that was announced already is
    announced anew. What nobody takes in before the charge is on the next invoice.

    [bold]Example[/bold]
    $ python starter.py refresh acme --by ann --reason "two rows were late"
    """
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        month = await recorded_month(adapters.ledger, customer_id, period)
        compared = await connect_sheet_comparer(settings, adapters).compare(month, datetime.now(UTC))
    if compared is None or month.invoice is None:
        raise BillingError(f"{customer_id}, {month.period}: there is no draft that was made from the sheet")
    currency, (drifts, by_hand) = month.invoice.currency, (compared.changes, compared.by_hand)
    changes = refresh_changes(drifts, compared.sales.digest, by_hand)
    left = in_words(unapplied(drifts, by_hand), currency)
    if not as_json and compared.changes:
        columns = ("Line", whole("Draft", "right"), whole("Sheet", "right"), "Description")
        console.print(table(columns, rows_of(as_line_changes(compared.changes), currency)))
        say(in_words(drifts, currency))
        for words in reasons_for_review(drifts, by_hand, currency):
            say(words, style="yellow")
    if not changes:
        answer = f"{customer_id}, {month.period}: nothing to refresh: {_why_nothing(compared, currency)}"
        return print_json({"customer_id": customer_id, "result": answer}) if as_json else say(answer)
    said = CommandOptions(customer_id, by, reason, command_id, timeout, as_json)
    seen = {"version": month.invoice.version, "digest": month.invoice.digest}
    async with explained(month, month.invoice.digest, as_json):
        await send(said, "edit", month.period, {**seen, "changes": changes, "sales": compared.sales, "drift": left})


def _why_nothing(compared: SheetComparison, currency: str) -> str:
    if not compared.changes:
        return "the sheet has not changed"
    if told := reasons_for_review(compared.changes, compared.by_hand, currency):
        return "; ".join(told)
    return "what has changed in the sheet cannot be read"
