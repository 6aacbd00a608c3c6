"""A mail that is sent again: on record, in the audit trail, once for a click, and only while it is true."""

import asyncio
from datetime import UTC, datetime

from billing.collections.commands import WriteOff
from billing.period import Period
from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.console.conftest import Desk
from tests.console.reviewing import fields, readable, reviewer

PAGE = f"/desk/{OCTOBER}/invoices/acme"
ADDRESS = "acme@example.com"
AGAIN = f"{PAGE}/send-again"


async def test_a_notice_is_sent_again_on_record_and_audited(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.announced()
    async with reviewer(desk) as ann:
        page = await ann.browser.get(PAGE)
        assert "Send the charge notice again" in readable(page.text)
        sent = await ann.post(AGAIN, fields(page.text, AGAIN) | {"reason": "they cannot find it"})
        assert (sent.status_code, sent.headers["location"]) == (303, f"{PAGE}#mails-title")
        text = await ann.page()
        assert "sent again by ann: they cannot find it" in text
        audit = await ann.page("/desk/audit")
        assert "send again: notice they cannot find it" in audit
    first, again = desk.bed.mails(ADDRESS)
    assert first.text == again.text
    assert "corrects" not in again.text


async def test_two_presses_send_one_mail_and_an_impatient_third_is_asked_to_wait(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.closed()
    async with reviewer(desk) as ann:
        form = fields((await ann.browser.get(PAGE)).text, AGAIN) | {"reason": "for their books"}
        assert form["kind"] == "receipt", "the notice has been overtaken by the charge"
        presses = await asyncio.gather(*(ann.post(AGAIN, form) for _ in range(3)))
        assert {press.status_code for press in presses} == {303}
        assert (await ann.post(AGAIN, form)).status_code == 303
        other = fields((await ann.browser.get(PAGE)).text, AGAIN) | {"reason": "once more"}
        refused = await ann.post(AGAIN, other)
        assert refused.status_code == 409
        assert "wait five minutes" in readable(refused.text)
    receipts = [mail for mail in desk.bed.mails(ADDRESS) if "Receipt" in mail.subject]
    assert len(receipts) == 2


async def test_what_is_not_true_any_more_is_not_sent(desk: Desk) -> None:
    await desk.overdue()
    async with reviewer(desk) as ann:
        form = {"kind": "notice", "command_id": "0" * 32, "reason": "why not"}
        refused = await ann.post(AGAIN, form)
        assert refused.status_code == 409
        assert "The charge that it announces has begun." in readable(refused.text)
        never = await ann.post(AGAIN, form | {"kind": "reminder"})
        assert "It was not sent before." in readable(never.text)
        for wrong in ({"kind": "welcome"}, {"reason": " "}, {"command_id": "x"}):
            assert (await ann.post(AGAIN, form | wrong)).status_code == 409
        await desk.bed.tell(WriteOff(by="ann", reason="agreed"))
    assert await desk.bed.ledger.messages("acme", Period("2026-12")) == []


async def test_under_the_brake_no_notice_goes_and_a_viewer_sends_none(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.announced()
    await desk.bed.ledger.pull_brake("ann", "last year's sheet", "cli", datetime.now(UTC))
    form = {"kind": "notice", "command_id": "0" * 32, "reason": "why not"}
    async with reviewer(desk) as ann:
        refused = await ann.post(AGAIN, form)
        assert "The emergency brake is on (ann: last year's sheet)" in readable(refused.text)
    async with reviewer(desk, "vic", Role.VIEWER) as vic:
        assert (await vic.post(AGAIN, form)).status_code == 403
        assert "Send the charge notice again" not in await vic.page()
    assert len(desk.bed.mails(ADDRESS)) == 1
