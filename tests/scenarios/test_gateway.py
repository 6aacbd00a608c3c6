"""A month's bill is paid at the gateway: by the customer's page, by a link, with callbacks and without."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio

from billing.collections.stages import CollectionStage
from billing.invoices.stages import Stage
from billing.payments.checkouts import CheckoutState
from billing.period import Period
from billing.receivables.payment_list import PaymentFilter
from bootstrap import connect_alerts, connect_digest_trigger, connect_reconciliation
from bootstrap_gateways import connect_gateway_reader, connect_gateways
from sandbox.stand_ins.control import control, local_http
from sandbox.timeline import until
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed
from tests.console.conftest import Desk, console
from tests.typed import typed

RAIL = "wayforpay"
SAID = ("--month", OCTOBER, "--by", "ann", "--reason", "asked by phone")


@pytest_asyncio.fixture
async def desk(bed: Bed) -> AsyncIterator[Desk]:
    """A console to which the gateway's callbacks go."""
    async with console(bed) as opened:
        await control(bed.ports.wayforpay, "callbacks", {"interval_seconds": 0.1})
        yield opened


async def booked(bed: Bed) -> list[tuple[str, int]]:
    page = await bed.ledger.incoming_payments(PaymentFilter())
    return sorted((row.rail, row.amount_minor) for row in page.rows)


async def pay(url: str, answer: str = "pay") -> int:
    async with local_http() as http:
        return (await http.post(url, data={"answer": answer})).status_code


async def orders(bed: Bed) -> list[dict[str, Any]]:
    return list(await control(bed.ports.wayforpay, "orders", method="GET"))


async def test_a_customer_whose_card_was_declined_pays_at_the_gateway_and_the_collection_ends(
    desk: Desk, bed: Bed
) -> None:
    await desk.overdue()
    page = await desk.shows("by WayForPay")
    assert f"127.0.0.1:{bed.ports.wayforpay}" not in page, "there is no link before somebody asks for one"
    answer = await desk.browser.post(f"{desk.page()}/link?rail={RAIL}")
    assert answer.status_code == 303
    url = answer.headers["location"]
    assert url.startswith(f"http://127.0.0.1:{bed.ports.wayforpay}/invoice/")
    again = await desk.browser.post(f"{desk.page()}/link?rail={RAIL}")
    assert again.headers["location"] == url, "a double click opens one page"
    assert await pay(url, "decline") == 200
    another = (await desk.browser.post(f"{desk.page()}/link?rail={RAIL}")).headers["location"]
    assert another != url
    assert await pay(another) == 303
    assert (await desk.settled()).outcome is CollectionStage.RECOVERED
    assert await booked(bed) == [(RAIL, 10000)]
    assert bed.charged() == []
    await desk.shows("Paid, thank you")
    from_there = {"Sec-Fetch-Site": "cross-site", "Origin": "null"}
    returned = await desk.browser.post("/checkout/paid", data={"orderReference": "x"}, headers=from_there)
    assert (returned.status_code, "Thank you" in returned.text) == (200, True), "its page posts"
    assert (await desk.browser.post(f"{desk.page()}/link?rail={RAIL}")).headers["location"] == desk.page()
    assert (await desk.browser.post(f"{desk.page()}/link?rail=cash")).headers["location"] == desk.page()


async def test_a_bill_that_is_paid_by_link_before_its_charge_is_not_charged(desk: Desk, bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.is_on_record("acme", OCTOBER, lambda month: month.announced)
    given = ("payments", "link", "--customer", "acme", *SAID, "--rail", RAIL)
    console_port = desk.links.base_url.rpartition(":")[2]
    code, output = await typed(bed, *given, BILLING_CONSOLE_PORT=console_port)
    assert code == 0, output
    url, about = output.splitlines()
    assert about.startswith("acme, 2026-10: 100.00 EUR, until ")
    assert await pay(url) == 303

    async def is_booked() -> bool:
        return await booked(bed) == [(RAIL, 10000)]

    await until(is_booked, PATIENCE_SECONDS)
    month = await bed.closed()
    assert month.outcome is Stage.PAID
    assert bed.charged() == []
    (link,) = await bed.ledger.checkouts()
    assert link.state is CheckoutState.PAID
    code, output = await typed(bed, "payments", "link", "--customer", "acme", *SAID, "--rail", "cash")
    assert (code, "makes no payment links; name one of: stripe-link, wayforpay" in output) == (2, True), output


async def test_without_callbacks_the_list_is_read_and_reconciliation_agrees(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.is_on_record("acme", OCTOBER, lambda month: month.announced)
    code, output = await typed(bed, "payments", "link", "--customer", "acme", *SAID, "--rail", RAIL)
    assert code == 0, output
    await pay(output.splitlines()[0])
    alerts = connect_alerts(bed.settings, bed.adapters, connect_digest_trigger(bed.settings, bed.client))
    async with connect_gateway_reader(bed.settings, bed.adapters, alerts).open():

        async def is_booked() -> bool:
            return await booked(bed) == [(RAIL, 10000)]

        await until(is_booked, PATIENCE_SECONDS)
    assert (await bed.closed()).outcome is Stage.PAID
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    this_month = Period.at(datetime.now(UTC), "UTC")
    result = await books.reconcile_period(this_month)
    assert [(total.rail, total.register_minor, total.difference_minor) for total in result.rails] == [(RAIL, 10000, 0)]
    assert result.findings == ()
    assert (await books.reconcile_period(Period(OCTOBER))).findings == (), "nor is it missing at Stripe"
    (order,) = await orders(bed)
    await control(bed.ports.wayforpay, "orders", {"reference": order["reference"], "refund": "25.00"})
    (finding,) = (await books.reconcile_period(this_month)).findings
    assert finding.repaired
    assert await booked(bed) == [(RAIL, -2500), (RAIL, 10000)]


async def test_the_operator_gives_money_back_by_the_gateway(bed: Bed) -> None:
    async with local_http() as http:
        form = {"order": "1042", "amount": "25.50", "currency": "EUR"}
        url = f"http://127.0.0.1:{bed.ports.wayforpay}/static/test_merch_n1"
        reference = (await http.post(url, data=form)).text
    gateway = connect_gateways(bed.settings, bed.adapters)[RAIL]
    await gateway.look_up(reference, datetime.now(UTC))
    given = ("payments", "refund", RAIL, reference, "--by", "ann", "--reason", "goods", "--command-id", "r1")
    await control(bed.ports.wayforpay, "faults", {"kind": "drop_after", "path": "^/api/REFUND$"})
    code, output = await typed(bed, *given, "--amount", "5")
    assert (code, "python starter.py payments confirm r1" in output) == (1, True), output
    code, output = await typed(bed, "payments", "confirm", "r1", "--by", "bob", "--reason", "again")
    assert (code, "given back at WayForPay" in output) == (0, True), output
    assert await booked(bed) == [(RAIL, -500), (RAIL, 2550)]
    await control(bed.ports.wayforpay, "refunds", {"code": 1136})
    code, output = await typed(bed, *given[:-1], "r2", "--amount", "5")
    assert (code, "top it up" in output) == (1, True), output


async def test_the_doctor_names_each_shop(bed: Bed) -> None:
    rails = '{"one": {"kind": "gateway"}, "two": {"kind": "gateway"}}'
    _, output = await typed(bed, "doctor", "--json", BILLING_RAILS=rails)
    assert output.count("takes our signature") == 2, output
