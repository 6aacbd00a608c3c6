"""What became of each customer of a file: done many at a time with a progress bar, told in a table or as JSON."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from temporalio.client import Client

from billing.completeness.chains import restart
from billing.customers.customer import Customer
from billing.customers.roster import Newcomer
from billing.model import Code, Count, Model, Words
from billing.period import Period
from bootstrap import Adapters
from cli.terminal.output import console, errors, explain, plain, print_json, say, table, whole
from clients.running_workflows import RunningWorkflows
from clients.start import StartBatch, StartStatus

REFUSED = "refused"
_AT_ONCE = 20
_LOT = 200  # so many are told to the ledger at once
_FEW = 100  # of more, who runs is seen in a list; of these each is asked for
_SHOWN = 100
L = TypeVar("L", int, int | None)
C = TypeVar("C", Customer, Newcomer)


class CustomerOutcome(Model):
    """What became of a customer, or of a row of the file: ``line`` is its line, the header being line 1."""

    customer_id: Words
    status: Code
    period: Period | None = None
    line: Count | None = None
    reason: Words = ""


async def start_all(
    doing: str,
    client: Client,
    adapters: Adapters,
    customers: Sequence[tuple[L, Customer]],
    period: Period | None = None,
    reopen: bool = False,
) -> list[CustomerOutcome]:
    """Starts customers, a few at a time; the outcomes in their order. A repeat goes on where this was interrupted."""
    listed = (await RunningWorkflows(client).listed()).own if len(customers) > _FEW else None
    outcomes: list[CustomerOutcome] = []
    with _progress(doing, len(customers), outcomes) as advance:
        for start in range(0, len(customers), _LOT):
            part = customers[start : start + _LOT]
            whose = [each for _, each in part]
            async with StartBatch.of(whose, client, adapters.ledger, adapters.payments, listed) as lot:
                started = await _at_once(part, _starting(lot, period, reopen), advance)
            untold = {failed.customer_id: failed.reason for failed in lot.untold}
            outcomes += [
                _untold(each, untold[each.customer_id]) if each.customer_id in untold else each for each in started
            ]
    return outcomes


def _untold(outcome: CustomerOutcome, reason: str) -> CustomerOutcome:
    told = f"it runs, and the ledger could not be told: {reason}; once that is mended, start it again"
    return outcome.evolve(status=REFUSED, reason=told)


def _starting(
    lot: StartBatch, period: Period | None, reopen: bool
) -> Callable[[L, Customer], Awaitable[CustomerOutcome]]:
    async def one(line: L, customer: Customer) -> CustomerOutcome:
        started = await lot.start(customer, period, reopen)
        reason = ""
        if started.chain.stands_still:
            reason = f"its workflow {started.chain.words}: {restart(customer.customer_id, started.chain)}"
        elif line and started.status is StartStatus.ALREADY_RUNNING:
            reason = difference(customer, lot.known(customer.customer_id).customer)
        return CustomerOutcome(line=line, reason=reason, **started.model_dump(exclude={"chain"}))

    return one


async def one_by_one(
    doing: str, rows: Sequence[tuple[L, C]], one: Callable[[L, C], Awaitable[CustomerOutcome]]
) -> list[CustomerOutcome]:
    """Does a few rows at a time, and shows how far it is; the outcomes in the order of the rows.

    A row that fails, foreseen or not, is refused with the error's words; the others go on.
    """
    with _progress(doing, len(rows)) as advance:
        return await _at_once(rows, one, advance)


async def _at_once(
    rows: Sequence[tuple[L, C]], one: Callable[[L, C], Awaitable[CustomerOutcome]], advance: Callable[[], None]
) -> list[CustomerOutcome]:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def tried(line: L, row: C) -> CustomerOutcome:
        async with limit:
            try:
                return await one(line, row)
            except Exception as error:  # whatever it is, the others go on
                return CustomerOutcome(customer_id=row.customer_id, status=REFUSED, line=line, reason=explain(error))
            finally:
                advance()

    return await asyncio.gather(*(tried(line, row) for line, row in rows))


@contextmanager
def _progress(doing: str, total: int, done: Sequence[CustomerOutcome] = ()) -> Iterator[Callable[[], None]]:
    """A bar with the time that is left, on stderr in a terminal; interrupted, how far it came, also elsewhere."""
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        bar = progress.add_task("", total=total)
        try:
            yield lambda: progress.advance(bar)
        except asyncio.CancelledError:
            progress.stop()
            if len(done) < total and total > 1:
                text = f"interrupted: {len(done):,} of {total:,} are done, and some more; repeat the command to go on"
                errors.print(plain(text), soft_wrap=True)
            raise


def difference(listed: Customer, known: Customer | None) -> str:
    """What a file says otherwise than the ledger of a customer who runs already: it changes nothing."""
    if known is None:
        return ""
    names = ("email", "name", "currency", "timezone")
    differing = [name for name in names if getattr(listed, name) != getattr(known, name)]
    if not known.payment_method.is_same(listed.payment_method):
        differing.append("card")
    if not differing:
        return ""
    return f"unchanged: the file has another {', '.join(differing)}; see: python starter.py update --help"


def report(outcomes: list[CustomerOutcome], as_json: bool) -> None:
    """Prints what became of each, in the order of the file; exit code 1 if anything was refused.

    Of very many customers only those are shown of whom there is something to say.
    """
    found = Counter(outcome.status for outcome in outcomes)
    counts = {status: found[status] for status in (*StartStatus, REFUSED)}
    outcomes = sorted(outcomes, key=lambda outcome: outcome.line or 0)
    if as_json:
        print_json({"counts": counts, "customers": outcomes})
    else:
        shown = outcomes if len(outcomes) <= _SHOWN else [each for each in outcomes if each.reason]
        if shown:
            columns = ("Customer", whole("Result"), whole("From"), "Reason")
            console.print(table(columns, map(_row, shown[:_SHOWN])))
        if len(shown) > _SHOWN:
            say(f"… {len(shown) - _SHOWN:,} more with a reason; --json has them all")
        say(", ".join(f"{count:,} {status}" for status, count in counts.items()), style="bold")
    if found[REFUSED]:
        raise typer.Exit(1)


def _row(outcome: CustomerOutcome) -> tuple[object, ...]:
    has_line = outcome.line and outcome.reason
    reason = f"line {outcome.line}: {outcome.reason}" if has_line else outcome.reason
    return outcome.customer_id, outcome.status, outcome.period or "", reason
