"""Who pays by bill opens the link in it: what the page says, and how they pay there."""

from datetime import UTC, datetime

from billing.period import Period
from billing.receivables.journal import Subject
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER
from tests.console.conftest import Desk

ANN, NUMBER = "ann-on-bills", "1234567897"
OF_OCTOBER = Subject.month(Period(OCTOBER))


async def billed(desk: Desk) -> str:
    """The address of the page in Ann's bill."""
    await desk.bed.monitored(ANN, payment_method={"kind": "bill"})
    await desk.bed.ledger.open_number(ANN, NUMBER, "ben", "connected", datetime.now(UTC))
    await desk.bed.closed(ANN)
    (mail,) = desk.bed.mails(f"{ANN}@example.com")
    assert NUMBER in mail.text
    return "/pay/" + mail.text.partition("/pay/")[2].split()[0]


async def test_the_page_of_a_bill_says_what_to_pay_until_when_and_by_which_number(desk: Desk) -> None:
    text = (await desk.browser.get(await billed(desk))).text
    for shown in ("Your bill", "€100.00", "Sale 1", NUMBER, "Please pay by", "Pay €100.00 by card"):
        assert shown in text
    assert "your card" not in text


async def test_a_bill_is_paid_by_any_card_on_a_page_of_its_own(desk: Desk) -> None:
    page = await billed(desk)
    link = await desk.browser.post(f"{page}/link?rail=stripe-link&month=")
    assert link.status_code == 303
    async with local_http() as http:
        await http.post(link.headers["location"], data={"card": "pm_card_visa", "answer": "pay"})
    await desk.all_done()
    assert (await desk.bed.ledger.balance(ANN)).owed_for(OF_OCTOBER, "eur") == 0
    await desk.bed.collection_handle(ANN).result()
    assert "Paid, thank you" in (await desk.browser.get(page)).text
