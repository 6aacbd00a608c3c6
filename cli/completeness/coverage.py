"""``coverage``: everybody and every row of a month, in tables or JSON; what is wrong with what to do about it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from billing.completeness.report import CompletenessReport, CurrencySum, ExplainedDifference, run_of
from billing.errors import BillingError
from billing.money import format_amount
from billing.period import Period
from billing.receivables.listing import AccountTotal
from billing.sales.worksheet import ignored
from bootstrap import connect_adapters, connect_completeness, connect_temporal
from cli.terminal.months import month_under_way
from cli.terminal.options import AsJson, period_option
from cli.terminal.output import console, counted, ids, print_json, say, table, whole
from settings import Settings, load_settings
from wording.english import hours
from wording.remedies import command_line

if TYPE_CHECKING:
    from temporalio.client import Client

_SHOWN = 200
_LATE = 20


async def coverage(
    period: Annotated[Period | None, period_option("The month to look at; by default the one under way.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look at every customer and every row of the sheet: who is charged, who is not, and why.

    Ledger, running workflows and sheet together: each customer's state, who is late, how the sheet's sum becomes that
    of the invoices, and for each finding what to type. Exit code 1 if anything is missing, unexplained, waits for a
    person, or could not be looked at. A Temporal Schedule does the same for the current and the last month every day.
    The console shows what was found here, unless a part could not be looked at.

    [bold]Examples[/bold]
    $ python starter.py coverage
    $ python starter.py coverage --period 2026-11 --json
    """
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        period = period or await month_under_way(adapters.ledger, settings.now())
        client, unseen = await _temporal(settings)
        found = await connect_completeness(settings, adapters, client, unseen).look(period)
        if not found.unseen:
            await adapters.ledger.save_coverage(run_of(found))
        named = {late.customer_id for late in found.late[:_LATE]} | {each.customer_id for each in _differences(found)}
        names = {} if as_json else await adapters.ledger.names(named)
    if as_json:
        findings = [{**dict(each), "commands": list(map(command_line, each.remedies))} for each in found.findings]
        print_json({"covered": found.covered, **dict(found), "findings": findings})
    else:
        print_coverage(found, names)
    if not found.covered:
        raise typer.Exit(1)


async def _temporal(settings: Settings) -> "tuple[Client | None, str]":
    """The client; or why there is none."""
    try:
        return await connect_temporal(settings), ""
    except BillingError as error:
        return None, str(error)


def print_coverage(found: CompletenessReport, names: Mapping[str, str]) -> None:
    """States, lateness, sums and findings; ``names`` are those of customers, by id."""
    states = " · ".join(f"{count:,} {state}" for state, count in found.states.items() if count)
    say(
        f"{found.period}: {counted(sum(found.states.values()), 'customer')}; {states or 'nobody is billed'}",
        style="bold",
    )
    _print_sums(found.sums, found)
    _print_differences(found, names)
    _print_late(found, names)
    _print_trial_balance(found.trial_balance)
    if found.findings:
        say("\nFindings", style="bold")
        for finding in found.brief(_SHOWN).findings:
            say(f"  {finding.kind}: {finding.text}", style="yellow")
            for line in (finding.advice, *map(command_line, finding.remedies)):
                if line:
                    say(f"    {line}")
    total = sum(found.kinds.values())
    if total > _SHOWN:
        say(f"… {total - _SHOWN} more; --json has them{'' if found.cut else ' all'}")
    for words in found.cut:
        say(f"not all are kept: {words}", style="yellow")
    if words := ignored(found.ignored_columns, found.no_sale):
        say(f"\n{words}", style="yellow")
    for source, why in found.unseen.items():
        say(f"\nnot looked at: {source}: {why}", style="yellow")
    if found.covered:
        say("\nEvery customer and every row is accounted for.", style="green")
    else:
        say(
            f"\n{counted(total, 'finding')}{'; not everything could be looked at' if found.unseen else ''}",
            style="bold",
        )


def _print_sums(sums: Iterable[CurrencySum], found: CompletenessReport) -> None:
    rows = []
    for each in sums:
        rows.append(("sheet", format_amount(each.sheet_minor, each.currency)))
        rows.append(("invoiced", format_amount(each.invoiced_minor, each.currency)))
        if each.tariffs_minor:
            rows.append(("tariffs, besides", format_amount(each.tariffs_minor, each.currency)))
        for reason, minor in each.differences_minor.items():
            rows.append((f"  {reason}", format_amount(minor, each.currency)))
    if rows:
        say("\nSheet = invoiced + differences", style="bold")
        console.print(table(("", whole("Amount", "right")), rows))
    if found.unsummed_rows:
        say(f"{counted(found.unsummed_rows, 'row')} in no sum: unreadable, or without a currency")


def _differences(found: CompletenessReport) -> Sequence[ExplainedDifference]:
    """Those that are printed."""
    return [each for each in found.differences if each.amount_minor][:_SHOWN]


def _print_differences(found: CompletenessReport, names: Mapping[str, str]) -> None:
    if shown := _differences(found):
        say("\nDifferences", style="bold")
        cells = (
            (
                each.customer_id or "nobody",
                names.get(each.customer_id, ""),
                f"row {each.row}" if each.row else "",
                each.description,
                format_amount(each.amount_minor, each.currency),
                each.reason,
            )
            for each in shown
        )
        columns = (ids("Customer"), "Name", whole("Row"), "Description", whole("Amount", "right"), "Why")
        console.print(table(columns, cells))


def _print_trial_balance(totals: Sequence[AccountTotal]) -> None:
    if not totals:
        return
    say("\nTrial balance of the journal, all months", style="bold")
    rows = [
        (total.kind.replace("_", " "), total.rail or "", format_amount(total.closing_minor, total.currency))
        for total in totals
    ]
    console.print(table(("", "Rail", whole("Balance", "right")), rows))


def _print_late(found: CompletenessReport, names: Mapping[str, str]) -> None:
    if not found.late_count:
        return
    say("\nLate", style="bold")
    rows = [
        (
            each.customer_id,
            names.get(each.customer_id, ""),
            f"{each.planned_at:%Y-%m-%d %H:%M} UTC",
            hours(each.seconds),
            "so far" if each.open else "",
        )
        for each in found.late[:_LATE]
    ]
    console.print(table((ids("Customer"), "Name", whole("Planned"), whole("Late by"), ""), rows))
    if found.late_count > len(rows):
        say(f"… {found.late_count - len(rows)} more; --json has them all")
