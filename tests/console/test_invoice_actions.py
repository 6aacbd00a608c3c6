"""What reviewers do on the page of an invoice: each action, by its form, and what becomes of it."""

import asyncio
from pathlib import Path

import pytest

from billing.commands import Halt, Resume
from billing.customers.customer import ReviewMode, Terms
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from billing.reviewers.users import Role
from console.reviewers.invoice import invoice as invoice_page
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, now, prepared_bed
from tests.console.conftest import Desk, console
from tests.console.reviewing import amounts, edited_by_bob, readable, reviewer
from worker import create_worker

PAGE = f"/desk/{OCTOBER}/invoices/acme"
APPROVED = Terms(review_mode=ReviewMode.APPROVE)


async def test_halt_and_resume_are_answered_at_once_and_on_record(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk, role=Role.REVIEWER) as ann:
        halted = await ann.result(await ann.send("halt", "row 2 looks wrong"))
        assert "Done. You halted it; nothing is announced or charged" in halted
        assert "A person is needed: halted by ann: row 2 looks wrong" in halted
        resumed = await ann.result(await ann.send("resume", "it is right"))
        assert "Done. Next:" in resumed
        assert "A person is needed" not in resumed
    decisions = (await desk.bed.month("acme")).decisions
    assert [(each.command, each.by, each.reason, each.via) for each in decisions] == [
        ("halt", "ann", "row 2 looks wrong", "console"),
        ("resume", "ann", "it is right", "console"),
    ]


async def test_a_double_click_and_a_reload_do_nothing_twice(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(desk) as ann:
        form = await ann.form("edit") | {"new-description": ["Discount"], "new-amount": ["-5"], "reason": "once"}
        clicks = await asyncio.gather(*(ann.post(f"{PAGE}/edit", form) for _ in range(4)))
        assert {click.status_code for click in clicks} == {303}
        assert (await ann.post(f"{PAGE}/edit", form)).status_code == 303, "a form sent again from the history"
        assert len({click.headers["location"] for click in clicks}) == 1
    month = await desk.bed.month("acme")
    assert amounts(month) == {"row-2": 10000, "row-3": 5000, "added-1": -500}
    assert len(month.decisions) == 1


async def test_an_approval_is_for_what_was_seen_and_not_by_the_last_editor(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"), terms=APPROVED)
    async with reviewer(desk, "bob") as bob, reviewer(desk) as ann:
        form = await ann.form("approve")
        await bob.result(await bob.send("edit", "typo", **{"amount:row-2": "80"}))
        refused = await ann.post(f"{PAGE}/approve", form | {"reason": "as agreed"})
        assert refused.status_code == 409
        text = readable(refused.text)
        assert "This invoice has changed" in text
        assert "Changed: Sale 1 €100.00 €80.00" in text
        assert 'value="as agreed"' in refused.text
        assert "Bob has edited this draft since it was approved or imported" in await bob.page()
        own = await bob.post(
            f"{PAGE}/approve", ann.form_in(refused.text, "approve") | {"reason": "mine", "csrf": bob.csrf}
        )
        assert own.status_code == 409
        assert "bob has edited this draft since it was approved or imported" in readable(own.text)
        text = await ann.result(await ann.post(f"{PAGE}/approve", await ann.form("approve") | {"reason": "as agreed"}))
    assert "Done. 130.00 EUR approved" in text


async def test_skip_closes_the_month_and_its_page_says_so(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        text = await ann.result(await ann.send("skip", "goodwill"))
    assert "Done. 2026-10 is closed without a charge" in text
    assert "Closed: Skipped" in text
    assert (await desk.bed.recorded("acme", OCTOBER)).outcome is Stage.SKIPPED


async def test_close_ends_the_account_after_this_month(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        text = await ann.result(await ann.send("close", "the contract has ended"))
        assert "Done. The account closes after" in text
        assert "last month: the account closes" in text
    assert (await desk.bed.month("acme")).leaving == "ann: the contract has ended"


async def test_a_command_for_a_month_that_has_passed_is_refused(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        form = await ann.form("halt")
        await desk.bed.closed()
        late = await ann.post(f"{PAGE}/halt", form | {"reason": "too late"})
    assert late.status_code == 409
    assert f"This was meant for {OCTOBER}, but 2026-11 is current now" in readable(late.text)


async def test_without_the_csrf_token_nothing_happens(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        form = await ann.form("halt") | {"reason": "forged"}
        forged = await ann.browser.post(f"{PAGE}/halt", data=form | {"csrf": "wrong"})
    assert forged.status_code == 403
    stranger = await local_http().post(f"{desk.browser.base_url}{PAGE}/halt", data=form)
    assert stranger.status_code == 403
    assert not (await desk.bed.month("acme")).decisions


async def test_a_command_that_nobody_answers_is_sent_again_with_the_same_id(
    server: TemporalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoice_page, "PAGE_PATIENCE_SECONDS", 0.5)
    async with prepared_bed(server, tmp_path, with_worker=False) as bed, console(bed) as desk, reviewer(desk) as ann:
        month = Month.open(await bed.customer("acme"), Period(OCTOBER))
        await bed.ledger.record(month, now())
        bed.started.append("acme")
        await bed.restart_by_hand(month)
        unanswered = await ann.send("halt", "row 2 looks wrong")
        assert unanswered.status_code == 504
        text = readable(unanswered.text)
        assert "sending it again is safe" in text
        assert "As last recorded; the workflow does not answer." in text
        form = ann.form_in(unanswered.text, "halt")
        assert form["reason"] == "row 2 looks wrong"
        monkeypatch.undo()
        async with create_worker(bed.client, bed.settings, bed.adapters):
            assert "Done. You halted it; nothing is announced or charged" in await ann.result(
                await ann.post(f"{PAGE}/halt", form)
            )
            assert len((await bed.month("acme")).decisions) == 1


async def test_a_skip_of_what_somebody_has_edited_meanwhile_is_refused_with_the_difference(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk, role=Role.APPROVER) as ann:
        seen = await ann.form("skip")
        await edited_by_bob(desk, 900_000)
        refused = await ann.post(f"{PAGE}/skip", seen | {"reason": "too small to bother"})
        assert refused.status_code == 409
        assert "€9,000.00" in readable(refused.text)
        assert (await desk.bed.month("acme")).outcome is None


async def test_a_resume_lets_go_of_the_halt_that_was_seen_and_of_no_other(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk, role=Role.REVIEWER) as ann:
        await ann.send("halt", "row 2 looks wrong")
        seen = await ann.form("resume")
        assert (await desk.bed.command("acme", Resume(by="bob", reason="it is right"))).accepted
        assert (await desk.bed.command("acme", Halt(by="carl", reason="fraud"))).accepted
        refused = await ann.post(f"{PAGE}/resume", seen | {"reason": "it is right"})
        assert refused.status_code == 409
        assert "halted by carl: fraud" in readable(refused.text)
        hold = (await desk.bed.month("acme")).halt
        assert hold is not None
        assert hold.by == "carl"
        assert "Done" in await ann.result(await ann.send("resume", "spoke to carl"))
