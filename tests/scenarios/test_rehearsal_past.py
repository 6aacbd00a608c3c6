"""A rehearsal of months that ended long ago: billed late, from now on, in a private world."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.methods import CardOnFile
from billing.period import Period
from billing.sales.worksheet import COLUMNS, read_worksheet
from sandbox.rehearsal.book import Book, BookEntry, span
from sandbox.rehearsal.reality import RealSettings
from sandbox.rehearsal.run import rehearse
from sandbox.rehearsal.script import Script, ScriptedAction
from sandbox.rehearsal.sheets import Worksheets
from tests.unit.months import customer

FIRST, LAST = Period("2025-01"), Period("2025-03")
SALES = {"acme": "100.00", "quito": "12,50"}  # the second cannot be read


def _book() -> Book:
    periods = tuple(span(FIRST, LAST))
    people = [
        customer(
            customer_id=name,
            email=f"{name}@{name}.example",
            payment_method=CardOnFile(payer_id="cus_1", card_id=f"pm_{name}"),
        )
        for name in SALES
    ]
    entries = [BookEntry(Month.open(person, FIRST)) for person in people]
    rows = [[person.email, SALES[person.customer_id], "Sale"] for person in people]
    sheets = Worksheets({FIRST: read_worksheet(FIRST, [COLUMNS, *rows])}, dict.fromkeys(periods, FIRST), [])
    return Book("a test", entries, periods, sheets, {}, RealSettings("Example", "billing@example.com", "."))


async def test_months_that_ended_long_ago_are_billed_from_now_on(tmp_path: Path) -> None:
    began = datetime.now(UTC)
    said = {"by": "ann", "reason": "ask them", "period": FIRST}
    soon, later = (f"{began + timedelta(days=days):%Y-%m-%dT%H:%M}" for days in (2, 40))
    script = Script.model_validate(
        {
            "otherwise": {"stopped": "wait"},
            "say": [
                said | {"customer": "acme", "do": "halt"},
                said | {"customer": "quito", "do": "resume", "when": soon},
                said | {"customer": "quito", "do": "skip", "when": later, "period": LAST},
            ],
        }
    )
    result = await rehearse(_book(), script, tmp_path, lambda _: None)
    paid = {period: (month.outcome, month.invoice) for (_, period), month in result.closed.items()}
    assert [(period, outcome, invoice and invoice.total_minor) for period, (outcome, invoice) in paid.items()] == [
        (period, Stage.PAID, 10_000) for period in span(FIRST, LAST)
    ]
    assert all(month.closed and month.closed.at > began for month in result.closed.values())
    assert list(result.waiting) == ["quito"]
    (need,) = result.needs
    assert (need.customer_id, need.period) == ("quito", FIRST)
    assert need.did == "left to the script; then left waiting; later months are not rehearsed"
    outcomes = {outcome.do: outcome for outcome in result.commands}
    assert not outcomes[ScriptedAction.HALT].accepted
    assert outcomes[ScriptedAction.HALT].result == "its time was over when the rehearsal began"
    assert outcomes[ScriptedAction.RESUME].at >= datetime.fromisoformat(f"{soon}+00:00") - timedelta(hours=3)
    assert outcomes[ScriptedAction.SKIP].result == "the customer's chain had ended by then"
