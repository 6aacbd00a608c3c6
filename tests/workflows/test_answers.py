"""An activity that was completed by hand, with an answer that nobody can read: its outcome is found out again."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from adapters.mail.smtp_mail import SmtpMail
from billing.collections.commands import Retry
from billing.collections.stages import CollectionStage
from billing.commands import Halt
from billing.invoices.stages import Stage
from billing.keys import digest_workflow_id
from billing.period import Period
from billing.reviewers.alerts import of_report
from billing.reviewers.digest import Digest
from sandbox.reviewers import alerts_are_sent
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed
from tests.debts import only

pytestmark = pytest.mark.turns(2)

GARBAGE: dict[str, object] = {"text": "paid", "nothing": None, "another form": {"status": "paid?"}, "list": [1]}


async def completed_by_hand(bed: Bed, handle: WorkflowHandle[Any, Any], activity: str, answer: object) -> None:
    """Whoever does not want to wait for ``activity`` completes it in the Temporal UI, or by ``temporal activity``."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (pending := [each for each in await _pending(handle) if each[0] == activity]):
            await asyncio.sleep(0.02)
    by_id = bed.client.get_async_activity_handle(workflow_id=handle.id, run_id=None, activity_id=pending[0][1])
    await by_id.complete(answer)


async def _pending(handle: WorkflowHandle[Any, Any]) -> list[tuple[str, str]]:
    described = (await handle.describe()).raw_description
    return [(each.activity_type.name, each.activity_id) for each in described.pending_activities]


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
async def test_a_charge_that_was_completed_with_garbage_is_looked_up_and_never_made_twice(
    bed: Bed, answer: object
) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path="/confirm$", kind="slow", seconds=5)
    skipping = asyncio.create_task(bed.skip_to("acme", month.charge_at))
    await completed_by_hand(bed, bed.handle("acme"), "charge_card", answer)
    await skipping
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert (await bed.recorded("acme", OCTOBER)).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]
    assert "the answer of charge_card cannot be read" in await bed.told()


async def test_a_record_that_was_completed_with_garbage_holds_nobody(bed: Bed) -> None:
    await bed.sheets_fault(path="/", kind="slow", seconds=5)
    customer = await bed.customer("acme")
    bed.sales(OCTOBER, (customer.mailbox, "100", "Sale"))
    await bed.start(customer, OCTOBER)
    await completed_by_hand(bed, bed.handle("acme"), "import_sales", "done")
    month = await bed.drafted("acme", OCTOBER)
    assert month.invoice is not None
    assert month.invoice.total_minor == 10000
    assert (await bed.command("acme", Halt(by="ann", reason="checking"))).accepted


async def test_a_notice_that_was_completed_with_an_instant_beyond_reckoning_holds_nobody(bed: Bed) -> None:
    """Reckoning with it would fail the workflow task for ever, and with it every halt."""
    month = await bed.monitored()
    await bed.sheets_fault(path="/", kind="slow", seconds=5)  # which the notice is compared with as it leaves
    skipping = asyncio.create_task(bed.skip_to("acme", month.notice_at))
    await completed_by_hand(bed, bed.handle("acme"), "send_notice", {"at": "9999-12-31T23:59:59Z"})
    await skipping
    announced = await bed.until(
        "acme", lambda month: month.notice is not None and month.notice.delivered_at is not None
    )
    assert announced.charge_at.year == month.charge_at.year
    assert (await bed.command("acme", Halt(by="ann", reason="checking"))).accepted


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
async def test_a_try_of_a_collection_that_was_completed_with_garbage_is_looked_up_and_never_made_twice(
    bed: Bed, answer: object
) -> None:
    month = await bed.monitored()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.closed()
    await bed.collects(lambda owed: only(owed).by_card and not only(owed).attempt)
    await bed.behaves(month.customer, "succeed")
    await bed.stripe_fault(path="/confirm$", kind="slow", seconds=5)
    assert (await bed.tell(Retry(by="ann", reason="asked by the customer"))).accepted
    await completed_by_hand(bed, bed.collection_handle(), "try_card", answer)
    owed = await bed.collects(lambda owed: owed.outcome is not None)
    assert owed.outcome is CollectionStage.RECOVERED
    assert bed.charged() == [(OCTOBER, 10000)]
    assert "the answer of try_card cannot be read" in await bed.told()


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
async def test_a_digest_that_was_completed_with_garbage_is_sent_all_the_same(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    completed, send = asyncio.Event(), SmtpMail.tell

    async def held(mail: SmtpMail, digest: Digest) -> None:
        await completed.wait()
        await send(mail, digest)

    monkeypatch.setattr(SmtpMail, "tell", held)
    await bed.ledger.save_alert(of_report("acme", Period(OCTOBER), 1, "look at acme", datetime.now(UTC)))
    await bed.tell_reviewers()
    handle = bed.client.get_workflow_handle(digest_workflow_id())
    await completed_by_hand(bed, handle, "tell_digest", answer)
    completed.set()
    await handle.result()
    assert await alerts_are_sent(bed.ledger)
    assert "look at acme" in " ".join(mail.text for mail in bed.mails("reviewers@example.com"))
