"""``export``: a month for accounting, as CSV files or JSON; streamed, with totals that have to agree."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time
from typing import Annotated, Any

import typer

from billing.accounting.export import ExportRecord, ExportTally
from billing.accounting.export_rows import (
    JOURNAL_TABLES,
    TABLES,
    Row,
    journal_row,
    rows_of,
    total_row,
    trial_balance_row,
)
from billing.apart import Failed, why
from billing.period import Period
from billing.receivables.ports import GeneralLedger
from billing.remedies import RemedyAction
from bootstrap import connect_ledger
from cli.accounting.export_files import STDOUT, Format, Output, json_text, output_file, write_tables
from cli.terminal.months import last_closed_month
from cli.terminal.options import period_option
from cli.terminal.output import complain
from settings import load_settings
from wording.remedies import command_line

_SHOWN = 20


async def export(
    format: Annotated[Format, typer.Option(help="csv: a file for each table; json: one document, by customer.")],
    period: Annotated[Period | None, period_option("The month; by default the last that is closed for all.")] = None,
    output: Output = STDOUT,
    journal: Annotated[
        bool, typer.Option("--journal", help="The entries of the journal and its trial balance instead.")
    ] = False,
) -> None:
    """Export a month for accounting: invoices, lines, charges, refunds and disputes, collections, totals.

    Amounts are exact decimals, and integers of minor units beside them. Text that a spreadsheet would run as a formula
    begins with an apostrophe. The totals are checked: lines + carried = invoiced, charged - refunded - disputed = net;
    a paid invoice has one charge of its amount. Differences are listed on standard error and among the problems in the
    export, with exit code 1; the export is complete all the same. If a customer cannot be exported, all others are;
    then the problems, each row of the totals (not_exported) and standard error say that the export is incomplete.

    With --journal: every entry written in that calendar month (UTC), debits positive, credits negative; and what was on
    each kind of account when the month began and ended, which adds up to zero in every currency.

    [bold]Examples[/bold]
    $ python starter.py export --format csv --output accounting/2026-11
    $ python starter.py export --period 2026-11 --format json > 2026-11.json
    $ python starter.py export --period 2026-11 --format csv --journal --output accounting/2026-11
    """
    settings, tally = load_settings(), ExportTally()
    async with connect_ledger(settings) as ledger:
        period = period or await last_closed_month(ledger, settings.now())
        if journal:
            return await _export_journal(ledger, period, format, output)
        exported = _rows(ledger.dossiers(period), tally)
        if format is Format.JSON:
            await _write_json(exported, tally, period, output)
        else:
            await _write_csv(exported, tally, output)
    for problem in tally.problems[:_SHOWN]:
        complain(problem)
    if tally.problems:
        more = f" ({len(tally.problems) - _SHOWN} more)" if len(tally.problems) > _SHOWN else ""
        reconcile = RemedyAction.RECONCILE.of(period=period)
        text = f"the totals do not agree{more}; see: {command_line(reconcile)}"
        if tally.missing:
            text = f"THE EXPORT IS INCOMPLETE: {len(tally.missing)} not exported{more}; book nothing by it"
        complain(text)
        raise typer.Exit(1)


_Exported = tuple[str, list[tuple[str, Row]]]


async def _rows(records: AsyncIterator[ExportRecord | Failed], tally: ExportTally) -> AsyncIterator[_Exported]:
    """The rows of each customer who can be exported whole."""
    async for record in records:
        if isinstance(record, Failed):
            tally.miss(record)
            continue
        try:
            rows = list(rows_of(record))
            tally.take(record)
        except Exception as error:
            tally.miss(Failed(customer_id=record.customer_id, reason=why(error)))
        else:
            yield record.customer_id, rows


async def _write_json(exported: AsyncIterator[_Exported], tally: ExportTally, period: Period, output: Output) -> None:
    """One document, written customer by customer: it is never in memory as a whole."""
    with output_file(output, f"export-{period}.json") as file:
        file.write(f'{{"period": "{period}", "customers": [')
        first = True
        async for customer_id, rows in exported:
            file.write("\n" if first else ",\n")
            file.write(json_text(_nested(customer_id, rows)))
            first = False
        file.write(f'\n], "totals": {json_text([total_row(total) for total in tally.totals()])}')
        file.write(f', "not_exported": {json_text(tally.missing)}, "problems": {json_text(tally.problems)}}}\n')


def _nested(customer_id: str, rows: list[tuple[str, Row]]) -> dict[str, Any]:
    tables: dict[str, list[object]] = {name: [] for name in TABLES if name not in ("totals", "problems")}
    for name, row in rows:
        tables[name].append(row)
    invoices, collections = tables.pop("invoices"), tables.pop("collections")
    return {
        "customer_id": customer_id,
        "invoice": next(iter(invoices), None),
        "collection": next(iter(collections), None),
        **tables,
    }


async def _write_csv(exported: AsyncIterator[_Exported], tally: ExportTally, output: Output) -> None:
    async def rows() -> AsyncIterator[tuple[str, Row]]:
        async for _, own in exported:
            for row in own:
                yield row
        for total in tally.totals():
            yield "totals", total_row(total)
        for problem in tally.problems:
            yield "problems", {"problem": problem}

    await write_tables(TABLES, rows(), output)


async def _export_journal(ledger: GeneralLedger, period: Period, format: Format, output: Output) -> None:
    since, until = (datetime.combine(month.first_day, time(), UTC) for month in (period, period.next()))
    totals = [trial_balance_row(total) for total in await ledger.trial_balance(since, until)]

    async def rows() -> AsyncIterator[tuple[str, Row]]:
        async for page in ledger.journal(since, until):
            for entry in page:
                yield "journal", journal_row(entry)
        for total in totals:
            yield "trial_balance", total

    if format is Format.CSV:
        return await write_tables(JOURNAL_TABLES, rows(), output)
    with output_file(output, f"journal-{period}.json") as file:
        file.write(f'{{"period": "{period}", "trial_balance": {json_text(totals)}, "journal": [')
        comma = ""
        async for name, row in rows():
            if name == "journal":
                file.write(f"{comma}\n{json_text(row)}")
                comma = ","
        file.write("\n]}\n")
