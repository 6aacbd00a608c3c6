"""Whose sales are under an address, on SQLite and on PostgreSQL alike."""

import json
from typing import Any

from sqlalchemy import Connection, text

from adapters.sql.ledger import SqlLedger
from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine, SalesSeen
from billing.invoices.month import Month
from tests.contract.ledger_fixtures import AT, DECEMBER, INVOICE, NOVEMBER, opened, run
from tests.unit.months import decided


def drafted(customer_id: str, *emails: str) -> Month:
    sales = SalesSeen(sheet=NOVEMBER, digest="d", emails=emails)
    return opened(customer_id=customer_id).drafted(INVOICE.evolve(sales=sales))


async def test_an_address_leads_to_the_customers_whose_invoice_has_its_rows(ledger: SqlLedger) -> None:
    await ledger.record(drafted("acme", "a@x.example"), AT)
    await ledger.record(drafted("ben", "b@x.example", 'c"%@x.example'), AT)
    await ledger.record(opened(customer_id="new"), AT)
    await ledger.record(opened(customer_id="byhand").drafted(INVOICE), AT)
    assert await ledger.drafted_from(NOVEMBER, "a@x.example") == ["acme"]
    assert await ledger.drafted_from(NOVEMBER, 'c"%@x.example') == ["ben"]
    assert await ledger.drafted_from(NOVEMBER, "nobody@x.example") == []
    assert await ledger.drafted_from(DECEMBER, "a@x.example") == []


async def test_what_the_sheet_said_comes_back_with_the_month(ledger: SqlLedger) -> None:
    month = drafted("acme", "a@x.example")
    changes = (ChangeLine(line_id="row-7", amount_minor=5),)
    month, decision = decided(
        month, Edit(by="ann", reason="x", period=NOVEMBER, version=1, changes=changes), AT, "test"
    )
    assert decision.accepted
    await ledger.record(month, AT)
    assert await ledger.month("acme", NOVEMBER) == month
    assert month.invoice is not None
    assert month.invoice.lines[0].in_sheet is not None
    assert month.invoice.lines[0].in_sheet.amount_minor == 2**40


async def test_a_month_recorded_without_fields_that_have_defaults_is_no_other(ledger: SqlLedger, url: str) -> None:
    month = opened().drafted(INVOICE)
    await ledger.record(month, AT)

    def forget(connection: Connection) -> Any:
        state = month.model_dump(mode="json")
        for name in ("sales", "left_out"):
            del state["invoice"][name]
        for line in state["invoice"]["lines"]:
            del line["in_sheet"]
        del state["drift"]
        connection.execute(text("UPDATE invoices SET state = :state"), {"state": json.dumps(state)})

    run(url, forget)
    assert await ledger.month("acme", NOVEMBER) == month
    await ledger.record(month, AT)
