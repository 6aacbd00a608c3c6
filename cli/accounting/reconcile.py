"""``reconcile``: Stripe's payments of a month held against the ledger."""

from typing import Annotated

import typer

from billing.period import Period
from bootstrap import connect_adapters, connect_reconciliation, connect_temporal
from cli.terminal.options import AsJson, required_period
from cli.terminal.output import console, print_json, say, table, whole
from settings import load_settings
from wording.remedies import command_line


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
        findings = [{**dict(each), "commands": list(map(command_line, each.remedies))} for each in result.findings]
        print_json({**dict(result), "findings": findings, "open": len(result.open)})
    else:
        if result.findings:
            rows = []
            for finding in result.findings:
                text = "\n".join((finding.text, *map(command_line, finding.remedies)))
                rows.append((finding.customer_id, finding.kind, "repaired" if finding.repaired else "open", text))
            console.print(table(("Customer", whole("Kind"), whole("State"), "What"), rows))
        say(
            f"{period}: {result.months} months, {result.payments} payments compared; "
            f"{len(result.findings) - len(result.open)} repaired, {len(result.open)} open"
        )
    if result.open:
        raise typer.Exit(1)
