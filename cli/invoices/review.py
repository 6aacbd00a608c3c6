"""``halt``, ``resume``, ``skip``, ``edit`` and ``approve``: a reviewer's commands to a running month.

Each is sent as a Temporal update and answered at once: done, or refused and why.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, NamedTuple

import typer

from billing.errors import BillingError, InvalidInput
from billing.invoices.month import Month
from billing.money import parse_amount
from bootstrap import connect_ledger
from cli.invoices.difference import digest_of, explained
from cli.invoices.invoices import print_invoice, recorded_month
from cli.terminal.options import CommandOptions
from cli.terminal.send import send
from settings import load_settings


async def halt(options: CommandOptions) -> None:
    """Halt a month: nothing is announced or charged until somebody resumes.

    [bold]Example[/bold]
    $ python starter.py halt acme --by ann --reason "row 7 looks wrong"
    """
    await send_plain(options, "halt")


async def resume(options: CommandOptions) -> None:
    """Resume a halted month, with at least the minimum window; also retries a failed step.

    [bold]Example[/bold]
    $ python starter.py resume acme --by ann --reason "row 7 is right after all"
    """
    await send_plain(options, "resume")


async def skip(options: CommandOptions) -> None:
    """Skip a month: it closes without a charge, and the next one begins.

    [bold]Example[/bold]
    $ python starter.py skip acme --by ann --reason "goodwill after the outage"
    """
    if options.period is None:
        month = await _month(options)
        if month.invoice is None and not month.outage:
            raise BillingError(
                f"{options.customer_id}: the sales of {month.period} are not imported yet; to skip it all the same add "
                f"--period {month.period}"
            )
        options = options._replace(period=month.period)
    await send_plain(options, "skip")


async def send_plain(options: CommandOptions, name: str) -> None:
    """Sends a command without fields of its own. With --period the ledger is not needed: a halt never waits."""
    await send(options, name, options.period or (await _month(options)).period, {})


class LineOptions(NamedTuple):
    """The options for lines; each may be repeated."""

    change: Annotated[
        list[str] | None, typer.Option(metavar="LINE=AMOUNT", help="Set the amount of a line, or of an unreadable row.")
    ] = None
    describe: Annotated[list[str] | None, typer.Option(metavar="LINE=TEXT", help="Set the text of a line.")] = None
    add: Annotated[list[str] | None, typer.Option(metavar="TEXT=AMOUNT", help="Add a line.")] = None
    remove: Annotated[list[str] | None, typer.Option(metavar="LINE", help="Remove a line or unreadable row.")] = None


async def edit(
    options: CommandOptions,
    lines: LineOptions,
    version: Annotated[
        int | None, typer.Option(metavar="N", help="The version you saw; without it, the one in the ledger now.")
    ] = None,
) -> None:
    """Edit the lines of a draft in one step; if it was announced already, a corrected notice follows.

    Every option for lines may be repeated. Amounts are in the invoice's currency, such as 12.50, or -5 for a credit.
    Lines have names such as row-7 (row 7 of the sheet) and added-1: python starter.py show CUSTOMER_ID

    [bold]Examples[/bold]
    $ python starter.py edit acme --by ann --reason "typo in the sheet" --change row-7=12.50
    $ python starter.py edit acme --by ann --reason "agreed discount" --add "Discount=-5.00" --remove row-9
    """
    month = await _month(options)
    currency = month.currency
    try:
        changes = _line_changes(currency, lines)
    except InvalidInput as error:
        raise InvalidInput(f"{options.customer_id}, {month.period}: {error}") from None
    if not changes:
        raise InvalidInput("nothing to edit; give --change, --describe, --add or --remove")
    _check_each_once(changes)
    base = version if version is not None else month.invoice.version if month.invoice else 0
    digest = await digest_of(month, base)
    async with explained(month, digest, options.as_json):
        await send(options, "edit", month.period, {"version": base, "digest": digest, "changes": changes})


async def approve(
    options: CommandOptions,
    digest: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Of the draft you saw; without it, the one in the ledger now.")
    ] = None,
) -> None:
    """Approve a draft, and show what was approved. Any later edit voids the approval.

    [bold]Examples[/bold]
    $ python starter.py approve acme --by bob --reason "as agreed"
    $ python starter.py approve acme --by bob --reason "as agreed" --digest 3f0c9a1be52d7744
    """
    month = await _month(options)
    current = month.invoice.digest if month.invoice else ""
    async with explained(month, digest or current, options.as_json):
        await send(options, "approve", month.period, {"digest": digest or current})
    if not options.as_json and digest in (None, current):
        print_invoice(month)


async def _month(options: CommandOptions) -> Month:
    async with connect_ledger(load_settings()) as ledger:
        return await recorded_month(ledger, options.customer_id, options.period)


def _line_changes(currency: str, lines: LineOptions) -> list[Mapping[str, object]]:
    """The options as changes of an ``Edit``. Raises ``InvalidInput`` for one that cannot be read."""
    changes: list[Mapping[str, object]] = []
    for line_id, amount in pairs("--change", "row-7=12.50", lines.change):
        changes.append({"op": "change", "line_id": line_id, "amount_minor": parse_amount(amount, currency)})
    for line_id, text in pairs("--describe", "row-7=Hosting", lines.describe):
        changes.append({"op": "change", "line_id": line_id, "description": text})
    for text, amount in pairs("--add", "Discount=-5.00", lines.add):
        changes.append({"op": "add", "description": text, "amount_minor": parse_amount(amount, currency)})
    return [*changes, *({"op": "remove", "line_id": line_id} for line_id in lines.remove or ())]


def _check_each_once(changes: list[Mapping[str, object]]) -> None:
    """Raises ``InvalidInput`` if two changes of an edit contradict each other: one would be lost."""
    counts = Counter(
        (change["line_id"], field)
        for change in changes
        for field in ("amount_minor", "description")
        if change["op"] == "remove" or (change["op"] == "change" and field in change)
    )
    for (line_id, _), count in counts.items():
        if count > 1:
            raise InvalidInput(f"{line_id} is changed twice; give one change for each line")


def pairs(option: str, example: str, texts: Iterable[str] | None) -> list[tuple[str, str]]:
    """The texts on both sides of ``=``: of the last one if an amount follows, else of the first."""
    pairs = []
    for text in texts or ():
        name, equals, value = text.partition("=") if option == "--describe" else text.rpartition("=")
        if not equals:
            raise InvalidInput(f"{option} {text!r} lacks =; write it like {option} {example!r}")
        if not name.strip() or not (value.strip() or option != "--describe"):
            raise InvalidInput(f"{option} {text!r} lacks a side of =; write it like {option} {example!r}")
        pairs.append((name.strip(), value.strip()))
    return pairs
