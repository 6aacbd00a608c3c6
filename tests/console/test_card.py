"""A customer registers another card, by the link that is theirs."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.console.conftest import Desk
from tests.console.visitors import address, comes_back, enters_card


def link(desk: Desk, customer_id: str = "acme") -> str:
    return desk.links.to_card(customer_id, datetime.now(UTC) + timedelta(days=1))


async def test_another_card_is_the_customers_from_now_on(desk: Desk) -> None:
    await desk.bed.monitored()
    page = (await desk.browser.get(link(desk))).text
    assert "ends in" in page
    assert "@" not in page.partition("<footer>")[0]
    back = await enters_card(desk, address(await desk.browser.post(link(desk))), "pm_card_mastercard")
    assert "your new card is saved" in await comes_back(desk, back)
    assert (await desk.bed.month("acme")).customer.card_on_file.last4 == "4444"
    assert "your new card is saved" in await comes_back(desk, back), "a repeat changes nothing"
    await desk.all_done()
    said = (await desk.bed.month("acme")).decisions
    assert [each.result for each in said if each.accepted] == ["changed: payment_method"]
    assert {each.result for each in said if not each.accepted} <= {"nothing changes"}, "return and webhook at once"


async def test_who_never_comes_back_has_registered_it_all_the_same(desk: Desk) -> None:
    await desk.bed.monitored()
    await enters_card(desk, address(await desk.browser.post(link(desk))), "pm_card_mastercard")
    await desk.all_done()
    assert (await desk.bed.month("acme")).customer.card_on_file.last4 == "4444"


async def test_what_is_overdue_is_charged_to_it_at_once(desk: Desk) -> None:
    await desk.overdue("decline:expired_card")
    await comes_back(desk, await enters_card(desk, address(await desk.browser.post(link(desk)))))
    await desk.settled()
    assert desk.bed.charged() == [("2026-10", 10_000)]


async def test_while_the_brake_is_on_nothing_is_promised_to_be_charged_at_once(desk: Desk) -> None:
    await desk.bed.monitored()
    assert "charged to it at once" in (await desk.browser.get(link(desk))).text
    await desk.bed.ledger.pull_brake("ann", "last year's sheet", "cli", datetime.now(UTC))
    page = (await desk.browser.get(link(desk))).text
    assert "Payments are paused for the moment" in page
    assert "at once" not in page


async def test_while_a_charge_is_under_way_it_has_to_wait(desk: Desk) -> None:
    month = await desk.overdue()
    await desk.bed.stripe_control("webhooks", {"url": None})
    checkout = address(await desk.browser.post(link(desk)))
    await desk.bed.behaves(month.customer, "processing")
    await desk.browser.post(f"{desk.page()}/pay")
    assert "as soon as we know the outcome" in await comes_back(desk, await enters_card(desk, checkout))
    intent = next(each for each in desk.bed.intents() if each["status"] == "processing")
    await desk.bed.stripe_control(f"payment_intents/{intent['id']}", {"behaviour": "succeed"})
    await desk.shows("Paid, thank you")
    session_id = (await desk.bed.adapters.payments.card_page(checkout.rpartition("/")[2])).session_id
    await desk.all_done(f"return:acme:{session_id}")
    assert (await desk.bed.ledger.customer("acme")) is not None


async def test_somebody_elses_registration_or_none_is_refused(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.monitored("bolt", email="bolt@example.com")
    theirs = await enters_card(desk, address(await desk.browser.post(link(desk, "bolt"))), "pm_card_mastercard")
    for query in (theirs.partition("?")[2], "session_id=cs_test_nobody", "session_id=", ""):
        refused = await desk.browser.get(f"{link(desk)}/saved?{query}")
        assert refused.status_code == 400
        assert "This card was not saved" in refused.text
    assert (await desk.bed.month("acme")).customer.card_on_file.last4 == "4242"


def returns(desk: Desk) -> list[str]:
    return sorted(event_id for event_id in desk.events() if event_id.startswith("return"))


@pytest.mark.parametrize(
    "session_id", [".", "..", "cs_test_a/b", "cs_test_ü", "cs_test_x\n", "cs_test_" + "x" * 5000, "in_1"]
)
async def test_what_is_no_id_of_stripes_is_refused_without_asking_anybody(desk: Desk, session_id: str) -> None:
    await desk.bed.monitored()
    await desk.bed.stripe_fault(path="/v1/", kind="status", status=503, times=None, method="*")
    refused = await desk.browser.get(f"{link(desk)}/saved", params={"session_id": session_id})
    assert refused.status_code == 400
    assert returns(desk) == []


async def test_a_link_has_one_open_return_however_often_it_is_called(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.monitored("acme-2", email="acme2@example.com")
    await desk.bed.stripe_fault(path="/v1/", kind="status", status=503, times=None, method="*")
    for number in range(4):
        soon = await desk.browser.get(f"{link(desk)}/saved?session_id=cs_test_{number}")
        assert soon.status_code == 303
    await desk.browser.get(f"{link(desk, 'acme-2')}/saved?session_id=cs_test_9")
    stored = ["return:acme-2:cs_test_9", "return:acme:cs_test_0"]
    assert returns(desk) == stored
    await desk.bed.stripe_clear_faults()
    done = await desk.all_done(*stored)
    assert all(done[event_id].startswith("nothing done") for event_id in stored)


async def test_links_that_are_old_forged_or_of_nobody_open_nothing(desk: Desk) -> None:
    await desk.bed.monitored()
    old = desk.links.to_card("acme", datetime.now(UTC) - timedelta(seconds=1))
    pay = desk.page().replace("/pay/", "/card/")
    for address_, status in (
        (old, 410),
        (link(desk).replace("acme", "bolt"), 404),
        (link(desk, "nobody"), 404),
        (pay, 404),
        (link(desk).replace("/card/", "/pay/"), 404),
    ):
        assert (await desk.browser.get(address_)).status_code == status
    assert (await desk.browser.post(old)).status_code == 410
    refused = await desk.browser.post(link(desk), headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403


@pytest.mark.parametrize("saved", ["now", "<script>", "https://evil.example"])
async def test_the_page_shows_nothing_that_the_address_says(desk: Desk, saved: str) -> None:
    await desk.bed.monitored()
    text = (await desk.browser.get(link(desk), params={"saved": saved})).text
    assert saved == "now" or saved not in text
