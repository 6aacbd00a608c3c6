"""What monitors and reviewers see of orders that are paid and not released, or the other way round."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.period import Period
from billing.receivables.incoming import PaymentKind
from billing.subscribers.service import Change, ServiceCause, ServiceState
from billing.tasks.task import NewTask, TaskKind
from orders.unreleased import PATIENCE
from tests.bed import OCTOBER, Bed
from tests.console.conftest import Desk
from tests.console.reviewing import reviewer
from tests.console.test_coverage import cover
from tests.ordering import amend, back, cancel, halt, payment, request
from tests.service_ordering import opened
from tests.typed import typed

PAID_AT = datetime.now(UTC) - PATIENCE - timedelta(minutes=1)
OPENED_AT = PAID_AT - timedelta(hours=1)


@pytest.fixture
async def ledger(bed: Bed) -> AsyncIterator[SqlLedger]:
    """One that tells nobody of what it writes, so that nothing but the tests goes on with an order."""
    bed.sales(OCTOBER)
    quiet = await SqlLedger.connect(bed.settings.ledger)
    yield quiet
    await quiet.close()


async def paid(ledger: SqlLedger, number: str, paid_at: datetime = PAID_AT) -> None:
    await ledger.open_order(request(number), OPENED_AT)
    await ledger.book(payment(10_000, number, number), paid_at)


async def lose_releases(bed: Bed) -> None:
    await bed.tamper("DELETE FROM releases")


async def numbers(desk: Desk) -> dict[str, str]:
    lines = (await desk.browser.get("/metrics")).text.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


async def test_a_lost_release_turns_the_switch_red_and_the_numbers_say_since_when(
    desk: Desk, ledger: SqlLedger
) -> None:
    await cover(desk.bed)
    await paid(ledger, "1042")
    await ledger.open_order(request("1043"), OPENED_AT)
    assert (await desk.browser.get("/healthz/billing")).status_code == 200
    assert (await numbers(desk))["billing_orders_unreleased"] == "0"
    await lose_releases(desk.bed)
    answer = await desk.browser.get("/healthz/billing")
    assert (answer.status_code, "1 order is paid and not released since" in answer.text) == (503, True)
    assert "1042" not in answer.text
    found = await numbers(desk)
    assert found['billing_orders{stage="AwaitingPayment"}'] == "1"
    assert found["billing_orders_unreleased"] == "1"
    since_paid = (datetime.now(UTC) - PAID_AT).total_seconds()
    assert 360 <= int(found["billing_orders_unreleased_seconds"]) <= since_paid


async def test_a_halt_and_the_brake_do_not_turn_the_switch_red_nor_does_what_was_paid_just_now(
    desk: Desk, ledger: SqlLedger
) -> None:
    await cover(desk.bed)
    await ledger.open_order(request("1042"), OPENED_AT)
    await ledger.change_order("1042", halt(), OPENED_AT)
    await ledger.book(payment(10_000), PAID_AT)
    assert (await desk.browser.get("/healthz/billing")).status_code == 200
    await paid(ledger, "1043", datetime.now(UTC))
    await lose_releases(desk.bed)
    assert (await desk.browser.get("/healthz/billing")).status_code == 200
    await desk.bed.tamper("UPDATE transactions SET at = ?", str(PAID_AT)[:26])
    assert (await desk.browser.get("/healthz/billing")).status_code == 503
    await ledger.pull_brake("ann", "wrong file", "cli", datetime.now(UTC))
    assert (await desk.browser.get("/healthz/billing")).status_code == 200


async def planted(bed: Bed, ledger: SqlLedger) -> None:
    """Each of the three questions has an answer."""
    await paid(ledger, "lost")
    await lose_releases(bed)
    await ledger.open_order(request("halted"), OPENED_AT)
    await ledger.change_order("halted", halt(), OPENED_AT)
    await ledger.book(payment(10_000, "h", "halted"), PAID_AT)
    await paid(ledger, "unpaid")
    await ledger.book(back(2_500, payment(10_000, "unpaid", "unpaid"), PaymentKind.CHARGEBACK), PAID_AT)
    await ledger.open_order(request("ended"), OPENED_AT)
    await ledger.change_order("ended", cancel(), OPENED_AT)
    await ledger.book(payment(700, "e", "ended"), PAID_AT)


async def test_command_and_page_answer_alike_and_lead_to_the_order(desk: Desk, ledger: SqlLedger) -> None:
    await planted(desk.bed, ledger)
    code, output = await typed(desk.bed, "coverage", "--period", OCTOBER, "--json")
    assert code == 1
    found = json.loads(output)
    kinds = {finding["order_number"]: finding["kind"] for finding in found["findings"]}
    assert kinds == {
        "lost": "order paid, not released",
        "halted": "order paid, not released",
        "unpaid": "order released, not paid",
        "ended": "money of an ended order",
    }
    await cover(desk.bed)
    async with reviewer(desk) as ann:
        page = (await ann.browser.get(f"/desk/{OCTOBER}/coverage")).text
    for finding in found["findings"]:
        assert f'<a href="/desk/orders/{finding["order_number"]}">{finding["text"]}</a>' in page
    assert '<a class="button" href="/desk/orders/halted">Resume order</a>' in page


async def test_what_is_found_of_a_buyer_with_an_account_leads_to_pages_that_are_there(
    desk: Desk, ledger: SqlLedger
) -> None:
    account = (await opened(ledger, OPENED_AT)).account
    assert account is not None
    on = Change(ServiceState.ACTIVE, ServiceCause.CONNECTED, "connect", OPENED_AT, "ann", "by hand")
    await ledger.change_service(account, on)
    cut = NewTask(kind=TaskKind.DISCONNECT, key="cut", customer_id="dana", account=account, due_at=PAID_AT)
    task = await ledger.open_task(cut, OPENED_AT)
    await cover(desk.bed)
    async with reviewer(desk) as ann:
        page = (await ann.browser.get(f"/desk/{OCTOBER}/coverage")).text
        links = {f"/desk/subscribers/{account}", f"/desk/tasks/{task.number}", "/desk/money/accounts/dana"}
        assert links <= set(re.findall(r'href="(/desk[^"]+)"', page))
        for link in links:
            assert (await ann.browser.get(link)).status_code == 200, link


async def test_only_what_is_news_is_told_and_once(bed: Bed, ledger: SqlLedger) -> None:
    await planted(bed, ledger)
    for number in (1, 2):
        await cover(bed, number)
    told = await bed.told()
    assert told.count("order lost of buyer is paid enough") == 1
    assert "order halted of buyer is paid enough" not in told, "who halts an order is reminded of it"


async def test_money_of_an_ended_order_is_told_once_however_much_is_left(bed: Bed, ledger: SqlLedger) -> None:
    await ledger.open_order(request("ended"), OPENED_AT)
    await ledger.book(payment(7_000, "early", "ended"), PAID_AT)
    await ledger.change_order("ended", cancel(), PAID_AT)
    await cover(bed, 1)
    await ledger.open_order(request("next"), PAID_AT)
    await ledger.change_order("next", amend(3_000), PAID_AT)
    await cover(bed, 2)
    november = Period(OCTOBER).next()
    bed.sales(november)
    await cover(bed, 3, (november, Period(OCTOBER)))
    told = await bed.told()
    assert told.count("came for order ended, which was cancelled") == 1
