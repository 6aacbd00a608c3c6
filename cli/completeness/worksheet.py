"""What ``doctor`` says of the newest worksheet: which columns it understands, and which rows it does not."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from billing.apart import Failed, why
from billing.customers.customer import Customer
from billing.errors import InvalidInput, LedgerUnavailable
from billing.invoices.invoice import Problem
from billing.period import Period
from billing.remedies import RemedyAction
from billing.sales.sales import SalesSnapshot, lines_for
from billing.sales.worksheet import ignored
from bootstrap import Adapters
from cli.terminal.output import counted
from wording.remedies import command_line


async def newest_worksheet(adapters: Adapters, decimal_separator: str) -> str:
    """How many worksheets there are, and how that of this month, or else the last one before, is understood.

    Raises ``SalesUnavailable`` if it is not, or cannot be read.
    """
    titles = await adapters.sales.ping()
    this_month = Period.at(datetime.now(UTC), "UTC")
    period = max((each for each in map(Period.read, titles) if each and each <= this_month), default=None)
    if period is None:
        return f"{counted(len(titles), 'worksheet')}, none of {this_month} or a month before"
    snapshot = await adapters.sales.read(period)
    customers: list[Customer] = []
    unread: list[Failed] = []
    with suppress(LedgerUnavailable):  # another line of the report says so
        customers = await adapters.ledger.customers(unread)
    told = [*understood(snapshot, period, customers, decimal_separator)]
    told += [f"{failed.customer_id} cannot be read: {failed.reason}" for failed in unread[:1]]
    return f"{counted(len(titles), 'worksheet')}; {period}: {'; '.join(told)}"


def understood(
    snapshot: SalesSnapshot, period: Period, customers: Sequence[Customer], decimal_separator: str
) -> Iterator[str]:
    """Its columns, its rows, and what of them is not read, in words."""
    rows = [row for row in snapshot.rows if not row.is_blank]
    yield counted(len(rows), "row")
    named = ", ".join(f"{column}: {header!r}" for column, header in snapshot.columns.items())
    yield named or "no header; columns by place: email, amount, description"
    if words := ignored(snapshot.ignored_columns, snapshot.no_sale):
        yield words
    owned, problems, refused = 0, list[Problem](), list[str]()
    for customer in customers:
        try:
            lines, unreadable = lines_for(customer, period, snapshot, decimal_separator)
        except Exception as error:
            text = why(error)
            refused.append(text if isinstance(error, InvalidInput) else f"{customer.customer_id}: {text}")
            continue
        owned += len(lines) + len(unreadable)
        problems += unreadable
    if problems:
        yield f"{len(problems)} cannot be read, row {problems[0].source.row} for instance: {problems[0].reason}"
    if refused:
        yield refused[0] + (f"; and {len(refused) - 1} more" if len(refused) > 1 else "")
    elif owned < len(rows) and customers:
        check = RemedyAction.CHECK_COVERAGE.of(period=period)
        yield f"{counted(len(rows) - owned, 'row')} under no customer's present address: {command_line(check)}"
