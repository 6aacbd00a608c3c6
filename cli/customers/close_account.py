"""``close``: ends a customer's chain after the current month or, if nothing is due in it, now."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from billing.errors import BillingError
from billing.invoices.month import Month
from billing.money import format_amount
from billing.sales.sales import lines_for
from bootstrap import connect_adapters, connect_sales, connect_sheet_comparer
from cli.invoices.invoices import recorded_month
from cli.invoices.review import send_plain
from cli.terminal.options import CommandOptions
from cli.terminal.output import counted
from cli.terminal.send import ask, print_answers
from settings import Settings, load_settings


async def close(
    options: CommandOptions,
    now: Annotated[
        bool, typer.Option("--now", help="At once, without the current month; refused if anything is due in it.")
    ] = False,
) -> None:
    """Close an account: the current month is billed as planned and is the last one; with --now, it ends at once.

    [bold]Examples[/bold]
    $ python starter.py close acme --by ann --reason "contract ended"
    $ python starter.py close acme --by ann --reason "registered by mistake" --now
    """
    if not now:
        return await send_plain(options, "close_account")
    month = await _month_without_dues(load_settings(), options.customer_id)
    period = options.period or month.period
    answers = [await ask(options, "close_account", period, {})]
    if answers[0]["accepted"]:  # a command of its own: the id of the other would get the other's answer
        second = options._replace(command_id=options.command_id and f"{options.command_id}-skip")
        version, digest = (month.invoice.version, month.invoice.digest) if month.invoice else (0, "")
        answers.append(await ask(second, "skip", period, {"version": version, "digest": digest}))
    print_answers(options, answers)


async def _month_without_dues(settings: Settings, customer_id: str) -> Month:
    """The current month. Raises ``BillingError`` if it, or the sheet, has anything that would be billed."""
    async with connect_adapters(settings) as adapters:
        month = await recorded_month(adapters.ledger, customer_id, None)
        lines, problems = month.invoice.lines if month.invoice else (), month.invoice.problems if month.invoice else ()
        if month.invoice is None:
            now = datetime.now(UTC)
            snapshot = await connect_sales(adapters).read(month.period, now)
            lines, problems = lines_for(month.customer, month.period, snapshot, settings.decimal_separator)
            late = await connect_sheet_comparer(settings, adapters).since(month, now)  # due with this month only
            lines, problems = (*lines, *late.lines), (*problems, *late.problems)
        credits = [*(await adapters.ledger.balance(customer_id)).credits.items()]
    credits += [(month.currency, month.carried_minor)] if month.carried_minor else []
    due = [counted(len(lines), "sale")] if lines else []
    due += [counted(len(problems), "unreadable row")] if problems else []
    due += [f"{format_amount(minor, currency)} carried forward" for currency, minor in credits]
    if due:
        raise BillingError(
            f"{customer_id}, {month.period}: not closed, something is due: {', '.join(due)}; "
            "close it without --now to have it billed as planned, or skip that month afterwards"
        )
    return month
