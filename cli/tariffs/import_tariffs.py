"""``tariffs import``: the tariffs of many accounts, from a CSV file."""

from pathlib import Path
from typing import Annotated

import typer

from billing.apart import why
from billing.model import Count, Model, Words
from billing.tariffs.ports import TariffBook
from billing.tariffs.tariff_file import TariffRow, parse_tariffs
from bootstrap import connect_ledger
from cli.customers.start import parsed_file, read_text
from cli.terminal.options import AsJson, By, Reason
from cli.terminal.output import SHOWN, counted, print_json, print_table, progress, say, whole
from settings import load_settings


class Refused(Model):
    """A row without effect, and why."""

    line: Count
    number: Words
    reason: Words


async def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file with a row for each account.")],
    by: By,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Give many accounts their tariffs; a repeat changes nothing, and retries what was refused.

    Columns: number, tariff, from; until is optional. Days are written like 2026-11-20. Exit code 0 if nothing was
    refused.

    [bold]Example[/bold]
    $ python starter.py tariffs import accounts.csv --by ann --reason "taken over from the old system"
    """
    rows, refused = parsed_file(file, read_text(file), parse_tariffs), list[Refused]()
    async with connect_ledger(load_settings()) as ledger:
        await ledger.tariffs()  # an unprepared ledger is one error, not one for each row
        with progress("changing", len(rows)) as advance:
            for row in rows:
                if fault := await _fault(ledger, row, by, reason):
                    refused.append(Refused(line=row.line, number=row.number, reason=fault))
                advance(1)
    done = len(rows) - len(refused)
    if as_json:
        print_json({"done": done, "refused": refused})
    else:
        columns = (whole("Line", "right"), whole("Number"), "Why it is refused")
        print_table(columns, refused, lambda row: (row.line, row.number, row.reason), shown=SHOWN)
        say(f"given to {counted(done, 'account')}, {counted(len(refused), 'row')} refused", style="bold")
    if refused:
        raise typer.Exit(1)


async def _fault(ledger: TariffBook, row: TariffRow, by: str, reason: str) -> str:
    if row.change is None:
        return row.fault
    try:
        await ledger.agree(row.change, by, reason, load_settings().now())
    except Exception as error:  # of any kind: the others go on
        return why(error)
    return ""
