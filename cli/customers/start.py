"""``start``: begin billing customers, by id or from a CSV file. Each one is started, already running, or refused."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from billing.apart import why
from billing.customers.customer import Customer
from billing.customers.ports import CustomerStore
from billing.customers.roster import ignored_columns, numbers_in, parse_roster
from billing.errors import InvalidInput
from bootstrap import connect_adapters, connect_temporal
from bootstrap_texts import phone_reader
from cli.customers.outcomes import REFUSED, CustomerOutcome, numbered, report, start_all
from cli.terminal.options import AsJson, PeriodOption
from cli.terminal.output import complain
from settings import load_settings

_SEPARATORS = {"semicolons": ";", "tabs": "\t"}
T = TypeVar("T")
UNKNOWN = "the ledger does not know this customer; add it with: python starter.py start --from customers.csv"


async def start(
    customer_ids: Annotated[
        list[str] | None, typer.Argument(metavar="CUSTOMER_ID", help="Customers that the ledger knows.")
    ] = None,
    roster: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A CSV file of customers, new or known.")
    ] = None,
    period: PeriodOption = None,
    reopen: Annotated[bool, typer.Option("--reopen", help="Restart customers with a closed account.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start billing customers; a repeat changes nothing.

    Without --period a customer begins with the current month, or after the last closed one.
    A row that is refused is reported with its line; the others start. Exit code 0 if nothing was refused.
    Ten thousand take some minutes: each card is looked up at Stripe, 20 a second. If interrupted, repeat the command.

    The file needs the columns customer_id, email, name, currency, timezone, stripe_customer_id and
    payment_method_id; optional are account_number, review_mode (monitor, approve or manual), approve_when (such as
    first+edited), unusual_change_percent, unusual_above (an amount in the customer's currency) and terms (JSON).
    Without a card: pay_by (card or bill), phone, bill_by (mail, sms or mail+sms); email and card may be empty then.
    Other columns are ignored, with a warning; a column with nearly one of these names is refused with the file.

    [bold]Examples[/bold]
    $ python starter.py start --from customers.csv
    $ python starter.py start acme globex --period 2026-11
    """
    if bool(customer_ids) == bool(roster):
        raise InvalidInput("name customers, or a file: python starter.py start --from customers.csv")
    text, settings = read_text(roster) if roster else "", load_settings()
    read_phone = phone_reader(settings)
    parse = partial(parse_roster, read_phone=read_phone)
    listed, problems = rows_in(roster, text, parse) if roster else ({}, [])
    outcomes = [CustomerOutcome(status=REFUSED, **dict(problem)) for problem in problems]
    async with connect_adapters(settings) as adapters:
        await adapters.ledger.known([])  # an unprepared ledger is one error, not one for each customer
        client = await connect_temporal(settings)
        customers: list[tuple[int | None, Customer]] = [
            (line, customer.spread_over(settings.spread)) for line, customer in listed.items()
        ]
        known, refused = await _known(adapters.ledger, customer_ids or ())
        customers += ((None, customer) for customer in known)
        outcomes += refused
        outcomes += await start_all("starting", client, adapters, customers, period, reopen)
        if roster:
            outcomes = await numbered(adapters.ledger, outcomes, numbers_in(text, read_phone), roster.name)
    report(outcomes, as_json)


async def _known(ledger: CustomerStore, customer_ids: Iterable[str]) -> tuple[list[Customer], list[CustomerOutcome]]:
    """Customers that the ledger knows, and why others cannot be started."""
    known, refused = list[Customer](), list[CustomerOutcome]()
    for customer_id in customer_ids:
        reason = UNKNOWN
        try:
            if customer := await ledger.customer(customer_id):
                known.append(customer)
                continue
        except Exception as error:  # of any kind: the others start
            reason = why(error)
        refused.append(CustomerOutcome(customer_id=customer_id, status=REFUSED, reason=reason))
    return known, refused


def rows_in(path: Path, text: str, parse: Callable[[str], T]) -> T:
    """The parsed text of the file; columns that ``parse`` ignores are named on standard error.

    Raises ``InvalidInput`` with the file's name and the fault.
    """
    parsed = parsed_file(path, text, parse)
    if ignored := ignored_columns(text):
        complain(f"{path}: columns that are not read: {', '.join(ignored)}", style="yellow")
    return parsed


def parsed_file(path: Path, text: str, parse: Callable[[str], T]) -> T:
    """The parsed text of the file. Raises ``InvalidInput`` with the file's name and the fault."""
    try:
        return parse(text)
    except InvalidInput as error:
        first = next(iter(text.splitlines()), "")
        for name, sign in _SEPARATORS.items():
            if sign in first and "," not in first:
                raise InvalidInput(f"{path}: its cells are separated by {name}; save it with commas") from None
        raise InvalidInput(f"{path}: {error}") from None


def read_text(path: Path) -> str:
    """A UTF-8 file. Raises ``InvalidInput``."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}); name a CSV file of customers") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 (byte {error.start}); save it as CSV UTF-8") from None
