"""``reconcile``: Stripe's payments of a month held against the ledger."""

from typing import Annotated

import typer

from billing.period import Period
from bootstrap import connect_adapters, connect_reconciliation, connect_temporal
from cli.terminal.options import AsJson, required_period
from cli.terminal.output import console, print_json, say, table, whole
from settings import load_settings


async def reconcile(
    period: Annotated[
        Period, typer.Option("--period", metavar="YYYY-MM", parser=required_period, help="The month to compare.")
    ],
    as_json: AsJson = False,
) -> None:
    """Compare Stripe's payments of a month with the ledger: missing, double, different, orphaned, unknown.

    What is certain is repaired; the rest is listed for people. Exit code 1 if anything is open. A Temporal Schedule
    does the same for the last three months every day.

    [bold]Examples[/bold]
    $ python starter.py reconcile --period 2026-11
    $ python starter.py reconcile --period 2026-11 --json
    """
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        client = await connect_temporal(settings)
        result = await connect_reconciliation(settings, adapters, client).reconcile_period(period)
    if as_json:
        print_json(result.model_dump(mode="json") | {"open": len(result.open)})
    else:
        if result.findings:
            rows = [
                (found.customer_id, found.kind, "repaired" if found.repaired else "open", found.text)
                for found in result.findings
            ]
            console.print(table(("Customer", whole("Kind"), whole("State"), "What"), rows))
        say(
            f"{period}: {result.months} months, {result.payments} payments compared; "
            f"{len(result.findings) - len(result.open)} repaired, {len(result.open)} open"
        )
    if result.open:
        raise typer.Exit(1)
