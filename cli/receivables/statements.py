"""``payments import``, ``imports`` and ``payers``: statements of bank accounts, and who has paid by them."""

from pathlib import Path
from typing import Annotated

import typer

from billing.errors import InvalidInput, NotFound
from billing.money import format_amount, parse_amount
from billing.receivables.journal import PaymentName
from billing.statements.mapping import CsvMapping, mapping_of
from billing.statements.outcomes import FileHead, ImportReport, LineRow, OutcomeTotal, PayerRow
from billing.statements.payouts import TypedPayout
from billing.statements.statement import FILE_MAX_BYTES, too_large
from bootstrap import connect_adapters, connect_ledger
from bootstrap_statements import connect_statements
from cli.receivables.payments import RailArgument, Reference
from cli.receivables.told import tell_reviewers
from cli.terminal.options import BY_VARIABLE, AsJson, By, Reason
from cli.terminal.output import SHOWN, print_json, print_table, progress, say, utc, whole
from services.statements import Upload
from settings import load_settings
from wording.statements import balances_words, line_amount, outcome_words

_PERCENT = 100
RailOption = Annotated[str, typer.Option("--rail", metavar="RAIL", help="The account's rail; needed if there are two.")]


async def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="MT940, camt.053, camt.054, 1C's exchange file or CSV.")],
    rail: RailOption = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="WHAT=COLUMN", help="CSV: which column is what; kept for the next files."),
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="WHO", envvar=BY_VARIABLE, help="Who imports it.")] = "cli",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be booked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a bank account's statement: each line is booked for whom it names, matched, proposed, or unmatched.

    The format is found out by the content. The same file again, under any name, a longer one of the day, or the day in
    another format changes nothing twice. A file that is cut off, of another account or currency, or whose balances do
    not add up is refused whole. Of CSV, --map names columns once: date, amount (or incoming and outgoing), sign,
    reference, number, payer, payer_account, text, account, currency, balance, and decimal (. or ,), date_format.
    Nothing is booked by its amount alone. Proposals wait in: payments proposals.

    [bold]Examples[/bold]
    $ python starter.py payments import november.txt --dry-run
    $ python starter.py payments import november.csv --rail bank --map date=Date --map amount=Sum --map text=Purpose
    """
    upload = Upload(file.name, _content(file), rail, _mapping(mapping))
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        statements = connect_statements(settings, adapters.ledger)
        with progress("importing", _PERCENT) as advance:
            shown = 0

            def done(lines: int, of: int) -> None:
                nonlocal shown
                percent = lines * _PERCENT // of
                advance(percent - shown)
                shown = percent

            try:
                report = await statements.take(upload, by, settings.now(), dry_run, done)
            except InvalidInput as error:
                raise InvalidInput(f"{file}: {error}") from None
        if not dry_run:
            await tell_reviewers(settings, adapters)
    _print(report, as_json)


def _content(file: Path) -> bytes:
    """Reads no more than a statement may have."""
    try:
        if not file.is_file():
            raise InvalidInput(f"{file} is no file; name a bank account's statement")
        if (size := file.stat().st_size) > FILE_MAX_BYTES:
            raise InvalidInput(f"{file}: {too_large(size)}")
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read ({error.strerror}); name a bank account's statement") from None


def _mapping(pairs: list[str] | None) -> CsvMapping | None:
    return mapping_of(pairs) if pairs else None


def _print(report: ImportReport, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    columns = (whole("Day"), whole("Amount", "right"), "Payer", "Text", "Result", "Customer")
    print_table(columns, report.rows, _line, shown=SHOWN)
    sums = ("Result", whole("Lines", "right"), whole("Sum", "right"))
    currency = report.file.currency
    print_table(sums, report.totals, lambda total: _total(total, currency), title="Together")
    if report.known:
        say(f"{report.known:,} known before")
    if balances := balances_words(report):
        say(balances)
    if report.is_rehearsed:
        say("nothing was booked: leave out --dry-run to do so")


def _line(row: LineRow) -> tuple[object, ...]:
    customer = row.customer_id or row.of_rail or ""
    return row.booked_on, line_amount(row), row.payer or "", " ".join(row.text.split())[:80], row.outcome, customer


def _total(total: OutcomeTotal, currency: str) -> tuple[object, ...]:
    words = f"{total.outcome}: {outcome_words(total.outcome)}"
    return words, f"{total.lines:,}", format_amount(total.amount_minor, currency)


async def settle(
    rail: RailArgument,
    reference: Reference,
    of: Annotated[str, typer.Option("--of", metavar="RAIL", help="The rail that has handed the money over.")],
    by: By,
    reason: Reason,
    fee: Annotated[str, typer.Option("--fee", metavar="AMOUNT", help="What it has kept of its receipts.")] = "",
) -> None:
    """Say that unmatched money is what another rail hands over, when its sum fitted no receipts.

    It moves from that rail's clearing account, and the fee with it; no customer's money moves.

    [bold]Example[/bold]
    $ python starter.py payments settle bank FT2611290001 --of bank-app --fee 12.50 --by ann --reason "two days"
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        statements = connect_statements(settings, ledger)
        currency = statements.accounts[rail].currency if rail in statements.accounts else ""
        fee_minor = parse_amount(fee, currency) if fee and currency else 0
        typed = TypedPayout(PaymentName.of(rail, reference), of, fee_minor, by, reason)
        minor = await statements.settle(typed, settings.now())
    say(f"{format_amount(minor, currency)} is what {of} has handed over")


async def imports(rail: RailOption = "", as_json: AsJson = False) -> None:
    """List the statements that were imported, the newest first, with their balances.

    [bold]Example[/bold]
    $ python starter.py payments imports
    """
    async with connect_ledger(load_settings()) as ledger:
        files = await ledger.statement_files(rail)
    if as_json:
        print_json({"files": files})
        return
    columns = (whole("When"), "By", "Rail", "File", whole("Days"), whole("Lines", "right"), whole("After", "right"), "")
    print_table(columns, files, _file, empty="no statement was imported")


def _file(file: FileHead) -> tuple[object, ...]:
    days = " to ".join(str(day) for day in dict.fromkeys((file.since, file.until)) if day)
    closing = "" if file.closing_minor is None else format_amount(file.closing_minor, file.currency)
    state = "" if file.done_at else "interrupted: import it again"
    return utc(file.at), file.by, file.rail, file.name, days, f"{file.lines:,}", closing, state


async def payers(
    rail: RailOption = "",
    forget: Annotated[
        str, typer.Option("--forget", metavar="ACCOUNT", help="Know this account of --rail no more.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List the accounts that have paid, and for whom; or forget one.

    An account that a person has confirmed, and that pays under the same name exactly what is owed, is booked. One that
    has paid for several customers counts for nobody. Forget those that banks pay by for many.

    [bold]Example[/bold]
    $ python starter.py payments payers --rail bank --forget KZ00EXAMPLE00000001
    """
    async with connect_ledger(load_settings()) as ledger:
        if forget and not await ledger.forget_payer(rail, forget):
            raise NotFound(f"{forget} is no account that has paid on {rail or 'a rail: name it with --rail'}")
        known = await ledger.known_payers(rail)
    if as_json:
        print_json({"payers": known})
        return
    columns = ("Rail", whole("Account"), "Payer", "Customer", "Confirmed by", whole("When"))
    print_table(columns, known, _payer, empty="no account has paid for anybody whom a line names")


def _payer(row: PayerRow) -> tuple[object, ...]:
    confirmed_by = row.confirmed_by or "nobody"
    return row.rail, row.account, row.payer or "", row.customer_id or "several", confirmed_by, utc(row.at)
