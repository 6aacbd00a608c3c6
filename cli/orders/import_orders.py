"""``orders import``: orders from a CSV file."""

import re
from pathlib import Path
from typing import Annotated

import typer

from billing.apart import why
from billing.model import Code, Count, Id, Minor, Model, Words
from billing.money import format_amount
from bootstrap import connect_adapters, connect_order_desk
from cli.customers.start import parsed_file, read_text
from cli.orders.order_options import digest_of
from cli.receivables.told import tell_reviewers
from cli.terminal.options import AsJson, By
from cli.terminal.output import SHOWN, print_json, print_table, progress, say, whole
from orders.order import OrderRequest
from orders.order_file import OrderFile, OrderProblem, parse_orders
from services.orders.desk import OrderDesk
from settings import load_settings

_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
OPENED, KNOWN, REFUSED = "opened", "known", "refused"


class OrderOutcome(Model):
    """What became of an order of the file; ``line`` is that of its first row, or of the row that is wrong."""

    line: Count
    number: Words
    customer_id: Id = ""
    price_minor: Minor | None = None
    currency: Code = ""
    status: Code
    reason: Words = ""


async def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file of orders.")],
    by: By,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be opened.")] = False,
    as_json: AsJson = False,
) -> None:
    """Open the orders of a CSV file; a repeat changes nothing, and retries what was refused.

    Columns: number, customer, name, currency, description, amount; optional are email, quantity, file (a path beside
    the CSV file, or a SHA-256), deposit (percent), tolerance, expires (such as 2026-12-24). Rows with the same number
    are the lines of one order; what concerns the whole order stands in its first row. Amounts are for a line's whole
    quantity. An order with a wrong row is refused, with the row's line; the others are opened.
    Exit code 0 if nothing was refused.

    [bold]Examples[/bold]
    $ python starter.py orders import orders.csv --by ann --dry-run
    $ python starter.py orders import orders.csv --by ann --json
    """
    settings = load_settings()
    found = parsed_file(file, read_text(file), lambda text: _parsed(text, file))
    async with connect_adapters(settings) as adapters:
        desk, outcomes = connect_order_desk(settings, adapters), list(map(_problem, found.problems))
        await adapters.ledger.order("")  # an unprepared ledger is one error, not one for each order
        with progress("looking" if dry_run else "opening", len(found.orders)) as advance:
            for line, request in found.orders.items():
                outcomes.append(await _opened(desk, line, request, by, dry_run))
                advance(1)
        if not dry_run:
            await tell_reviewers(settings, adapters)
    _report(outcomes, dry_run, as_json)


def _parsed(text: str, file: Path) -> OrderFile:
    def digest(cell: str) -> str:
        return cell if _DIGEST.fullmatch(cell) else digest_of(file.parent / cell)

    return parse_orders(text, load_settings().now(), digest)


def _problem(problem: OrderProblem) -> OrderOutcome:
    return OrderOutcome(**dict(problem), status=REFUSED)


async def _opened(desk: OrderDesk, line: int, request: OrderRequest, by: str, dry_run: bool) -> OrderOutcome:
    outcome = OrderOutcome(
        line=line,
        number=request.number,
        customer_id=request.buyer.customer_id,
        price_minor=request.agreed.price_minor,
        currency=request.currency,
        status=OPENED,
    )
    try:
        is_new = not await desk.is_known(request.number) if dry_run else await _is_new(desk, request, by)
    except Exception as error:  # of any kind: the others go on
        return outcome.evolve(status=REFUSED, reason=why(error))
    return outcome if is_new else outcome.evolve(status=KNOWN)


async def _is_new(desk: OrderDesk, request: OrderRequest, by: str) -> bool:
    return (await desk.open(request, by, "cli", load_settings().now())).is_new


def _report(outcomes: list[OrderOutcome], dry_run: bool, as_json: bool) -> None:
    outcomes.sort(key=lambda outcome: outcome.line)
    counts = {status: sum(one.status == status for one in outcomes) for status in (OPENED, KNOWN, REFUSED)}
    if as_json:
        print_json({"dry_run": dry_run, "counts": counts, "orders": outcomes})
    else:
        columns = (whole("Line", "right"), whole("Number"), "Customer", whole("Price", "right"), whole("Result"), "Why")
        print_table(columns, outcomes, _row, empty="the file has no orders", shown=SHOWN)
        say(", ".join(f"{count:,} {status}" for status, count in counts.items()), style="bold")
        if dry_run:
            say("nothing was opened: leave out --dry-run to do so")
    if counts[REFUSED]:
        raise typer.Exit(1)


def _row(outcome: OrderOutcome) -> tuple[object, ...]:
    price = "" if outcome.price_minor is None else format_amount(outcome.price_minor, outcome.currency)
    return outcome.line, outcome.number, outcome.customer_id, price, outcome.status, outcome.reason
