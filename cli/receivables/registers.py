"""``payments register`` and ``registers``: a bank's own record of a day, beside the journal."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from billing.errors import BillingError, InvalidInput
from billing.money import format_amount
from billing.registers.ports import DAYS_SHOWN
from billing.registers.register import RegisterDay, RegisterRow
from bootstrap import connect_adapters, connect_ledger
from bootstrap_registers import connect_register_desk
from cli.receivables.payments import RailArgument
from cli.receivables.told import tell_reviewers
from cli.terminal.options import BY_VARIABLE, AsJson, By, Reason
from cli.terminal.output import SHOWN, complain, print_json, print_table, progress, say, utc, whole
from services.registers.desk import FILE_MAX_BYTES, RegisterDesk
from services.registers.folder import day_in
from settings import load_settings


def day_of(text: str) -> date:
    """A day as it is typed."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write it like 2026-11-27") from None


RailOption = Annotated[str, typer.Option("--rail", metavar="RAIL", help="The contract's rail, such as bank-app.")]
DayOption = Annotated[
    date | None, typer.Option("--day", metavar="YYYY-MM-DD", parser=day_of, help="The day, by the contract's zone.")
]


async def take(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or OSMP's text.")],
    rail: RailOption,
    day: DayOption = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="WHAT=COLUMN", help="Which column is what; kept for the rail's next files."),
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="WHO", envvar=BY_VARIABLE, help="Who takes it in.")] = "cli",
    as_json: AsJson = False,
) -> None:
    """Take in a bank's register of a day, and compare it with the clearing account. Nothing is booked by that.

    Each payment is confirmed (in both), missing (in the register only), extra (in the journal only), different (another
    amount) or reversed (the bank has taken it back). What is not confirmed is told to the reviewers. The same file
    again, or a longer one of the day, changes nothing twice. A file with a line that cannot be read is refused whole.

    OSMP's text is recognised. Of CSV the columns are txn_id, account, sum and txn_date, unless --map says otherwise:
    reference, account, amount, paid_at, time, original, kind, currency, and reversal_words, payment_words, date_format,
    decimal (point or comma). Without --day, the day is in the file's name.

    [bold]Examples[/bold]
    $ python starter.py payments register take register.csv --rail bank-app --day 2026-11-27
    $ python starter.py payments register take 2026-11-27.csv --rail bank-app --map amount=Sum --map decimal=comma
    """
    settings = load_settings()
    content = _content(file)
    of = day or day_in(file.name)
    async with connect_adapters(settings) as adapters:
        desk = connect_register_desk(settings, adapters.ledger)
        with progress("taking in", content.count(b"\n") or 1) as advance:
            try:
                taken = await desk.take(rail, of, file.name, content, by, settings.now(), mapping or (), advance)
            except InvalidInput as error:
                raise InvalidInput(f"{file}: {error}") from None
        await tell_reviewers(settings, adapters)
    if as_json:
        print_json({**dict(taken.day), "is_new": taken.is_new})
        return
    say(f"{rail}, {of}: {'taken in' if taken.is_new else 'taken in before'}; {taken.day.in_words}")
    if taken.day.open:
        say(f"see: python starter.py payments registers --rail {rail} --day {of}")


