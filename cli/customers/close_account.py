"""``close``: ends a customer's chain, after the current month or, if nothing is due in it, now."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from billing.errors import BillingError
from billing.invoices.month import Month
from billing.money import format_amount
from billing.sales.sales import lines_for
from bootstrap import connect_adapters, connect_sales, connect_sheet_comparer
from cli.invoices import review
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
from cli.terminal.send import CommandOptions, answer, ask
from settings import Settings, load_settings


async def close(
    customer_id: CustomerId,
    by: By,
    reason: Reason,
    now: Annotated[
        bool, typer.Option("--now", help="At once, without the current month; refused if anything is due in it.")
    ] = False,
    period: PeriodOption = None,
    command_id: CommandId = "",
    timeout: Timeout = DEFAULT_TIMEOUT_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Close an account: the current month is billed as planned and is the last one; with --now, it ends at once.

    [bold]Examples[/bold]
    $ python starter.py close acme --by ann --reason "contract ended"
    $ python starter.py close acme --by ann --reason "registered by mistake" --now
    """
    if not now:
        await review.close(customer_id, by, reason, period, command_id, timeout, as_json)
        return
    month = await _month_without_dues(load_settings(), customer_id)
    period, said = period or month.period, CommandOptions(customer_id, by, reason, command_id, timeout, as_json)
    answers = [await ask(said, "close_account", period, {})]
    if answers[0]["accepted"]:  # a command of its own: the id of the other would get the other's answer
        said = said._replace(command_id=command_id and f"{command_id}-skip")
        version, digest = (month.invoice.version, month.invoice.digest) if month.invoice else (0, "")
        answers.append(await ask(said, "skip", period, {"version": version, "digest": digest}))
    answer(said, answers)


async def _month_without_dues(settings: Settings, customer_id: str) -> Month:
    """The current month. Raises ``BillingError`` if it, or the sheet, has anything that would be billed."""
    async with connect_adapters(settings) as adapters:
        month = await recorded_month(adapters.ledger, customer_id, None)
        lines, problems = month.invoice.lines if month.invoice else (), month.invoice.problems if month.invoice else ()
        if month.invoice is None:
            now = datetime.now(UTC)
            snapshot = await connect_sales(adapters).read(month.period, now)
            lines, problems = lines_for(month.customer, month.period, snapshot, settings.decimal_separator)
            late = await connect_sheet_comparer(settings, adapters).since(
                month, now
            )  # due with this month, by nobody else
            lines, problems = (*lines, *late.lines), (*problems, *late.problems)
    due = [f"{len(lines)} sales"] if lines else []
    due += [f"{len(problems)} unreadable rows"] if problems else []
    if month.carried_minor:
        due.append(f"{format_amount(month.carried_minor, month.customer.currency)} carried forward")
    if due:
        raise BillingError(
            f"{customer_id}, {month.period}: not closed, there is something due: {', '.join(due)}; "
            "close it without --now to have it billed as planned, or skip it afterwards"
        )
    return month
