"""Does something to each customer of a file, many at a time, and prints their outcomes as a table or JSON."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

import typer
from temporalio.client import Client

from billing.completeness.chains import restart
from billing.customers.account_numbers import AccountNumbers
from billing.customers.customer import Customer
from billing.customers.roster import Newcomer
from billing.errors import BillingError
from billing.model import Code, Count, Model, Words
from billing.period import Period
from bootstrap import Adapters
from cli.terminal.output import complain, explain, print_json, print_table, progress, say, whole
from clients.running_workflows import RunningWorkflows
from clients.start import StartBatch, StartStatus
from wording.remedies import command_line

REFUSED = "refused"
INVITED = "invited"
_AT_ONCE = 20
_BATCH = 200  # customers recorded in the ledger at once
_FEW = 100  # up to so many, each workflow is asked; for more, running ones are listed
_SHOWN = 100
L = TypeVar("L", int, int | None)
C = TypeVar("C", Customer, Newcomer)


class CustomerOutcome(Model):
    """The outcome for a customer, or for a row of the file: ``line`` is its line, the header being line 1."""

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
        for start in range(0, len(customers), _BATCH):
            rows = customers[start : start + _BATCH]
            own = [customer for _, customer in rows]
            async with StartBatch.of(own, client, adapters.ledger, adapters.payments, listed) as batch:
                started = await _at_once(rows, _starting(batch, period, reopen), advance)
            unrecorded = {failed.customer_id: failed.reason for failed in batch.unrecorded}
            outcomes += [_unrecorded(outcome, unrecorded.get(outcome.customer_id)) for outcome in started]
    return outcomes


async def numbered(
    ledger: AccountNumbers, outcomes: Sequence[CustomerOutcome], numbers: Mapping[int, Sequence[str]], name: str
) -> list[CustomerOutcome]:
    """Gives customers of a file the account numbers of their lines. What cannot be given refuses the line.

    ``name`` is the file's. A repeat changes nothing.
    """
    after = []
    for outcome in outcomes:
        try:
            for number in numbers.get(outcome.line or 0, ()) if outcome.status in list(StartStatus) else ():
                now = datetime.now(UTC)
                await ledger.open_number(outcome.customer_id, number, "the roster", f"imported from {name}", now)
            after.append(outcome)
        except BillingError as error:
            after.append(
                outcome.evolve(status=REFUSED, reason=f"it is billed, but without its account number: {error}")
            )
    return after


def _unrecorded(outcome: CustomerOutcome, reason: str | None) -> CustomerOutcome:
    if reason is None:
        return outcome
    words = f"it runs, but could not be recorded in the ledger: {reason}; once that is repaired, start it again"
    return outcome.evolve(status=REFUSED, reason=words)


def _starting(
    batch: StartBatch, period: Period | None, reopen: bool
) -> Callable[[L, Customer], Awaitable[CustomerOutcome]]:
    async def one(line: L, customer: Customer) -> CustomerOutcome:
        started = await batch.start(customer, period, reopen)
        reason = ""
        if started.chain.stands_still:
            reason = f"its workflow {started.chain.words}: {command_line(restart(customer.customer_id, started.chain))}"
        elif line and started.status is StartStatus.ALREADY_RUNNING:
            reason = difference(customer, batch.known(customer.customer_id).customer)
        return CustomerOutcome(line=line, reason=reason, **started.model_dump(exclude={"chain"}))

    return one


async def one_by_one(
    doing: str, rows: Sequence[tuple[L, C]], act: Callable[[L, C], Awaitable[CustomerOutcome]]
) -> list[CustomerOutcome]:
    """Does a few rows at a time, with a progress bar; the outcomes in the order of the rows.

    A row that fails for any reason is refused with the error's words; the others go on.
    """
    with _progress(doing, len(rows)) as advance:
        return await _at_once(rows, act, advance)


async def _at_once(
    rows: Sequence[tuple[L, C]], act: Callable[[L, C], Awaitable[CustomerOutcome]], advance: Callable[[int], None]
) -> list[CustomerOutcome]:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def tried(line: L, row: C) -> CustomerOutcome:
        async with limit:
            try:
                return await act(line, row)
            except Exception as error:  # of any kind: the others go on
                return CustomerOutcome(customer_id=row.customer_id, status=REFUSED, line=line, reason=explain(error))
            finally:
                advance(1)

    return await asyncio.gather(*(tried(line, row) for line, row in rows))


@contextmanager
def _progress(doing: str, total: int, done: Sequence[CustomerOutcome] = ()) -> Iterator[Callable[[int], None]]:
    """A progress bar. If interrupted, says everywhere how many were done."""
    try:
        with progress(doing, total) as advance:
            yield advance
    except asyncio.CancelledError:
        if len(done) < total and total > 1:
            text = f"interrupted: {len(done):,} of {total:,} are done, and some more; repeat the command to go on"
            complain(text, style="")
        raise


def difference(listed: Customer, recorded: Customer | None) -> str:
    """The fields in which a file differs from the ledger, for a customer who runs already and is not changed."""
    if recorded is None:
        return ""
    names = ("email", "phone", "name", "currency", "timezone")
    differing = [name for name in names if getattr(listed, name) != getattr(recorded, name)]
    if not recorded.payment_method.is_same(listed.payment_method):
        differing.append("card" if recorded.card and listed.card else "payment method")
    if not differing:
        return ""
    return f"unchanged: the file has another {', '.join(differing)}; see: python starter.py update --help"


def report(outcomes: list[CustomerOutcome], as_json: bool) -> None:
    """Prints the outcomes in the order of the file; exit code 1 if anything was refused.

    Of many customers only those with a reason are shown.
    """
    statuses = Counter(outcome.status for outcome in outcomes)
    shown = (*StartStatus, *([INVITED] if statuses[INVITED] else []), REFUSED)
    counts = {status: statuses[status] for status in shown}
    outcomes = sorted(outcomes, key=lambda outcome: outcome.line or 0)
    if as_json:
        print_json({"counts": counts, "customers": outcomes})
    else:
        rows = outcomes if len(outcomes) <= _SHOWN else [outcome for outcome in outcomes if outcome.reason]
        columns = ("Customer", whole("Result"), whole("From"), "Reason")
        print_table(columns, rows, _row, shown=_SHOWN, more="more with a reason; --json has them all")
        say(", ".join(f"{count:,} {status}" for status, count in counts.items()), style="bold")
    if counts[REFUSED]:
        raise typer.Exit(1)


def _row(outcome: CustomerOutcome) -> tuple[object, ...]:
    has_line = outcome.line and outcome.reason
    reason = f"line {outcome.line}: {outcome.reason}" if has_line else outcome.reason
    return outcome.customer_id, outcome.status, outcome.period or "", reason