async def registers(
    rail: Annotated[str, typer.Option("--rail", metavar="RAIL", help="Only of this rail.")] = "",
    day: DayOption = None,
    before: Annotated[
        date | None, typer.Option("--before", metavar="YYYY-MM-DD", parser=day_of, help="The days before that one.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="With --day: also the lines that agree.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the last days of which a register has come, and how they stand now; of one day, the lines that are open.

    [bold]Examples[/bold]
    $ python starter.py payments registers
    $ python starter.py payments registers --rail bank-app --day 2026-11-27
    """
    settings = load_settings()
    if day and not rail:
        raise InvalidInput("name the rail of the day: --rail")
    async with connect_ledger(settings) as ledger:
        desk = connect_register_desk(settings, ledger)
        if day:
            return await _show(desk, rail, day, everything, as_json)
        days = await desk.days(rail, before)
    if as_json:
        print_json({"registers": days})
        return
    print_table((whole("Day"), "Rail", whole("Taken in"), "How it stands"), days, _listed, empty="no register has come")
    if len({each.day for each in days}) == DAYS_SHOWN:
        say(f"older ones: python starter.py payments registers --before {days[-1].day}")


async def confirm(
    rail: RailArgument,
    by: By,
    reason: Reason,
    references: Annotated[
        list[str] | None, typer.Argument(metavar="[REFERENCE]...", help="The bank's numbers of the payments.")
    ] = None,
    day: DayOption = None,
    as_json: AsJson = False,
) -> None:
    """Book what a register has and the journal lacks: payments by their account numbers, and what was taken back.

    With --day all of it. A payment that the bank tells us of afterwards is not booked again.

    [bold]Examples[/bold]
    $ python starter.py payments register confirm bank-app 20261127000017 --by ann --reason "by the register"
    $ python starter.py payments register confirm bank-app --day 2026-11-27 --by ann --reason "by the register"
    """
    if bool(references) == bool(day):
        raise InvalidInput("name payments, or a day with --day")
    settings, rows, is_refused = load_settings(), list[RegisterRow](), False
    async with connect_adapters(settings) as adapters:
        desk = connect_register_desk(settings, adapters.ledger)
        named = desk.to_book(rail, day) if day else _typed(references or [])
        async for line in named:
            reference, seen_minor = (line, None) if isinstance(line, str) else (line.reference, line.amount_minor)
            try:
                rows.append(await desk.confirm(rail, reference, by, reason, settings.now(), seen_minor))
            except BillingError as error:
                if error.retryable or len(references or ()) == 1:
                    raise
                complain(str(error))
                is_refused = True
        await tell_reviewers(settings, adapters)
    _report(rows, as_json)
    if is_refused:
        raise typer.Exit(1)


async def reject(
    rail: RailArgument,
    by: By,
    reason: Reason,
    reference: Annotated[str, typer.Argument(metavar="[REFERENCE]", help="The bank's number of the payment.")] = "",
    day: DayOption = None,
    as_json: AsJson = False,
) -> None:
    """Leave a line of a register as it is, with a reason; that is told. It can be confirmed later all the same.

    With --day, a register that was another rail's or day's is withdrawn: its files and undecided lines are forgotten.

    [bold]Examples[/bold]
    $ python starter.py payments register reject terminals --day 2026-11-27 --by ann --reason "it is the app's"
    $ python starter.py payments register reject bank-app 20261127000017 --by ann --reason "the bank's test"
    """
    if bool(reference) == bool(day):
        raise InvalidInput("name a payment, or a day with --day")
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        desk = connect_register_desk(settings, adapters.ledger)
        if day:
            files = await desk.withdraw(rail, day, by, reason, settings.now())
            await tell_reviewers(settings, adapters)
            if as_json:
                print_json({"withdrawn": files})
            else:
                say(f"{rail}, {day}: withdrawn; take the right one in")
            return
        row = await desk.reject(rail, reference.strip(), by, reason, settings.now())
        await tell_reviewers(settings, adapters)
    _report([row], as_json)


async def _typed(references: list[str]) -> AsyncIterator[str]:
    for reference in references:
        yield reference.strip()


def _content(file: Path) -> bytes:
    """Raises ``InvalidInput``; a file that is too large is not read."""
    try:
        if file.stat().st_size > FILE_MAX_BYTES:
            raise InvalidInput(f"{file} is larger than {FILE_MAX_BYTES // 1_000_000} MB; ask for a file of one day")
        with file.open("rb") as opened:
            return opened.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read ({error.strerror}); name a bank's register") from None


async def _show(desk: RegisterDesk, rail: str, day: date, everything: bool, as_json: bool) -> None:
    page = await desk.lines(rail, day, everything, limit=SHOWN)
    if as_json:
        print_json({"rail": rail, "day": day, "lines": page.rows, "count": page.count})
        return
    _print_rows(page.rows, "every line is in the books" if page.count == 0 else "")
    if page.count > len(page.rows):
        say(f"… {page.count - len(page.rows):,} more")


def _report(rows: list[RegisterRow], as_json: bool) -> None:
    if as_json:
        print_json({"lines": rows})
        return
    _print_rows(rows, "nothing is left to be booked")


def _print_rows(rows: "list[RegisterRow] | tuple[RegisterRow, ...]", empty: str) -> None:
    amounts = (whole("Register", "right"), whole("Journal", "right"))
    columns = (whole("Paid"), whole("Reference"), "Account", *amounts, whole("State"), "Decided")
    print_table(columns, rows, _line, empty=empty)


def _line(row: RegisterRow) -> tuple[str, ...]:
    register, booked = (
        "" if minor is None else format_amount(minor, row.currency) for minor in (row.amount_minor, row.booked_minor)
    )
    decided = f"{row.decision} by {row.decided_by}: {row.decided_why}" if row.decision else ""
    return utc(row.paid_at), row.reference, row.account, register, booked, row.state, decided


def _listed(day: RegisterDay) -> tuple[str, ...]:
    return str(day.day), day.rail, utc(day.taken_at) if day.taken_at else "", day.in_words
