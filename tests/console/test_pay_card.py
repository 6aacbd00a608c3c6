"""A customer at our page takes another card: it pays at once, the newer stays, and a stranger's is refused."""

import asyncio

import pytest
from temporalio.service import RPCError, RPCStatusCode

from billing.collections.stages import CollectionStage
from billing.period import Period
from clients.cards import Cards
from tests.bed import OCTOBER
from tests.console.conftest import Desk
from tests.console.visitors import address

PAID = "Paid, thank you"


async def test_another_card_pays_at_once_and_is_the_card_of_the_months_to_come(desk: Desk) -> None:
    await desk.overdue("decline:expired_card")
    text = (await desk.browser.get(desk.page())).text
    assert "The card has expired." in text
    assert "Confirm and pay" not in text
    assert address(await desk.browser.post(f"{desk.page()}/pay")) == desk.page()
    assert len(desk.bed.objects("charge")) == 1, "the bank's last word stands"
    checkout = address(await desk.browser.post(f"{desk.page()}/card"))
    back = address(await desk.browser.post(checkout, data={"card": "pm_card_mastercard"}))
    assert back.startswith(f"{desk.page()}/card?session_id=cs_")
    first, again = await asyncio.gather(desk.browser.get(back), desk.browser.get(back))
    assert address(first) == address(again) == desk.page()
    await desk.shows(PAID)
    await desk.all_done()  # the webhook tells the same
    month = await desk.bed.month("acme")
    assert month.customer.card_on_file.last4 == "4444"
    diary = await desk.bed.ledger.diary("acme", Period(OCTOBER))
    assert {decision.via for decision in month.decisions} == {"customer"}
    assert "replace_card (customer)" in [entry.title for entry in diary]
    assert desk.bed.charged() == [(OCTOBER, 10000)]
    assert len([each for each in desk.bed.objects("charge") if each["status"] == "succeeded"]) == 1


async def test_a_customer_who_never_comes_back_from_the_card_page_has_changed_the_card_all_the_same(desk: Desk) -> None:
    await desk.overdue("decline:expired_card")
    checkout = address(await desk.browser.post(f"{desk.page()}/card"))
    await desk.browser.post(checkout, data={"card": "pm_card_visa"})
    assert (await desk.settled()).outcome is CollectionStage.RECOVERED


async def test_of_two_cards_the_newer_stays_whichever_is_told_last(desk: Desk) -> None:
    month = await desk.overdue("decline:stolen_card")
    await desk.bed.stripe_control("webhooks", {"url": None})
    returns = []
    for card, hours in (("pm_card_visa", 0), ("pm_card_mastercard", 1)):
        await desk.bed.stripe_control("clock", {"advance_seconds": hours * 3600})
        checkout = address(await desk.browser.post(f"{desk.page()}/card"))
        returns.append(address(await desk.browser.post(checkout, data={"card": card})))
    for back in reversed(returns):
        await desk.browser.get(back)
        await desk.shows(PAID)
    assert (await desk.bed.month("acme")).customer.card_on_file.last4 == "4444"
    assert (await desk.bed.month("acme")).customer.card_on_file.card_id != month.customer.card_on_file.card_id


async def test_a_card_registered_while_a_charge_is_under_way_is_taken_once_that_is_known(desk: Desk) -> None:
    month = await desk.overdue()
    await desk.bed.stripe_control("webhooks", {"url": None})
    checkout = address(await desk.browser.post(f"{desk.page()}/card"))
    await desk.bed.behaves(month.customer, "processing")
    await desk.browser.post(f"{desk.page()}/pay")
    back = address(await desk.browser.post(checkout, data={"card": "pm_card_mastercard"}))
    assert address(await desk.browser.get(back)) == desk.page()
    await desk.shows("Your payment is under way")
    intent = next(each for each in desk.bed.intents() if each["status"] == "processing")
    await desk.bed.stripe_control(f"payment_intents/{intent['id']}", {"behaviour": "decline:insufficient_funds"})
    await desk.shows(PAID)
    assert (await desk.bed.month("acme")).customer.card_on_file.last4 == "4444"
    assert desk.bed.charged() == [(OCTOBER, 10000)]


@pytest.mark.parametrize("outage", [TimeoutError(), RPCError("unreachable", RPCStatusCode.UNAVAILABLE, b"")])
async def test_a_card_that_cannot_be_taken_now_is_taken_later_without_a_webhook(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, outage: Exception
) -> None:
    await desk.overdue("decline:expired_card")
    await desk.bed.stripe_control("webhooks", {"url": None})
    checkout = address(await desk.browser.post(f"{desk.page()}/card"))
    back = address(await desk.browser.post(checkout, data={"card": "pm_card_visa"}))

    async def down(*_: str) -> str:
        raise outage

    with monkeypatch.context() as patched:
        patched.setattr(Cards, "finalize_card", down)
        assert address(await desk.browser.get(back)) == desk.page()
    await desk.shows(PAID)


async def test_a_customer_who_cancels_at_the_card_page_is_back_where_they_were(desk: Desk) -> None:
    await desk.overdue()
    checkout = address(await desk.browser.post(f"{desk.page()}/card"))
    assert address(await desk.browser.post(checkout, data={"answer": "cancel"})) == desk.page()
    session_id = checkout.rpartition("/")[2]
    refused = await desk.browser.get(f"{desk.page()}/card?session_id={session_id}")
    assert refused.status_code == 400
    assert "This card was not saved" in refused.text


async def test_a_registration_that_there_never_was_is_refused(desk: Desk) -> None:
    await desk.overdue()
    for session_id in ("", "cs_test_nobody", "../payment_intents", "cs_ü"):
        refused = await desk.browser.get(f"{desk.page()}/card", params={"session_id": session_id})
        assert refused.status_code == 400, (session_id, refused.text)


@pytest.mark.parametrize("reference", ["acme", "bolt"])
async def test_a_registration_of_somebody_else_is_refused(desk: Desk, reference: str) -> None:
    await desk.overdue()
    stranger = await desk.bed.customer("bolt")
    page = f"{desk.page()}/card"
    checkout = await desk.bed.adapters.payments.card_setup(stranger.card_on_file.payer_id, reference, page, desk.page())
    back = address(await desk.browser.post(checkout.url, data={"card": "pm_card_mastercard"}))
    refused = await desk.browser.get(back)
    assert refused.status_code == 400
    done = await desk.all_done()  # the webhook told of it too
    assert len([result for result in done.values() if result.startswith("nothing done: ")]) == 1
    assert (await desk.bed.month("acme")).customer.card_on_file.last4 == "4242"
    assert len(desk.bed.objects("charge")) == 1


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFailStolenCard", "pm_card_chargeCustomerFailLostCard"])
async def test_nobody_learns_from_us_that_a_card_was_reported(desk: Desk, card: str) -> None:
    await desk.overdue()
    checkout = address(await desk.browser.post(f"{desk.page()}/card"))
    await desk.browser.get(address(await desk.browser.post(checkout, data={"card": card})))
    text = await desk.shows("We need another card")
    assert "Only your bank can tell you why." in text
    for word in ("stolen", "lost", "fraud", "pickup"):
        assert word not in text.lower()
