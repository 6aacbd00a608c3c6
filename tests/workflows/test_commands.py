"""People speak to a running month: by update, by signal, in time, too late, and in words that cannot be read."""

import asyncio
from datetime import timedelta
from typing import Any

from billing.commands import Halt, Resume
from billing.customers.customer import CustomerChanges, ReviewMode, Terms
from billing.invoices.commands import Approve, CloseAccount, Edit, Skip, UpdateCustomer
from billing.invoices.invoice import AddLine, ChangeLine, RemoveLine
from billing.invoices.stages import Stage
from billing.period import Period
from tests.bed import Bed
from tests.stops import text_of

ANN: dict[str, Any] = {"by": "ann", "reason": "checking"}
OCTOBER: dict[str, Any] = {**ANN, "period": Period("2026-10")}


async def test_a_halted_month_is_not_charged_until_resumed_and_then_has_its_whole_window(bed: Bed) -> None:
    month = await bed.monitored()
    halted = await bed.command("acme", Halt(**ANN))
    assert (halted.accepted, halted.stage) == (True, Stage.HALTED)
    await bed.skip("acme", timedelta(days=10))
    assert bed.charged() == []
    assert "acme, 2026-10 (100.00 EUR): halted by ann: checking" in await bed.told()
    assert bed.letters() == []
    resumed = await bed.command("acme", Resume(by="bob", reason="fine"))
    assert resumed.accepted
    after = await bed.month("acme")
    assert after.notice_at - after.decisions[-1].at == month.customer.terms.min_window
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 10000)]


async def test_an_edit_changes_what_is_charged_and_a_stale_one_is_refused_with_the_current_version(bed: Bed) -> None:
    await bed.monitored(sales=("100", "50"))
    changes = (
        ChangeLine(line_id="row-2", amount_minor=9000),
        RemoveLine(line_id="row-3"),
        AddLine(description="Fee", amount_minor=150),
    )
    assert (await bed.command("acme", Edit(**OCTOBER, version=1, changes=changes))).accepted
    stale = await bed.command("acme", Edit(**OCTOBER, version=1, changes=changes))
    assert not stale.accepted
    assert "version 2" in stale.result
    closed = await bed.closed()
    assert bed.charged() == [("2026-10", 9150)]
    assert [(each.command, each.accepted) for each in closed.decisions] == [("edit", True), ("edit", False)]


async def test_an_edit_in_the_last_call_voids_the_notice_and_sends_a_corrected_one(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.skip("acme", timedelta(hours=60))
    edit = Edit(**OCTOBER, version=1, changes=(ChangeLine(line_id="row-2", amount_minor=500),))
    assert (await bed.command("acme", edit)).accepted
    month = await bed.until("acme", lambda month: month.announced and month.notices == 2)
    assert month.notice is not None
    assert month.notice.delivered_at is not None
    assert month.charge_at - month.notice.delivered_at >= month.customer.terms.min_notice
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 500)]
    assert len(bed.mails("acme@example.com")) == 3


async def test_a_halt_in_the_last_call_stops_the_charge(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.skip_to("acme", month.charge_at - timedelta(seconds=30), beyond=timedelta())
    assert (await bed.command("acme", Halt(**ANN))).accepted
    await bed.skip("acme", timedelta(days=3))
    assert bed.charged() == []
    assert (await bed.command("acme", Skip(**ANN))).accepted
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert (await bed.recorded("acme", "2026-10")).outcome is Stage.SKIPPED
    assert bed.charged() == []


async def test_a_skipped_month_is_closed_without_a_charge(bed: Bed) -> None:
    await bed.monitored()
    assert (await bed.command("acme", Skip(**ANN))).accepted
    await bed.until("acme", lambda month: month.period == "2026-11")
    closed = await bed.recorded("acme", "2026-10")
    assert closed.outcome is Stage.SKIPPED
    assert bed.charged() == []


async def test_in_approve_mode_nothing_is_charged_without_an_approval_by_somebody_else(bed: Bed) -> None:
    month = await bed.monitored(terms=Terms(review_mode=ReviewMode.APPROVE))
    await bed.skip("acme", timedelta(days=10))
    assert bed.mails("acme@example.com") == []
    await bed.command(
        "acme",
        Edit(**OCTOBER, version=1, changes=(AddLine(description="Fee", amount_minor=100),)),
    )
    assert month.invoice is not None
    old = await bed.command("acme", Approve(by="bob", reason="ok", digest=month.invoice.digest))
    assert not old.accepted
    now = await bed.month("acme")
    assert now.invoice is not None
    own = await bed.command("acme", Approve(**ANN, digest=now.invoice.digest))
    assert not own.accepted
    assert "somebody else" in own.result
    assert (await bed.command("acme", Approve(by="bob", reason="ok", digest=now.invoice.digest))).accepted
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 10100)]


