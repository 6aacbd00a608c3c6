"""``start``: begin billing customers, by id or from a CSV file. Each one is started, already running, or refused."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from temporalio.client import Client
from temporalio.service import RPCError

from billing.customer import Customer
from billing.errors import BillingError, InvalidInput
from billing.model import Model
from billing.period import Period
from billing.roster import Newcomer, RowProblem, parse_roster
from bootstrap import Adapters, connect_adapters, connect_temporal
from cli.options import AsJson, PeriodOption
from cli.output import console, errors, explain, print_json, say, table, whole
from settings import load_settings
from workflows.start import StartStatus, start_customer

AT_ONCE = 20
REFUSED = "refused"
_SEPARATORS = {"semicolons": ";", "tabs": "\t"}
T = TypeVar("T")
L = TypeVar("L", int, int | None)
C = TypeVar("C", Customer, Newcomer)
UNKNOWN = "the ledger does not know this customer; add it with: python starter.py start --from customers.csv"


class Outcome(Model):
    """What became of a customer, or of a row of the file: ``line`` is its line, the header being line 1."""

    customer_id: str
    status: str
    period: Period | None = None
    line: int | None = None
    reason: str = ""


async def start(
    customer_ids: Annotated[
        list[str] | None, typer.Argument(metavar="CUSTOMER_ID", help="Customers that the ledger knows.")
    ] = None,
    roster: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A CSV file of customers, new or known.")
    ] = None,
    period: PeriodOption = None,
    reopen: Annotated[bool, typer.Option("--reopen", help="Bill customers again whose account was closed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start billing customers; a repeat changes nothing.

    Without --period a customer begins with the current month, or goes on after the last one that is closed.
    A row that cannot be taken is reported with its line; the others start. Exit code 0 if nothing was refused.

    The file needs the columns customer_id, email, name, currency, timezone, stripe_customer_id and
    payment_method_id; optional are review_mode (monitor, approve or manual), approve_when (such as
    first+changed), unusual_change_percent and unusual_above (an amount in the customer's currency).

    [bold]Examples[/bold]
    $ python starter.py start --from customers.csv
    $ python starter.py start acme globex --period 2026-11
    """
    if bool(customer_ids) == bool(roster):
        raise InvalidInput("name customers, or a file: python starter.py start --from customers.csv")
    listed, problems = _customers_in(roster) if roster else ({}, [])
    outcomes = [Outcome(status=REFUSED, **dict(problem)) for problem in problems]
    settings = load_settings()
    async with connect_adapters(settings) as adapters:
        await adapters.ledger.customers()  # an unprepared ledger is one error, not one for each customer
        client = await connect_temporal(settings)
        customers: list[tuple[int | None, Customer]] = [
            (line, customer.spread_over(settings.spread)) for line, customer in listed.items()
        ]
        for customer_id in customer_ids or ():
            known = await adapters.ledger.customer(customer_id)
            customers += [(None, known)] if known else []
            outcomes += [] if known else [Outcome(customer_id=customer_id, status=REFUSED, reason=UNKNOWN)]
        outcomes += await _start_all(client, adapters, customers, period, reopen)
    report(outcomes, as_json)


def _customers_in(path: Path) -> tuple[dict[int, Customer], list[RowProblem]]:
    return rows_in(path, read_text(path), parse_roster)


def rows_in(path: Path, text: str, parse: Callable[[str], T]) -> T:
    """What ``parse`` makes of the file's text. Raises ``InvalidInput`` that names the file and what is wrong."""
    try:
        return parse(text)
    except InvalidInput as error:
        first = next(iter(text.splitlines()), "")
        if not first.strip():
            raise InvalidInput(f"{path} is empty, or its first row is; {str(error).rpartition('; ')[2]}") from None
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


async def _start_all(
    client: Client,
    adapters: Adapters,
    customers: list[tuple[int | None, Customer]],
    period: Period | None,
    reopen: bool,
) -> list[Outcome]:
    async def one(line: int | None, customer: Customer) -> Outcome:
        started = await start_customer(client, adapters.ledger, adapters.payments, customer, period, reopen)
        reason = ""
        if line and started.status is StartStatus.ALREADY_RUNNING:
            reason = _difference(customer, await adapters.ledger.customer(customer.customer_id))
        return Outcome(line=line, reason=reason, **dict(started))

    return await one_by_one("starting", customers, one)


async def one_by_one(
    doing: str, rows: Sequence[tuple[L, C]], one: Callable[[L, C], Awaitable[Outcome]]
) -> list[Outcome]:
    """Does ``AT_ONCE`` rows at a time, and shows how far it is; the outcomes in the order of the rows.

    A row that fails is refused with the error's words; the others go on.
    """
    limit = asyncio.Semaphore(AT_ONCE)
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        bar = progress.add_task("", total=len(rows))

        async def tried(line: L, row: C) -> Outcome:
            async with limit:
                try:
                    return await one(line, row)
                except (BillingError, RPCError) as error:
                    reason = explain(error)
                    return Outcome(customer_id=row.customer_id, status=REFUSED, line=line, reason=reason)
                finally:
                    progress.advance(bar)

        return await asyncio.gather(*(tried(line, row) for line, row in rows))


def _difference(listed: Customer, known: Customer | None) -> str:
    """What a file says otherwise than the ledger of a customer who runs already: it changes nothing."""
    names = ("email", "name", "currency", "timezone", "stripe_customer_id", "payment_method_id")
    differing = [name for name in names if known and getattr(listed, name) != getattr(known, name)]
    if not differing:
        return ""
    return f"unchanged: the file has another {', '.join(differing)}; see: python starter.py update --help"


def report(outcomes: list[Outcome], as_json: bool) -> None:
    """Prints what became of each, in the order of the file; exit code 1 if anything was refused."""
    found = Counter(outcome.status for outcome in outcomes)
    counts = {status: found[status] for status in (*StartStatus, REFUSED)}
    outcomes = sorted(outcomes, key=lambda outcome: outcome.line or 0)
    if as_json:
        print_json({"counts": counts, "customers": outcomes})
    else:
        rows = [
            (
                outcome.customer_id,
                outcome.status,
                outcome.period or "",
                f"line {outcome.line}: {outcome.reason}" if outcome.line and outcome.reason else outcome.reason,
            )
            for outcome in outcomes
        ]
        console.print(table(("Customer", whole("Result"), whole("From"), "Reason"), rows))
        say(", ".join(f"{count} {status}" for status, count in counts.items()), style="bold")
    if found[REFUSED]:
        raise typer.Exit(1)
