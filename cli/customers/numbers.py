"""``numbers``: the account numbers and personal numbers by which customers pay in a bank's app."""

import getpass
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from billing.customers.account_numbers import PersonalKey, ServiceAccount, checked_number
from billing.errors import InvalidInput, NotFound
from bootstrap import connect_ledger
from cli.terminal.options import AsJson, By, CustomerId, Reason
from cli.terminal.output import print_json, print_table, say, utc, whole
from settings import load_settings

Typed = Annotated[str, typer.Option("--number", metavar="DIGITS", help="This number, with its check digit.")]
Another = Annotated[bool, typer.Option("--another", help="One more, beside the number that is open.")]
ToClose = Annotated[str, typer.Argument(metavar="NUMBER", help="The account number, as in the list.")]
Forget = Annotated[bool, typer.Option("--forget", help="Forget the personal number instead.")]


async def open_(
    customer_id: CustomerId,
    by: By,
    reason: Reason,
    number: Typed = "",
    another: Another = False,
    as_json: AsJson = False,
) -> None:
    """Give a customer an account number, to be typed in a bank's app.

    A customer who has one already keeps it. The last digit is a check digit: a mistyped number is nobody's.

    [bold]Examples[/bold]
    $ python starter.py numbers open acme --by ann --reason "contract 17"
    $ python starter.py numbers open acme --number 1000009 --by ann --reason "the number of the old system"
    """
    given = checked_number(number) if number else None
    async with connect_ledger(load_settings()) as ledger:
        account = await ledger.open_number(customer_id, given, by, reason, datetime.now(UTC), another)
    _print(account, as_json)


async def close(number: ToClose, by: By, reason: Reason, as_json: AsJson = False) -> None:
    """Close an account number for good; it is never given again. Who pays by it all the same, pays its customer.

    [bold]Example[/bold]
    $ python starter.py numbers close 1000009 --by ann --reason "moved away"
    """
    async with connect_ledger(load_settings()) as ledger:
        account = await ledger.close_number(checked_number(number), by, reason, datetime.now(UTC))
    _print(account, as_json)


async def list_(customer_id: CustomerId, as_json: AsJson = False) -> None:
    """List a customer's account numbers, and the last digits of their personal number.

    [bold]Example[/bold]
    $ python starter.py numbers list acme
    """
    async with connect_ledger(load_settings()) as ledger:
        accounts = await ledger.numbers_of(customer_id)
        personal = await ledger.personal_number(customer_id)
    if as_json:
        print_json({"numbers": accounts, "personal_number": personal})
        return
    columns = (whole("Number"), whole("Opened"), "By", "Why", "Closed")
    print_table(columns, accounts, _listed, empty=f"{customer_id} has no account number")
    if personal:
        say(f"personal number …{personal.last_four}, by {personal.by} on {utc(personal.at)}")


async def personal(customer_id: CustomerId, by: By, forget: Forget = False) -> None:
    """Keep a customer's personal number (IIN), by which they may pay, too; asks for it, or reads standard input.

    It is kept as a keyed digest with its last four digits, in place of the one before. The key is
    BILLING_PERSONAL_SECRET.

    [bold]Examples[/bold]
    $ python starter.py numbers personal acme --by ann
    $ python starter.py numbers personal acme --by ann --forget
    """
    settings = load_settings()
    if not settings.personal_key:
        raise InvalidInput("set BILLING_PERSONAL_SECRET first, 32 characters or more: it keys what is kept")
    async with connect_ledger(settings) as ledger:
        if forget:
            say(f"{customer_id}: {'forgotten' if await ledger.drop_personal(customer_id) else 'there was none'}")
            return
        if await ledger.customer(customer_id) is None:
            raise NotFound(f"the ledger does not know {customer_id}; see: python starter.py customers list")
        key = PersonalKey.of(_asked(), settings.personal_key)
        await ledger.keep_personal(customer_id, key.digest, key.last_four, by, datetime.now(UTC))
    say(f"{customer_id}: personal number …{key.last_four} is kept")


def _asked() -> str:
    """Never an argument: other users of the machine see those, and a shell keeps them."""
    return (getpass.getpass("personal number: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()


def _print(account: ServiceAccount, as_json: bool) -> None:
    if as_json:
        print_json(account)
        return
    state = f"closed {utc(account.closed_at)}" if account.closed_at else f"open since {utc(account.opened_at)}"
    say(f"{account.number}: account number of {account.customer_id}, {state}")


def _listed(account: ServiceAccount) -> tuple[str, ...]:
    closed = f"{utc(account.closed_at)} {account.closed_by}: {account.closed_why}" if account.closed_at else ""
    return account.number, utc(account.opened_at), account.opened_by, account.opened_why, closed
