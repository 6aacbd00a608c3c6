"""The emergency brake and what is owed: no try, no reminder, no payment at our page while it is on."""

from datetime import timedelta

from billing.collections.stages import CollectionStage, ScheduledTry
from billing.commands import Halt, Resume
from billing.period import Period
from clients.collection_commands import pay
from tests.bed import OCTOBER, Bed
from tests.debts import only
from tests.workflows.brakes import MINUTES, pull, release
from tests.workflows.charging import ANN, attempts, overdue


async def test_tries_wait_under_it_and_their_schedule_is_not_used_up(bed: Bed) -> None:
    bed.sales("2026-11")  # which may be due for collection by then
    closed = await overdue(bed)
    await pull(bed)
    await bed.behaves(closed.customer, "succeed")
    await bed.skip_collection(timedelta(days=3, minutes=1))
    found = await bed.collects(lambda found: bool(found.brake))
    assert (found.stage(only(found).opened_at), only(found).tries, only(found).attempt) == (
        CollectionStage.HALTED,
        1,
        ScheduledTry(day=3),
    )
    await bed.skip_collection(timedelta(minutes=30))
    assert attempts(bed) == ["failed"]
    assert await bed.alerted() == []
    await release(bed)
    await bed.skip_collection(MINUTES)
    settled = await bed.collects(lambda found: found.outcome is not None)
    assert settled.outcome is CollectionStage.RECOVERED
    assert only(settled).tries == 1
    assert attempts(bed) == ["failed", "succeeded"]


async def test_reminders_wait_under_it(bed: Bed) -> None:
    await overdue(bed, "decline:stolen_card")
    await pull(bed)
    mails = len(bed.mails("acme@example.com"))
    await bed.skip_collection(timedelta(days=3, minutes=1))
    found = await bed.collects(lambda found: bool(found.brake))
    assert found.reminding
    assert len(bed.mails("acme@example.com")) == mails
    await release(bed)
    await bed.skip_collection(MINUTES)
    await bed.collects(lambda found: found.reminders == 1)
    assert len(bed.mails("acme@example.com")) == mails + 1


async def test_a_customer_at_our_page_is_not_charged_under_it(bed: Bed) -> None:
    closed = await overdue(bed)
    await bed.behaves(closed.customer, "succeed")
    await pull(bed)
    answer = await pay(bed.client, "acme", Period(OCTOBER), "https://billing.example/back")
    assert answer.redirect_url is None
    await bed.collects(lambda found: not only(found).looking)
    assert attempts(bed) == ["failed"]
    await release(bed)
    await pay(bed.client, "acme", Period(OCTOBER), "https://billing.example/back")
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
    assert attempts(bed) == ["failed", "succeeded"]


async def test_a_collection_that_people_halt_under_it_does_not_try_after_the_release(bed: Bed) -> None:
    closed = await overdue(bed)
    await pull(bed)
    await bed.behaves(closed.customer, "succeed")
    await bed.skip_collection(timedelta(days=3, minutes=1))
    await bed.collects(lambda found: bool(found.brake))
    assert (await bed.tell(Halt(**ANN))).accepted
    await release(bed)
    await bed.skip_collection(MINUTES)
    found = await bed.collects(lambda found: not found.brake)
    assert (only(found).attempt, only(found).tries) == (None, 0)
    await bed.skip_collection(timedelta(days=1))
    assert attempts(bed) == ["failed"]
    assert (await bed.tell(Resume(**ANN))).accepted
    await bed.skip_collection(timedelta(days=2))
    await bed.collects(lambda found: found.outcome is CollectionStage.RECOVERED)
