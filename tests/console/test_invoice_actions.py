"""What reviewers do on the page of an invoice: each action, by its form, and what becomes of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from billing.commands import Halt, Resume
from billing.customers.customer import ReviewMode, Terms
from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from billing.reviewers.users import Role
from console.reviewers.invoice import invoice as invoice_page
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, now, prepared_bed
from tests.console.conftest import Desk, console
from tests.console.reviewing import readable, reviewer
from worker import create_worker

PAGE = f"/desk/{OCTOBER}/invoices/acme"
APPROVED = Terms(review_mode=ReviewMode.APPROVE)


async def edited_by_bob(desk: Desk, amount_minor: int = 8000, line_id: str = "row-2") -> Month:
    """Somebody else edits the draft meanwhile, from the command line."""
    seen = await desk.bed.month("acme")
    assert seen.invoice is not None
    change = ChangeLine(line_id=line_id, amount_minor=amount_minor)
    edit = Edit(by="bob", reason="typo", period=Period(OCTOBER), version=seen.invoice.version, changes=(change,))
    assert (await desk.bed.command("acme", edit)).accepted
    return await desk.bed.month("acme")


def amounts(month: Month) -> dict[str, int]:
    assert month.invoice is not None
    return {line.line_id: line.amount_minor for line in month.invoice.lines}


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


async def test_one_edit_adds_changes_describes_and_removes(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50", "25"))
    typed: dict[str, Any] = {
        "amount:row-2": "80.50",
        "description:row-3": "Hosting",
        "remove:row-4": "on",
        "new-description": ["Discount", "", ""],
        "new-amount": ["-5", "", ""],
    }
    async with reviewer(desk) as ann:
        text = await ann.result(await ann.send("edit", "as agreed", **typed))
    assert "Done. Version 2: 125.50 EUR" in text
    assert "Total €175.00 → €125.50" in text
    month = await desk.bed.month("acme")
    assert amounts(month) == {"row-2": 8050, "row-3": 5000, "added-1": -500}
    (edit,) = month.decisions
    assert (edit.by, edit.reason) == ("ann", "as agreed")


async def test_an_unreadable_row_gets_its_amount_and_the_month_goes_on(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "12,50"))
    async with reviewer(desk) as ann:
        text = await ann.result(await ann.send("edit", "it is 12.50", **{"amount:row-3": "12.50"}))
    assert "next: send the charge notice" in text
    assert "A person is needed: row" not in text
    assert amounts(await desk.bed.month("acme")) == {"row-2": 10000, "row-3": 1250}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"amount:row-2": "12,50"}, "'12,50' is not an amount in EUR; write it like 1234.50"),
    ({"amount:row-2": ""}, "the amount is empty"),
    ({"amount:row-2": "1.005"}, "'1.005' is not an amount in EUR"),
    ({"description:row-2": " "}, "enter a description"),
    ({"new-description": ["Discount"], "new-amount": ["five"]}, "'five' is not an amount in EUR"),
    ({"new-description": [""], "new-amount": ["5"]}, "enter a description"),
]


async def test_what_cannot_be_taken_is_marked_and_nothing_typed_is_lost(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(desk) as ann:
        form = await ann.form("edit") | {"reason": "my reason", "amount:row-3": "49.99"}
        for typed, says in WRONG:
            answer = await ann.post(f"{PAGE}/edit", form | typed)
            assert answer.status_code == 422
            assert says in readable(answer.text)
            assert "Nothing was saved" in answer.text
            again = ann.form_in(answer.text, "edit")
            kept = form | {"reason": "my reason", "amount:row-3": "49.99"} | typed
            for name in ("reason", "amount:row-2", "amount:row-3"):
                assert again[name] == kept[name], (typed, name)
            assert again["new-amount"][0] == (kept["new-amount"])[0]
    assert not (await desk.bed.month("acme")).decisions


async def test_an_edit_that_changes_nothing_and_one_without_a_reason_are_sent_back(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        nothing = await ann.send("edit")
        unreasoned = await ann.send("edit", " ", **{"amount:row-2": "80"})
        silent = await ann.send("halt", "")
    assert (nothing.status_code, unreasoned.status_code, silent.status_code) == (422, 422, 422)
    assert "Nothing was changed yet" in nothing.text
    assert "Say why" in unreasoned.text
    assert 'value="80"' in unreasoned.text
    assert "Say why" in silent.text
    assert not (await desk.bed.month("acme")).decisions


async def test_a_stale_edit_is_refused_with_the_difference_and_applied_again_by_one_button(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(desk) as ann:
        form = await ann.form("edit")
        await edited_by_bob(desk)
        typed = {"amount:row-3": "45.00", "new-description": ["Discount"], "new-amount": ["-5.00"]}
        refused = await ann.post(f"{PAGE}/edit", form | typed | {"reason": "my reason"})
        assert refused.status_code == 409
        text = readable(refused.text)
        assert "This invoice has changed: version 2 is current" in text
        assert "Since then bob made it €130.00" in text
        assert "Changed: Sale 1 €100.00 €80.00" in text
        assert "Apply to version 2" in text
        again = ann.form_in(refused.text, "edit")
        assert again["reason"] == "my reason"
        assert again["amount:row-2"] == "80.00", "what bob saved stays"
        assert again["command_id"] != form["command_id"], "the first id has its answer already"
        text = await ann.result(await ann.post(f"{PAGE}/edit", again))
    assert "Done. Version 3: 120.00 EUR" in text
    assert amounts(await desk.bed.month("acme")) == {"row-2": 8000, "row-3": 4500, "added-1": -500}


async def test_of_two_reviewers_who_edit_the_same_version_the_second_is_refused(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(desk) as ann, reviewer(desk, "carol") as carol:
        forms = [await each.form("edit") for each in (ann, carol)]
        typed = [{"amount:row-2": "90", "reason": "ann's"}, {"amount:row-2": "70", "reason": "carol's"}]
        answers = await asyncio.gather(
            *(
                each.post(f"{PAGE}/edit", form | mine)
                for each, form, mine in zip((ann, carol), forms, typed, strict=True)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    (refused,) = (answer for answer in answers if answer.status_code == 409)
    assert "This invoice has changed" in refused.text
    month = await desk.bed.month("acme")
    assert sorted(each.accepted for each in month.decisions) == [False, True]
    assert month.invoice is not None
    assert month.invoice.version == 2


async def test_a_line_that_is_gone_meanwhile_is_said_to_be_left_out(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(desk) as ann, reviewer(desk, "carol") as carol:
        form = await ann.form("edit")
        await carol.result(await carol.send("edit", "not ours", **{"remove:row-3": "on"}))
        refused = await ann.post(f"{PAGE}/edit", form | {"amount:row-3": "45", "amount:row-2": "90", "reason": "x"})
        text = readable(refused.text)
        assert refused.status_code == 409
        assert "Removed: Sale 2 €50.00" in text
        assert "No longer in this version, so your change to it is left out: Sale 2, 45" in text
        await ann.result(await ann.post(f"{PAGE}/edit", ann.form_in(refused.text, "edit")))
    assert amounts(await desk.bed.month("acme")) == {"row-2": 9000}


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


async def test_an_edit_in_the_last_call_is_announced_anew(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    await desk.bed.announced()
    async with reviewer(desk) as ann:
        page = await ann.page(f"{PAGE}/edit")
        assert "The customer has been told €150.00" in page
        await ann.result(await ann.send("edit", "agreed", **{"amount:row-2": "80"}))
    await desk.bed.until("acme", lambda month: month.notices == 2)


async def test_without_the_csrf_token_nothing_happens(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        form = await ann.form("halt") | {"reason": "forged"}
        forged = await ann.browser.post(f"{PAGE}/halt", data=form | {"csrf": "wrong"})
    assert forged.status_code == 403
    stranger = await local_http().post(f"{desk.browser.base_url}{PAGE}/halt", data=form)
    assert stranger.status_code == 403
    assert not (await desk.bed.month("acme")).decisions


async def test_a_bill_of_hundreds_of_lines_can_be_edited_without_script(desk: Desk) -> None:
    await desk.bed.monitored(sales=("1",) * 700)
    async with reviewer(desk) as ann:
        await ann.result(await ann.send("edit", "typo", **{"amount:row-701": "2"}))
    assert amounts(await desk.bed.month("acme"))["row-701"] == 200


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
