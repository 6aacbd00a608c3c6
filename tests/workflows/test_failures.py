"""The outside world fails: nobody is billed zero, nobody is charged twice, nobody is forgotten, and people are told."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.commands import Halt, Resume
from billing.customers.customer import CustomerChanges
from billing.invoices.commands import Edit, Skip, UpdateCustomer
from billing.invoices.invoice import ChangeLine
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from tests.bed import Bed, now
from tests.stops import text_of

pytestmark = pytest.mark.turns(2)

ANN: dict[str, Any] = {"by": "ann", "reason": "checking"}


async def test_a_missing_worksheet_is_awaited_and_never_becomes_a_bill_of_zero(bed: Bed) -> None:
    await bed.start(await bed.customer("acme"), "2026-10")
    await bed.skip("acme", timedelta(minutes=10))
    month = await bed.until("acme", lambda month: bool(month.outage))
    assert month.stage(now()) is Stage.AWAITING_SALES
    assert "2026-10" in text_of(month.outage)
    await bed.until("acme", lambda month: month.alerts == 1)
    await bed.skip("acme", timedelta(hours=12))
    assert len(await bed.digests()) == 1
    assert bed.mails("acme@example.com") == []

    bed.sales("2026-10", ("acme@example.com", "10", "Hosting"))
    await bed.skip("acme", timedelta(hours=1))
    await bed.until("acme", lambda month: month.invoice is not None)
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 1000)]


async def test_a_customer_whose_sales_are_awaited_can_be_skipped_at_once(bed: Bed) -> None:
    await bed.start(await bed.customer("acme"), "2026-10")
    await bed.skip("acme", timedelta(minutes=10))
    await bed.until("acme", lambda month: bool(month.outage))
    assert (await bed.command("acme", Skip(**ANN))).accepted
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert (await bed.recorded("acme", "2026-10")).outcome is Stage.SKIPPED


@pytest.mark.parametrize("kind", ["drop_after", "html_502", "garbage_200", "rate_limit", "drop_before"])
@pytest.mark.parametrize("path", ["/v1/payment_intents$", "/confirm$"])
async def test_a_charge_whose_answer_is_lost_is_looked_up_and_made_once(bed: Bed, path: str, kind: str) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.stripe_fault(
        path=path, method="POST", kind=kind, times=2, executed=kind not in ("rate_limit", "drop_before")
    )
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 10000)]
    assert len(bed.intents()) == 1


async def test_while_the_processor_is_down_the_month_is_unresolved_people_know_and_it_is_paid_once_later(
    bed: Bed,
) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path="/v1/payment_intents", method="*", kind="status", status=503, times=None)
    await bed.skip_to("acme", month.charge_at)
    await bed.skip("acme", timedelta(minutes=10))
    month = await bed.until("acme", lambda month: month.alerts == 1)
    assert month.stage(now()) is Stage.UNRESOLVED
    refused = await bed.command("acme", Skip(**ANN))
    assert not refused.accepted
    await bed.stripe_clear_faults()
    await bed.skip("acme", timedelta(hours=1))
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert bed.charged() == [("2026-10", 10000)]


async def test_a_wrong_api_key_waits_for_a_person_and_resume_tries_again(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path="/v1/payment_intents", method="*", kind="status", status=401, times=None)
    await bed.skip_to("acme", month.charge_at)
    month = await bed.until("acme", lambda month: bool(month.failure))
    assert month.stage(now()) is Stage.UNRESOLVED
    await bed.stripe_clear_faults()
    assert (await bed.command("acme", Resume(**ANN))).accepted
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert bed.charged() == [("2026-10", 10000)]


async def test_a_card_that_is_gone_closes_the_month_as_needing_a_card(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.announced()
    await bed.detach_card(month.customer.card_on_file.card_id)
    assert (await bed.closed()).outcome is Stage.NEEDS_CARD
    assert bed.charged() == []
    assert (await bed.month("acme")).period == "2026-11"


async def test_a_notice_that_is_refused_waits_for_a_person_and_nothing_is_charged_without_one(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.mail_faults({"action": "refuse", "recipient": "acme@example.com", "times": 1})
    await bed.skip_to("acme", month.notice_at)
    month = await bed.until("acme", lambda month: bool(month.failure))
    await bed.skip("acme", timedelta(days=20))
    assert bed.charged() == []
    update = UpdateCustomer(**ANN, changes=CustomerChanges(email="right@example.com"))
    assert (await bed.command("acme", update)).accepted
    assert (await bed.command("acme", Resume(**ANN))).accepted
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 10000)]
    assert len(bed.mails("right@example.com")) == 2


async def test_a_notice_that_leaves_late_moves_the_charge(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.mail_faults({"action": "defer", "recipient": "acme@example.com", "times": 9})
    await bed.skip_to("acme", month.notice_at)
    await bed.skip("acme", timedelta(hours=3))
    month = await bed.until("acme", lambda month: month.announced)
    assert month.notice is not None
    assert month.notice.delivered_at is not None
    assert month.charge_at - month.notice.delivered_at >= month.customer.terms.min_notice
    assert (await bed.closed()).outcome is Stage.PAID


async def test_a_lost_mail_reply_sends_the_same_mail_again_with_the_same_message_id(bed: Bed) -> None:
    await bed.monitored()
    await bed.mail_faults({"action": "drop_reply", "recipient": "acme@example.com", "times": 1})
    await bed.announced()
    first, second = bed.mails("acme@example.com")
    assert first.message_id == second.message_id


async def test_a_refused_receipt_does_not_hold_the_next_month(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.mail_faults({"action": "refuse", "recipient": "acme@example.com", "times": 1})
    closed = await bed.closed()
    assert closed.outcome is Stage.PAID
    statuses = {row.kind: row.status for row in await bed.ledger.messages("acme", closed.period)}
    assert statuses == {"notice": "sent", "receipt": "failed"}


@pytest.mark.parametrize("change", ["email", "skip", "halt"])
async def test_what_is_decided_while_the_notice_is_under_way_counts(bed: Bed, change: str) -> None:
    month = await bed.monitored()
    await bed.mail_faults({"action": "defer", "recipient": "acme@example.com", "times": 8})
    await bed.skip_to("acme", month.notice_at)
    await bed.until("acme", lambda month: month.notice is not None)
    commands = {
        "email": UpdateCustomer(**ANN, changes=CustomerChanges(email="new@example.com")),
        "skip": Skip(**ANN),
        "halt": Halt(**ANN),
    }
    assert (await bed.command("acme", commands[change])).accepted
    if change == "email":
        assert (await bed.closed()).outcome is Stage.PAID
        assert [mail.to for mail in bed.letters()] == ["new@example.com"] * 2
    elif change == "skip":
        await bed.until("acme", lambda month: month.period == "2026-11")
        assert bed.mails("acme@example.com") == []
    else:
        await bed.mail_faults()
        await bed.skip("acme", timedelta(days=10))
        assert bed.mails("acme@example.com") == []
        assert bed.charged() == []


async def test_a_halt_while_the_ledger_already_has_the_delivered_notice_holds(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run hears of both at once, and its revision is that of the ledger."""
    month = await bed.monitored()
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    assert (await bed.command("acme", Edit(**ANN, period=month.period, version=1, changes=(change,)))).accepted
    record, has_it, go_on = bed.ledger.record, asyncio.Event(), asyncio.Event()

    async def slowly(month: Month, at: datetime, following: Month | None = None) -> None:
        await record(month, at, following)
        if month.notices and not has_it.is_set():
            has_it.set()
            await go_on.wait()

    monkeypatch.setattr(bed.ledger, "record", slowly)
    skipping = asyncio.create_task(bed.skip_to("acme", month.notice_at))
    async with asyncio.timeout(60):
        await has_it.wait()
    assert (await bed.command("acme", Halt(**ANN))).accepted
    go_on.set()
    await skipping
    await bed.skip("acme", timedelta(days=10))
    month = await bed.until("acme", lambda month: month.halt is not None)
    assert month.invoice is not None
    assert month.invoice.total_minor == 9000
    assert month.period == "2026-10"
    assert bed.charged() == []
    assert len(bed.mails("acme@example.com")) == 1


async def test_what_is_decided_while_the_sheet_is_down_is_on_record_at_once(bed: Bed) -> None:
    await bed.start(await bed.customer("acme"), "2026-10")
    await bed.skip("acme", timedelta(minutes=10))
    await bed.until("acme", lambda month: bool(month.outage))
    assert (await bed.command("acme", Halt(**ANN))).accepted
    async with asyncio.timeout(60):
        while not await bed.ledger.decisions("acme", Period("2026-10")):
            await asyncio.sleep(0.05)
    assert (await bed.recorded("acme", "2026-10")).halt is not None


async def test_a_short_mail_outage_does_not_make_the_first_notice_a_corrected_one(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.mail_faults({"action": "defer", "recipient": "acme@example.com", "times": 8})
    await bed.skip_to("acme", month.notice_at)
    await bed.skip("acme", timedelta(minutes=20))
    await bed.until("acme", lambda month: month.announced)
    first = bed.mails("acme@example.com")[0]
    assert "Corrected" not in first.subject
