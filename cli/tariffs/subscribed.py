"""``subscribers tariff``, ``end-tariff``, ``fee``, ``discount``, ``end-discount``, ``limit`` and ``bill``."""

import hashlib
from datetime import date
from typing import Annotated, Protocol

import typer

from billing.customers.account_numbers import AccountKey, AccountNumbers, checked_number
from billing.customers.ports import CustomerStore
from billing.errors import InvalidInput, NotFound
from billing.money import format_amount, parse_amount
from billing.period import Period
from billing.tariffs.changes import AddDiscount, AddFee, EndDiscount, EndTariff, SetLimit, Subscribe, TariffChange
from billing.tariffs.items import Agreed, TariffItem
from billing.tariffs.lines import lines_of
from billing.tariffs.words import item_words
from bootstrap import connect_ledger
from cli.tariffs.tariffs import Code, day_option, print_log
from cli.terminal.options import AsJson, By, CustomerId, Reason, period_option
from cli.terminal.output import print_json, print_table, say, whole
from settings import load_settings

Account = Annotated[str, typer.Argument(metavar="NUMBER", help="The account number; see: numbers list.")]
Text = Annotated[str, typer.Option("--text", metavar="WORDS", help="What the customer reads on the bill.")]
Key = Annotated[
    str, typer.Option("--key", metavar="ID", help="Names it, so that it is added once; by default by its content.")
]
FirstMonth = Annotated[Period, period_option("The first month.", "--from")]
LastMonth = Annotated[Period | None, period_option("The last month; by default it has no end.", "--until")]


