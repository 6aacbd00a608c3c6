"""``tariffs``: what accounts can subscribe to."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated

import typer

from billing.customers.customer import Currency
from billing.customers.ladder import ladder_text, parse_ladder
from billing.errors import InvalidInput, NotFound
from billing.money import parse_amount
from billing.tariffs.ports import TariffLogEntry
from billing.tariffs.tariff import Prorated, Tariff, TariffVersion
from billing.tariffs.words import fee_words
from bootstrap import connect_ledger
from cli.receivables.registers import day_of
from cli.terminal.options import AsJson, By, Reason
from cli.terminal.output import print_json, print_table, say, utc, whole
from settings import load_settings

Code = Annotated[str, typer.Argument(metavar="CODE", help="The tariff's code, such as internet-100.")]
Fee = Annotated[str, typer.Option("--fee", metavar="AMOUNT", help="What a whole month costs, such as 4500.00.")]
By_days = Annotated[
    list[Prorated] | None,
    typer.Option("--by-days", help="Divide the fee by days there only; may be repeated. By default everywhere."),
]
Never = Annotated[bool, typer.Option("--whole-months", help="Never divide the fee by days.")]


def day_option(name: str, help: str) -> typer.models.OptionInfo:
    """An option that takes a day."""
    option: typer.models.OptionInfo = typer.Option(name, metavar="YYYY-MM-DD", parser=day_of, help=help)
    return option


async def add(
    code: Code,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="The name that customers read on their bills.")],
    fee: Fee,
    currency: Annotated[str, typer.Option("--currency", metavar="CODE", help="The currency of the fee, such as kzt.")],
    starts_on: Annotated[date, day_option("--from", "The first day on which an account can have it.")],
    by: By,
    reason: Reason,
    by_days: By_days = None,
    whole_months: Never = False,
    as_json: AsJson = False,
) -> None:
    """Add a tariff: a fee for each month. The same again changes nothing.

    By days is what a month costs in which the tariff starts, ends, changes, or is suspended; --by-days leaves only some
    of that (start, end, change, suspension), --whole-months nothing.

    [bold]Examples[/bold]
    $ python starter.py tariffs add internet-100 --name "Internet 100" --fee 4500 --currency kzt --from 2026-11-01
      --by ann --reason "price list of 2026"
    $ python starter.py tariffs add tv --name TV --fee 9.90 --currency eur --from 2026-11-01 --whole-months
      --by ann --reason "price list of 2026"
    """
    version = _version(fee, currency.lower(), starts_on, _rules(by_days, whole_months, Prorated))
    tariff = Tariff(code=code, name=name, currency=currency, versions=(version,))
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        _print(await ledger.add_tariff(tariff, by, reason, settings.now()), as_json)


async def change(
    code: Code,
    fee: Fee,
    starts_on: Annotated[date, day_option("--from", "The first day of the new fee; later than today.")],
    by: By,
    reason: Reason,
    by_days: By_days = None,
    whole_months: Never = False,
    as_json: AsJson = False,
) -> None:
    """Give a tariff another fee from a later day on, for everybody who has it. The same again changes nothing.

    [bold]Example[/bold]
    $ python starter.py tariffs change internet-100 --fee 4900 --from 2027-01-01 --by ann --reason "told in November"
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        known = {tariff.code: tariff for tariff in await ledger.tariffs()}
        if code not in known:
            raise NotFound(f"there is no tariff {code}; see: python starter.py tariffs list")
        rules = _rules(by_days, whole_months, known[code].versions[-1].prorated)
        version = _version(fee, known[code].currency, starts_on, rules)
        _print(await ledger.change_tariff(code, version, by, reason, settings.now()), as_json)


async def ladder(
    code: Code,
    rungs: Annotated[str, typer.Argument(metavar="RUNGS", help="Such as '1 remind, 7 warn, 14 suspend'; none.")],
    by: By,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Say what follows when subscribers of a tariff do not pay; none: the ladder of all customers.

    A customer whose own terms have a ladder keeps that. Collections that have begun keep theirs.

    [bold]Example[/bold]
    $ python starter.py tariffs ladder internet-100 "1 remind sms, 7 warn sms, 14 suspend" --by ann --reason "terms"
    """
    settings, wanted = load_settings(), () if rungs == "none" else parse_ladder(rungs)
    async with connect_ledger(settings) as ledger:
        _print(await ledger.set_ladder(code, wanted, by, reason, settings.now()), as_json)


async def end(
    code: Code,
    ends_on: Annotated[date, day_option("--last", "The last day on which somebody new can have it.")],
    by: By,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Offer a tariff no longer. Whoever has it keeps it, until they get another one.

    [bold]Example[/bold]
    $ python starter.py tariffs end internet-100 --last 2026-12-31 --by ann --reason "replaced by internet-200"
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        _print(await ledger.end_tariff(code, ends_on, by, reason, settings.now()), as_json)


async def list_(as_json: AsJson = False) -> None:
    """List all tariffs with their fees.

    [bold]Example[/bold]
    $ python starter.py tariffs list
    """
    async with connect_ledger(load_settings()) as ledger:
        tariffs = await ledger.tariffs()
    if as_json:
        print_json({"tariffs": tariffs})
        return
    columns = (whole("Code"), "Name", "Fees", whole("Offered until"))
    print_table(columns, tariffs, _listed, empty="there is no tariff; add one: python starter.py tariffs add --help")


async def show(code: Code, as_json: AsJson = False) -> None:
    """Show a tariff, and who has changed it.

    [bold]Example[/bold]
    $ python starter.py tariffs show internet-100
    """
    async with connect_ledger(load_settings()) as ledger:
        tariff = next((tariff for tariff in await ledger.tariffs() if tariff.code == code), None)
        log = await ledger.tariff_log(code=code)
    if tariff is None:
        raise NotFound(f"there is no tariff {code}; see: python starter.py tariffs list")
    if as_json:
        print_json({"tariff": tariff, "log": log})
        return
    _print(tariff, as_json)
    print_log(log)


def print_log(log: list[TariffLogEntry]) -> None:
    """Who has changed what, and why."""
    columns = (whole("At"), "By", "Change", "Why")
    print_table(columns, log, lambda entry: (utc(entry.at), entry.by, entry.text, entry.reason), title="Changes")


def _version(fee: str, currency: Currency, starts_on: date, prorated: Sequence[Prorated]) -> TariffVersion:
    return TariffVersion(starts_on=starts_on, fee_minor=parse_amount(fee, currency), prorated=tuple(prorated))


def _rules(by_days: list[Prorated] | None, whole_months: bool, otherwise: Iterable[Prorated]) -> list[Prorated]:
    if by_days and whole_months:
        raise InvalidInput("--by-days and --whole-months contradict each other; give one of them")
    chosen = [] if whole_months else by_days or [*otherwise]
    return [part for part in Prorated if part in chosen]


def _print(tariff: Tariff, as_json: bool) -> None:
    if as_json:
        print_json(tariff)
        return
    say(f"{tariff.code}: {tariff.name}" + (f", offered until {tariff.ended_on}" if tariff.ended_on else ""))
    for version in tariff.versions:
        say(f"  {fee_words(version, tariff.currency)}")
    if tariff.ladder:
        say(f"  if not paid: {ladder_text(tariff.ladder)}")


def _listed(tariff: Tariff) -> tuple[object, ...]:
    fees = "\n".join(fee_words(version, tariff.currency) for version in tariff.versions)
    return tariff.code, tariff.name, fees, tariff.ended_on or ""