async def test_an_unreadable_amount_stops_the_month_until_a_reviewer_edits_the_row(bed: Bed) -> None:
    month = await bed.monitored(sales=("100", "'12,50"))
    assert "row 3 of worksheet 2026-10" in text_of(month.stopped)
    await bed.skip("acme", timedelta(days=10))
    assert bed.charged() == []
    assert "row 3 of worksheet 2026-10" in await bed.told()
    fixed = await bed.command(
        "acme",
        Edit(**OCTOBER, version=1, changes=(ChangeLine(line_id="row-3", amount_minor=1250),)),
    )
    assert fixed.accepted
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 11250)]


async def test_a_command_for_another_period_is_refused(bed: Bed) -> None:
    await bed.monitored()
    answer = await bed.command("acme", Skip(**ANN, period=Period("2026-09")))
    assert not answer.accepted
    assert "2026-10 is current" in answer.result


async def test_a_repeated_command_has_its_effect_once(bed: Bed) -> None:
    await bed.monitored()
    edit = Edit(
        **ANN,
        period=Period("2026-10"),
        command_id="c-1",
        version=1,
        changes=(AddLine(description="Fee", amount_minor=100),),
    )
    answers = [await bed.command("acme", edit) for _ in range(3)]
    assert [answer.accepted for answer in answers] == [True, True, True]
    month = await bed.month("acme")
    assert len(month.decisions) == 1


async def test_a_closed_account_ends_the_chain_after_its_month_with_the_reason_on_record(bed: Bed) -> None:
    await bed.monitored()
    assert (await bed.command("acme", CloseAccount(by="ann", reason="moved away"))).accepted
    month = await bed.announced()
    await bed.skip_to("acme", month.charge_at)
    farewell = await bed.handle("acme").result()
    assert (farewell.last_period, farewell.reason) == ("2026-10", "ann: moved away")
    assert bed.charged() == [("2026-10", 10000)]
    again = await bed.start(month.customer, reopen=True)
    assert again.period == "2026-11"


async def test_a_changed_email_reaches_the_running_month_and_the_ledger(bed: Bed) -> None:
    await bed.monitored()
    changes = CustomerChanges(email="New@example.com")
    assert (await bed.command("acme", UpdateCustomer(**ANN, changes=changes))).accepted
    await bed.announced()
    assert [mail.to for mail in bed.letters()] == ["New@example.com"]
    customer = await bed.ledger.customer("acme")
    assert customer is not None
    assert customer.email == "New@example.com"


async def test_a_command_that_the_month_before_answered_is_not_carried_out_again(bed: Bed) -> None:
    await bed.monitored()
    skip = Skip(**ANN, command_id="skip-1")
    assert (await bed.command("acme", skip)).accepted
    await bed.until("acme", lambda month: month.period == "2026-11")
    again = await bed.command("acme", skip)
    assert not again.accepted
    assert "answered in the month before" in again.result


async def test_another_card_in_the_last_call_is_announced_before_it_is_charged(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    other = await bed.another_card(month.customer)
    changes = CustomerChanges(payment_method=other.on_file.evolve(last4="1881"))
    assert (await bed.command("acme", UpdateCustomer(**ANN, changes=changes))).accepted
    await bed.until("acme", lambda month: month.notices == 2 and month.announced)
    assert (await bed.closed()).outcome is Stage.PAID
    assert "1881" in bed.mails("acme@example.com")[1].text


async def test_some_terms_can_be_changed_and_the_others_stay(bed: Bed) -> None:
    await bed.monitored(terms=Terms(min_window_hours=100))
    await bed.handle("acme").signal("update_customer", {**ANN, "changes": {"terms": {"review_mode": "approve"}}})
    month = await bed.until("acme", lambda month: bool(month.decisions))
    assert month.customer.terms == Terms(min_window_hours=100, review_mode=ReviewMode.APPROVE)
    await bed.handle("acme").signal("update_customer", {**ANN, "changes": {"terms": {"revew_mode": "monitor"}}})
    month = await bed.until("acme", lambda month: month.decision_count == 2)
    assert not month.decisions[-1].accepted


async def test_a_cancellation_in_the_temporal_ui_halts_the_month_and_does_not_end_the_chain(bed: Bed) -> None:
    await bed.monitored()
    await bed.handle("acme").cancel()
    month = await bed.until("acme", lambda month: month.halt is not None)
    assert month.decisions[-1].via == "cancellation"
    await bed.skip("acme", timedelta(days=10))
    assert bed.charged() == []
    assert (await bed.command("acme", Resume(**ANN))).accepted
    assert (await bed.closed()).outcome is Stage.PAID


async def test_a_cancellation_while_the_card_is_charged_does_not_interfere(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path="/confirm$", method="POST", kind="slow", seconds=1.5, times=1)
    skipping = asyncio.create_task(bed.skip_to("acme", month.charge_at))
    await bed.until("acme", lambda month: month.charging is not None)
    await bed.handle("acme").cancel()
    await skipping
    await bed.until("acme", lambda month: month.period == "2026-11")
    closed = await bed.recorded("acme", "2026-10")
    assert closed.outcome is Stage.PAID
    assert "charge of 2026-10 has begun" in closed.decisions[-1].result
    assert bed.charged() == [("2026-10", 10000)]