async def tariff(
    number: Account,
    code: Code,
    starts_on: Annotated[date, day_option("--from", "The first day; the tariff before ends on the day before.")],
    by: By,
    reason: Reason,
    ends_on: Annotated[date | None, day_option("--until", "The last day; by default it has no end.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give an account a tariff, or another one. The same again changes nothing.

    A month that has its draft is not changed any more: add a one-off fee or credit instead.

    [bold]Examples[/bold]
    $ python starter.py subscribers tariff 1000009 internet-100 --from 2026-11-20 --by ann --reason "contract 17"
    $ python starter.py subscribers tariff 1000009 internet-200 --from 2027-01-01 --by ann --reason "asked for it"
    """
    change = Subscribe(account=checked_number(number), tariff=code, starts_on=starts_on, ends_on=ends_on)
    await _agree(change, by, reason, as_json)


async def end_tariff(
    number: Account,
    ends_on: Annotated[date, day_option("--last", "The last day that is billed.")],
    by: By,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """End an account's tariff; one that would begin later is withdrawn.

    [bold]Example[/bold]
    $ python starter.py subscribers end-tariff 1000009 --last 2026-12-15 --by ann --reason "moves away"
    """
    await _agree(EndTariff(account=checked_number(number), ends_on=ends_on), by, reason, as_json)


async def fee(
    number: Account,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In the customer's currency; below 0: a credit.")],
    day: Annotated[date, day_option("--day", "The day; the fee is on the bill of its month.")],
    text: Text,
    by: By,
    reason: Reason,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Add a one-off fee, or a credit. The same again changes nothing; give a --key to two that are alike.

    [bold]Examples[/bold]
    $ python starter.py subscribers fee 1000009 5000 --day 2026-11-20 --text "Connection" --by ann --reason "task 7"
    $ python starter.py subscribers fee 1000009 --day 2026-12-01 --text "Credit" --by ann --reason "outage" -- -450.00
    """
    account = checked_number(number)
    async with connect_ledger(load_settings()) as ledger:
        minor = parse_amount(amount, await _currency(ledger, account))
    name = key or _content(account, day, minor, text)
    await _agree(AddFee(key=name, account=account, day=day, amount_minor=minor, text=text), by, reason, as_json)


async def discount(
    number: Account,
    off: Annotated[str, typer.Argument(metavar="OFF", help="10%, or an amount off a whole month, such as 500.")],
    starts_on: Annotated[date, day_option("--from", "The first day.")],
    ends_on: Annotated[date, day_option("--until", "The last day.")],
    text: Text,
    by: By,
    reason: Reason,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Take a percentage or an amount off an account's fee until a day. The same again changes nothing.

    [bold]Example[/bold]
    $ python starter.py subscribers discount 1000009 10% --from 2026-12-01 --until 2027-02-28 --text Winter
      --by ann --reason "campaign 4"
    """
    account, percent, minor = checked_number(number), None, None
    if off.endswith("%"):
        percent = _percent(off)
    else:
        async with connect_ledger(load_settings()) as ledger:
            minor = parse_amount(off, await _currency(ledger, account))
    values = {"starts_on": starts_on, "ends_on": ends_on, "percent": percent, "amount_minor": minor, "text": text}
    name = key or _content(account, *values.values())
    await _agree(AddDiscount.model_validate({"key": name, "account": account, **values}), by, reason, as_json)


async def end_discount(
    number: Account,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The discount's key; see: subscribers bill --json.")],
    ends_on: Annotated[date, day_option("--last", "The last day of the discount.")],
    by: By,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """End a discount earlier.

    [bold]Example[/bold]
    $ python starter.py subscribers end-discount 1000009 winter --last 2026-12-31 --by ann --reason "not entitled"
    """
    await _agree(EndDiscount(account=checked_number(number), key=key, ends_on=ends_on), by, reason, as_json)


async def limit(
    customer_id: CustomerId,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="The most that a month costs; none: no limit.")],
    starts_with: FirstMonth,
    by: By,
    reason: Reason,
    ends_with: LastMonth = None,
    as_json: AsJson = False,
) -> None:
    """Limit what all tariffs of a customer cost in a month, after discounts; one-off fees come on top.

    [bold]Examples[/bold]
    $ python starter.py subscribers limit acme 9000 --from 2026-12 --by ann --reason "contract 17"
    $ python starter.py subscribers limit acme none --from 2027-06 --by ann --reason "contract 18"
    """
    async with connect_ledger(load_settings()) as ledger:
        customer = await ledger.customer(customer_id)
    if customer is None:
        raise NotFound(f"the ledger does not know {customer_id}; see: python starter.py customers list")
    minor = None if amount == "none" else parse_amount(amount, customer.currency)
    if minor is not None and minor < 0:
        raise InvalidInput("a limit is not below 0; write none to end it")
    change = SetLimit(customer_id=customer_id, amount_minor=minor, starts_with=starts_with, ends_with=ends_with)
    await _agree(change, by, reason, as_json)


async def bill(
    customer_id: CustomerId,
    period: Annotated[Period | None, period_option("A month, such as 2026-11; by default the current one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what was agreed for a customer's accounts, and the lines that follow from it for a month.

    [bold]Example[/bold]
    $ python starter.py subscribers bill acme --period 2026-11
    """
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        customer = await ledger.customer(customer_id)
        if customer is None:
            raise NotFound(f"the ledger does not know {customer_id}; see: python starter.py customers list")
        wanted = period or Period.at(settings.now(), customer.timezone)
        agreed, log = await ledger.agreed(customer_id), await ledger.tariff_log(customer_id)
        lines = lines_of(wanted, agreed, customer.currency, await ledger.suspended_days(customer_id, wanted))
    if as_json:
        print_json({"items": agreed.items, "period": wanted, "lines": lines, "log": log})
        return
    _print_items(agreed, customer.currency)
    rows = [(line.description, format_amount(line.amount_minor, customer.currency)) for line in lines]
    total = format_amount(sum(line.amount_minor for line in lines), customer.currency)
    columns = ("Line", whole("Amount", "right"))
    print_table(columns, [*rows, ("Total", total)] if rows else [], tuple, title=f"{wanted}, as of now")
    print_log(log)


async def _agree(change: TariffChange, by: str, reason: str, as_json: bool) -> None:
    settings = load_settings()
    async with connect_ledger(settings) as ledger:
        agreed = await ledger.agree(change, by, reason, settings.now())
        customer = await ledger.customer(agreed.items[0].customer_id) if agreed.items else None
    if as_json:
        print_json({"items": agreed.items})
    else:
        _print_items(agreed, customer.currency if customer else "")


def _print_items(agreed: Agreed, currency: str) -> None:
    kept: list[TariffItem] = [item for item in agreed.items if item.is_real]
    rows = [(item.kind, item_words(item, currency), item.key) for item in kept]
    print_table(("What", "Agreed", "Key"), rows, tuple)
    if not kept:
        say("nothing was agreed; give an account a tariff: python starter.py subscribers tariff --help")


class _Book(AccountNumbers, CustomerStore, Protocol):
    """What it reads of the ledger."""


async def _currency(ledger: _Book, account: str) -> str:
    """That of the account's customer."""
    customer_id = await ledger.account_owner(AccountKey(number=account))
    customer = await ledger.customer(customer_id) if customer_id else None
    if customer is None:
        raise NotFound(f"account number {account} is no billed customer's; see: python starter.py customers list")
    return customer.currency


def _percent(text: str) -> int:
    digits = text.removesuffix("%").strip()
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:4]) <= 100):
        raise InvalidInput(f"{text!r} is no percentage; write it like 10%, from 1% to 100%")
    return int(digits)


def _content(*values: object) -> str:
    """A key by what it is: the same words again name the same item."""
    return hashlib.sha256(repr(tuple(map(str, values))).encode()).hexdigest()[:16]
