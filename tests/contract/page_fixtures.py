"""Months of customers in a ledger, for what reviewers read of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from adapters.sql.ledger import SqlLedger
from billing.commands import Halt
from billing.invoices.invoice import Invoice, LineItem, Source
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.period import Period
from billing.reviewers.queries import InvoiceFilter
from tests.contract.ledger_fixtures import ACME, AT, NOVEMBER, run

MONTH = InvoiceFilter(period=NOVEMBER)


def month(customer_id: str, amount_minor: int = 0, period: Period = NOVEMBER, **fields: Any) -> Month:
    """A customer's drafted month; without an amount, one that waits for its sales."""
    values = {"customer_id": customer_id, "email": f"{customer_id}@post.example", "name": customer_id.title()}
    opened = Month.open(ACME.evolve(**{**values, **fields}), period)
    if not amount_minor:
        return opened
    source = Source(sheet=period, row=2, digest="d")
    line = LineItem(line_id="row-2", description="Tea", amount_minor=amount_minor, source=source)
    return opened.drafted(Invoice(currency=opened.customer.currency, imported_at=AT, lines=(line,)))


def halted(drafted: Month, at: datetime = AT, reason: str = "row 7") -> Month:
    return decide(drafted, Halt(by="ann", reason=reason), at, "update")[0]


async def recorded(ledger: SqlLedger, *months: Month) -> None:
    for each in months:
        await ledger.record(each, AT)


def mark(url: str, customer_id: str, **columns: Any) -> None:
    """Sets columns of a customer's November."""
    sets = ", ".join(f"{name} = :{name}" for name in columns)
    statement = text(f"UPDATE invoices SET {sets} WHERE customer_id = :whose AND period = '2026-11'")
    run(url, lambda connection: connection.execute(statement, columns | {"whose": customer_id}))


async def listed(ledger: SqlLedger, **wanted: Any) -> list[str]:
    rows = await ledger.rows(MONTH.evolve(**wanted), 1)
    assert await ledger.count(MONTH.evolve(**wanted)) == len(rows)
    assert {each.customer_id for each in await ledger.seen(MONTH.evolve(**wanted))} == {r.customer_id for r in rows}
    return [row.customer_id for row in rows]
