"""The preview of the charge notice: the mail as it will be sent, or why none will."""

from billing.customers.customer import ReviewMode, Terms
from billing.invoices.month import Month
from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.console.conftest import Desk
from tests.console.reviewing import reviewer

PAGE = f"/desk/{OCTOBER}/invoices/acme"
NOTICE = f"{PAGE}/notice"


async def test_the_preview_is_the_mail_that_is_sent(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50.50"))
    async with reviewer(desk, role=Role.VIEWER) as vic:
        text = await vic.page(NOTICE)
    await desk.bed.announced()
    (mail,) = desk.bed.mails("acme@example.com")
    assert mail.subject in text
    assert " ".join(mail.text.split()).partition("Charge date")[0] in text
    assert "acme@example.com" in text


async def test_the_corrected_notice_can_be_seen_before_it_goes(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    await desk.bed.announced()
    async with reviewer(desk) as ann:
        await ann.result(await ann.send("halt", "look into it"))
        await ann.result(await ann.send("edit", "agreed", **{"amount:row-2": "80"}))
        text = await ann.page(NOTICE)
    assert "Halted by ann: look into it. After that, this goes out" in text
    assert "€130.00" in text


async def test_a_notice_that_was_sent_is_not_sent_again(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.announced()
    async with reviewer(desk) as ann:
        assert "The notice of this amount has been sent" in await ann.page(NOTICE)
        await desk.bed.closed()
        assert "The month is closed: paid" in await ann.page(NOTICE)


async def test_a_draft_that_waits_for_an_approval_shows_what_goes_out_after_it(desk: Desk) -> None:
    await desk.bed.monitored(terms=Terms(review_mode=ReviewMode.APPROVE))
    async with reviewer(desk) as ann:
        text = await ann.page(NOTICE)
    assert "100.00 EUR waits for an approval. After that, this goes out" in text
    assert "We will charge €100.00" in text


async def nothing_is_sent(desk: Desk, why: str) -> Month:
    async with reviewer(desk) as ann:
        text = await ann.page(NOTICE)
    assert why in text
    assert "Subject" not in text
    return await desk.bed.month("acme")


async def test_an_unreadable_row_stops_the_notice(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "12,50"))
    await nothing_is_sent(desk, "No notice goes out: row 3 of worksheet 2026-10 cannot be read")


async def test_nothing_to_charge_is_not_announced(desk: Desk) -> None:
    await desk.bed.monitored(sales=("0.20",))
    await nothing_is_sent(desk, "Nothing is charged, so nothing is announced; the month closes: carried forward")


async def test_no_amount_was_entered_by_hand_yet(desk: Desk) -> None:
    await desk.bed.monitored(terms=Terms(review_mode=ReviewMode.MANUAL))
    await nothing_is_sent(desk, "No amount has been entered yet")
