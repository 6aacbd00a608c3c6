"""Charged exactly what the sheet said when it was imported, and never by a guess: cases 8, 17 and 18."""

import asyncio
from datetime import timedelta

import pytest

from billing.invoices.stages import Stage
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed
from tests.stops import text_of


async def test_case_8_a_sheet_edited_after_the_import_does_not_change_what_is_billed(bed: Bed) -> None:
    await bed.monitored()
    bed.sales(OCTOBER, ("acme@example.com", "999", "Sale 1"))
    month = await bed.announced()
    assert month.notice is not None
    assert month.notice.total_minor == 10000
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 10000)]


async def test_case_17_amounts_are_charged_in_stripes_minor_units(bed: Bed) -> None:
    amounts = {"eur": ("12.50", 1250), "jpy": ("1200", 1200), "bhd": ("1.250", 1250), "isk": ("500", 50000)}
    customers = {currency: await bed.customer(currency, currency=currency) for currency in amounts}
    bed.sales(OCTOBER, *((customers[currency].mailbox, cell, "Sale") for currency, (cell, _) in amounts.items()))
    for customer in customers.values():
        await bed.start(customer, OCTOBER)
        await bed.drafted(customer.customer_id, OCTOBER)
    await asyncio.gather(*(bed.closed(currency, OCTOBER) for currency in amounts))
    for currency, (_, minor) in amounts.items():
        assert bed.charged(currency) == [(OCTOBER, minor)]


async def test_case_17_an_amount_that_could_mean_something_else_waits_for_a_person(bed: Bed) -> None:
    cells = ["1.234,56", "'12,50", "1,23.56", "12.505", "$12", "#REF!", "twelve"]
    customers = [await bed.customer(f"customer-{number}") for number in range(len(cells))]
    unclear = [(each.mailbox, cell, "Unclear") for each, cell in zip(customers, cells, strict=True)]
    bed.sales(OCTOBER, *unclear, *((each.mailbox, "100", "Clear") for each in customers))
    for customer in customers:
        await bed.start(customer, OCTOBER)
    for customer in customers:
        assert "cannot be read" in text_of((await bed.drafted(customer.customer_id, OCTOBER)).stopped)
    # past the instant of the charge
    await asyncio.gather(*(bed.skip(each.customer_id, timedelta(days=10)) for each in customers))
    assert bed.charged() == []
    for customer in customers:
        assert (await bed.month(customer.customer_id)).period == OCTOBER


@pytest.mark.parametrize("failure", ["missing", "renamed", "quota"])
async def test_case_18_a_sheet_that_cannot_be_read_bills_nobody_zero(bed: Bed, failure: str) -> None:
    customer = await bed.customer("acme")
    if failure == "renamed":
        bed.sales("2026-09", (customer.mailbox, "100", "Hosting"))
    if failure == "quota":
        bed.sales(OCTOBER, (customer.mailbox, "100", "Hosting"))
        await bed.sheets_fault(kind="rate_limit", times=None)
    await bed.start(customer, OCTOBER)
    await bed.skip("acme", timedelta(minutes=10))
    await bed.until("acme", lambda month: month.stage(month.import_at) is Stage.AWAITING_SALES and month.alerts == 1)
    assert bed.mails(customer.email) == []
    bed.sales(OCTOBER, (customer.mailbox, "100", "Hosting"))
    async with local_http() as http:
        (await http.delete(f"http://127.0.0.1:{bed.ports.sheets}/_control/faults")).raise_for_status()
    await bed.skip("acme", timedelta(hours=1))
    await bed.drafted("acme", OCTOBER)
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 10000)]
