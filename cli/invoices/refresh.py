"""``refresh``: shows how the sheet differs from a draft, and takes that in, as an edit."""

from datetime import UTC, datetime

from billing.errors import BillingError
from billing.sales.adjustments import doubts, left_over, refreshing
from billing.sales.late_sales import Compared, in_words, shown
from bootstrap import connect_adapters, connect_comparing
from cli.invoices.difference import explained, rows_of
from cli.invoices.listing import recorded_month
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
from cli.terminal.sending import Said, send
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
        compared = await connect_comparing(settings, adapters).compare(month, datetime.now(UTC))
    if compared is None or month.invoice is None:
        raise BillingError(f"{customer_id}, {month.period}: there is no draft that was made from the sheet")
    currency, (drifts, by_hand) = month.invoice.currency, (compared.drifts, compared.by_hand)
    changes = refreshing(drifts, compared.sales.digest, by_hand)
    left = in_words(left_over(drifts, by_hand), currency)
    if not as_json and compared.drifts:
        columns = ("Line", whole("Draft", "right"), whole("Sheet", "right"), "Description")
        console.print(table(columns, rows_of(shown(compared.drifts), currency)))
        say(in_words(drifts, currency))
        for words in doubts(drifts, by_hand, currency):
            say(words, style="yellow")
    if not changes:
        answer = f"{customer_id}, {month.period}: nothing to refresh: {_why_nothing(compared, currency)}"
        return print_json({"customer_id": customer_id, "result": answer}) if as_json else say(answer)
    said = Said(customer_id, by, reason, command_id, timeout, as_json)
    seen = {"version": month.invoice.version, "digest": month.invoice.digest}
    async with explained(month, month.invoice.digest, as_json):
        await send(said, "edit", month.period, {**seen, "changes": changes, "sales": compared.sales, "drift": left})


def _why_nothing(compared: Compared, currency: str) -> str:
    if not compared.drifts:
        return "the sheet has not changed"
    if told := doubts(compared.drifts, compared.by_hand, currency):
        return "; ".join(told)
    return "what has changed in the sheet cannot be read"
