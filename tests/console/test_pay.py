"""A customer opens the link in our mail: what the page says, and what they can do there."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.collections.commands import WriteOff
from billing.collections.stages import CollectionStage
from billing.invoices.month import Month
from billing.keys import collection_id
from billing.period import Period
from bootstrap import connect_reconciliation
from tests.bed import OCTOBER
from tests.console.conftest import Desk
from tests.console.standing import paused, unpaused
from tests.console.visitors import address
from tests.debts import transferred

ANN: dict[str, Any] = {"by": "ann", "reason": "agreed with the customer"}
PAID = "Paid, thank you"


async def test_the_page_says_what_is_owed_and_why_and_paying_there_settles_it(desk: Desk) -> None:
    month = await desk.overdue(sales=("100", "50.50"))
    text = (await desk.browser.get(desk.page())).text
    assert "We could not charge your card" in text
    assert "there is not enough money available" in text
    for shown in ("Sale 1", "€100.00", "Sale 2", "€50.50", "Pay €150.50 now", "October 2026"):
        assert shown in text
    await desk.bed.behaves(month.customer, "succeed")
    assert address(await desk.browser.post(f"{desk.page()}/pay")) == desk.page()
    text = (await desk.browser.get(desk.page())).text
    assert PAID in text
    assert "Confirm" not in text
    assert (await desk.settled()).outcome is CollectionStage.RECOVERED
    assert desk.bed.charged() == [(OCTOBER, 15050)]


async def test_a_second_refusal_is_told_with_its_time_and_another_card_comes_first(desk: Desk) -> None:
    month = await desk.overdue()
    first = (await desk.browser.get(desk.page())).text
    assert "We tried your card on " in first
    assert "it was declined." in first
    assert first.index("Pay €100.00 now") < first.index("Use another card")
    await desk.bed.behaves(month.customer, "decline:insufficient_funds")
    assert address(await desk.browser.post(f"{desk.page()}/pay")) == desk.page()
    again = await desk.shows("it was declined again.")
    assert "We tried your card again on " in again
    assert again != first
    assert again.index("Use another card") < again.index("Pay €100.00 with the same card")
    assert "Confirm and pay" not in again


async def test_the_page_tells_the_account_number_for_banks_apps(desk: Desk) -> None:
    await desk.overdue()
    assert "account number" not in (await desk.browser.get(desk.page())).text
    await desk.bed.ledger.open_number("acme", "1000009", "ann", "contract 17", datetime.now(UTC))
    text = (await desk.browser.get(desk.page())).text
    assert "Or pay in Bank&#39;s app, Terminals, Local bank: your account number is <strong>1000009</strong>." in text
    await desk.bed.tell(WriteOff(**ANN))
    assert "1000009" not in await desk.shows("There is nothing to pay here")


async def owes_two(desk: Desk, behaviour: str = "decline:insufficient_funds") -> Month:
    """October and November: 100.00 and 30.00 EUR."""
    bed = desk.bed
    bed.sales("2026-11", ("acme@example.com", "30", "Sale"))
    bed.sales("2026-12")
    month = await bed.monitored()
    await bed.behaves(month.customer, behaviour)
    await bed.closed(period=OCTOBER)
    await bed.closed(period="2026-11")
    await bed.collects(lambda found: len(found.open_debts) == 2)
    return month


async def settled(desk: Desk, period: Period) -> None:
    await desk.bed.collects(lambda found: period not in [debt.period for debt in found.open_debts])


async def test_several_months_are_on_one_page_and_can_be_paid_all_at_once(desk: Desk) -> None:
    month = await owes_two(desk)
    text = await desk.shows("Your open payments")
    for shown in ("October 2026", "€100.00", "November 2026", "€30.00", "Pay €130.00 now"):
        assert shown in text
    await desk.bed.behaves(month.customer, "succeed")
    assert address(await desk.browser.post(f"{desk.page()}/pay")) == desk.page()
    await desk.shows(PAID)
    assert sorted(desk.bed.charged()) == [(OCTOBER, 10000), ("2026-11", 3000)]


async def test_one_of_several_months_is_paid_and_the_page_offers_the_rest(desk: Desk) -> None:
    month = await owes_two(desk)
    await desk.shows("Your open payments")
    await desk.bed.behaves(month.customer, "succeed")
    assert address(await desk.browser.post(f"{desk.page()}/pay?month={OCTOBER}")) == desk.page()
    await desk.shows("Pay €30.00 now")
    assert desk.bed.charged() == [(OCTOBER, 10000)]


async def test_a_bank_that_wants_to_see_the_customer_for_each_month_sees_them_one_after_the_other(desk: Desk) -> None:
    await owes_two(desk, "authentication_required")
    await desk.shows("Your open payments")
    for period in (OCTOBER, "2026-11"):
        bank = address(await desk.browser.post(f"{desk.page()}/pay"))
        assert bank.startswith(desk.bed.stripe_url)
        back = address(await desk.browser.post(bank, data={"authentication": "complete"}))
        assert f"month={period}" in back
        assert address(await desk.browser.get(back)) == desk.page()
        await settled(desk, Period(period))
    await desk.shows(PAID)


async def test_a_double_click_charges_once(desk: Desk) -> None:
    month = await desk.overdue()
    await desk.bed.behaves(month.customer, "succeed")
    clicks = await asyncio.gather(*(desk.browser.post(f"{desk.page()}/pay") for _ in range(5)))
    assert {address(click) for click in clicks} == {desk.page()}
    await desk.settled()
    assert desk.bed.charged() == [(OCTOBER, 10000)]
    assert len([each for each in desk.bed.objects("charge") if each["status"] == "succeeded"]) == 1


async def test_under_the_emergency_brake_the_page_offers_no_payment_and_takes_none(desk: Desk) -> None:
    month = await desk.overdue()
    await desk.bed.behaves(month.customer, "succeed")
    now = datetime.now(UTC)
    await desk.bed.ledger.pull_brake("ann", "last year's sheet", "cli", now)
    text = (await desk.browser.get(desk.page())).text
    assert "Payments are paused for the moment" in text
    assert "last year" not in text
    assert "<form" not in text
    assert address(await desk.browser.post(f"{desk.page()}/pay")) == desk.page()
    assert address(await desk.browser.post(f"{desk.page()}/card")) == desk.page()
    assert desk.bed.charged() == []
    await desk.bed.ledger.release_brake("ann", "mended", "cli", now)
    await desk.browser.post(f"{desk.page()}/pay")
    await desk.shows(PAID)


@pytest.mark.parametrize("accident", ["terminated", "paused"])
async def test_while_nobody_would_take_a_payment_the_page_says_that_we_look_into_it(desk: Desk, accident: str) -> None:
    month = await desk.overdue()
    await desk.bed.behaves(month.customer, "succeed")
    chain_id = collection_id("acme")
    if accident == "paused":
        await paused(desk.bed, chain_id=chain_id)
    else:
        await desk.bed.collection_handle().terminate("an accident")
    for path in ("", "/pay", "/card"):
        if path:
            assert address(await desk.browser.post(f"{desk.page()}{path}")) == desk.page()
        text = (await desk.browser.get(desk.page())).text
        assert "We are looking into this payment" in text
        assert "€100.00" in text
        assert "<form" not in text
    assert desk.bed.charged() == []
    if accident == "paused":
        await unpaused(desk.bed, chain_id=chain_id)
    else:
        books = connect_reconciliation(desk.bed.settings, desk.bed.adapters, desk.bed.client)
        await books.reconcile_period(month.period)
    await desk.shows("Pay €100.00 now")
    await desk.browser.post(f"{desk.page()}/pay")
    await desk.shows(PAID)
    assert desk.bed.charged() == [(OCTOBER, 10000)]


async def test_the_customer_confirms_at_the_banks_page(desk: Desk) -> None:
    await desk.overdue("authentication_required")
    assert "Your bank wants you to confirm it yourself" in (await desk.browser.get(desk.page())).text
    bank = address(await desk.browser.post(f"{desk.page()}/pay"))
    assert bank.startswith(desk.bed.stripe_url)
    assert address(await desk.browser.post(f"{desk.page()}/pay")) == bank, "a double click leads to the same page"
    back = address(await desk.browser.post(bank, data={"authentication": "complete"}))
    assert back.startswith(f"{desk.page()}/return?")
    assert address(await desk.browser.get(back)) == desk.page()
    await desk.shows(PAID)
    assert desk.bed.charged() == [(OCTOBER, 10000)]


async def test_a_customer_who_does_not_confirm_can_try_again(desk: Desk) -> None:
    await desk.overdue("authentication_required")
    bank = address(await desk.browser.post(f"{desk.page()}/pay"))
    back = address(await desk.browser.post(bank, data={"authentication": "fail"}))
    await desk.browser.get(back)
    await desk.shows("Confirm and pay")
    again = address(await desk.browser.post(f"{desk.page()}/pay"))
    assert again.startswith(desk.bed.stripe_url)
    await desk.browser.post(again, data={"authentication": "complete"})  # and never comes back: the webhook tells
    await desk.settled()
    assert desk.bed.charged() == [(OCTOBER, 10000)]


async def test_a_pending_page_looks_again_by_itself_and_not_for_ever(desk: Desk) -> None:
    month = await desk.overdue()
    await desk.bed.behaves(month.customer, "processing")
    await desk.browser.post(f"{desk.page()}/pay")
    assert '<meta http-equiv="refresh"' in await desk.shows("Your payment is under way")
    last = (await desk.browser.get(f"{desk.page()}?look=99")).text
    assert "refresh" not in last
    assert "Refresh" in last
    intent = next(each for each in desk.bed.intents() if each["status"] == "processing")
    await desk.bed.stripe_control(f"payment_intents/{intent['id']}", {"behaviour": "succeed"})
    assert "refresh" not in await desk.shows(PAID)


async def test_what_is_given_up_or_paid_otherwise_cannot_be_paid_by_card(desk: Desk) -> None:
    await desk.overdue()
    await transferred(desk.bed, 4000)
    text = await desk.shows("Please pay the rest by transfer")
    assert "€60.00" in text
    assert "-€40.00" in text
    for path in ("pay", "card"):
        assert f'{path}"' not in text
        assert address(await desk.browser.post(f"{desk.page()}/{path}")) == desk.page()
    await desk.bed.tell(WriteOff(**ANN))
    await desk.shows("There is nothing to pay here")
    assert desk.bed.charged() == []


async def test_the_link_of_a_month_that_was_paid_says_so(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.closed()
    assert PAID in (await desk.browser.get(desk.page())).text


async def test_links_that_are_old_forged_or_of_a_month_that_never_was_open_nothing(desk: Desk) -> None:
    await desk.overdue()
    old = desk.page(until=datetime.now(UTC) - timedelta(seconds=1))
    forged = desk.page().replace("acme", "bolt")
    for address_, status in ((old, 410), (forged, 404), (desk.page(period="2019-01"), 404), ("/pay/x", 404)):
        for answer in (await desk.browser.get(address_), await desk.browser.post(f"{address_}/pay")):
            assert answer.status_code == status
            assert "our mail" in answer.text
            assert "€" not in answer.text


async def test_forms_of_other_sites_are_refused(desk: Desk) -> None:
    await desk.overdue()
    for path in ("pay", "card"):
        answer = await desk.browser.post(f"{desk.page()}/{path}", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
    assert len(desk.bed.objects("charge")) == 1


async def test_every_answer_tells_browsers_what_to_refuse(desk: Desk) -> None:
    await desk.overdue()
    for path in (desk.page(), "/pay/x", "/nowhere", "/static/style.css", "/healthz"):
        headers = (await desk.browser.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert f"form-action 'self' {desk.bed.stripe_url}" in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("no-cache" if "static" in path else "no-store")


async def test_what_people_typed_is_shown_as_text(desk: Desk) -> None:
    await desk.overdue(name="<script>alert(1)</script> & \u202eSons")
    text = (await desk.browser.get(desk.page())).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Sons" in text
    assert "<script>" not in text
