"""``reconcile``: compares Stripe's payments of a month with the ledger."""

from typing import Annotated

import typer

from billing.accounting.discrepancy import RailTotal
from billing.money import format_amount
from billing.period import Period
from bootstrap import connect_adapters, connect_reconciliation, connect_temporal
from cli.terminal.months import month_under_way
from cli.terminal.options import AsJson, period_option
from cli.terminal.output import counted, print_json, print_table, say, whole
from settings import load_settings
from wording.remedies import command_line


async def reconcile(
    period: Annotated[Period | None, period_option("The month to compare; by default the one under way.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare Stripe's payments of a month with the ledger: missing, double, different, orphaned, unknown.

    Then each rail's register (what Stripe has taken and given back for the month) with its clearing account in the
    journal, payment by payment. Of rails by hand people are the register, so their sums are shown, and confirmed by
    nobody: payments that name the month, or none and were paid in it.

    Repairs certain differences and lists the rest for people. Exit code 1 if anything is open. A Temporal Schedule
    does this for the last three months every day.

    [bold]Examples[/bold]
    $ python starter.py reconcile
    $ python starter.py reconcile --period 2026-11 --json
    """
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        period = period or await month_under_way(adapters.ledger, settings.now())
        client = await connect_temporal(settings)
        result = await connect_reconciliation(settings, adapters, client).reconcile_period(period)
    if as_json:
        findings = [{**dict(each), "commands": list(map(command_line, each.remedies))} for each in result.findings]
        rails = [{**dict(total), "difference_minor": total.difference_minor} for total in result.rails]
        print_json({**dict(result), "findings": findings, "rails": rails, "open": len(result.open)})
    else:
        print_table(
            ("Customer", whole("Kind"), whole("State"), "What"),
            result.findings,
            lambda row: (
                row.customer_id,
                row.kind,
                "repaired" if row.repaired else "open",
                "\n".join((row.text, *map(command_line, row.remedies))),
            ),
        )
        amounts = (whole(name, "right") for name in ("Register", "Clearing account", "Difference"))
        columns = [whole("Rail"), *amounts]
        print_table(columns, result.rails, _amounts, title="Rails" if result.findings else "")
        if any(total.register_minor is None for total in result.rails):
            say("by hand: people have recorded it, and nobody has confirmed the sum; compare it with the statement")
        say(
            f"{period}: {counted(result.months, 'month')}, {counted(result.payments, 'payment')} compared; "
            f"{len(result.findings) - len(result.open)} repaired, {len(result.open)} open"
        )
    if result.open:
        raise typer.Exit(1)


def _amounts(total: RailTotal) -> tuple[str, ...]:
    amounts = (total.register_minor, total.clearing_minor, total.difference_minor)
    register, clearing, difference = (
        "" if minor is None else format_amount(minor, total.currency) for minor in amounts
    )
    return total.rail, register or "by hand", clearing, difference
