"""The ledger's texts: sent once, counted once, within the day's limits, and reports in any order."""

import asyncio
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.ledger import SqlLedger
from billing.errors import TextsHeld, TextsUnavailable
from billing.tasks.listing import TaskFilter
from billing.tasks.task import TaskKind
from billing.texts.ports import TextDay, TextLimits
from billing.texts.text import Delivery, TextKind, TextReport, TextRow, TextStatus
from tests.contract.ledger_fixtures import AT, LATER, NOVEMBER

ANY, MINUTE = TextLimits(), timedelta(minutes=1)


def text(name: str = "t1", **changes: object) -> TextRow:
    row = TextRow(
        message_id=name,
        kind=TextKind.BILL,
        customer_id="acme",
        period=NOVEMBER,
        recipient="+77012345678",
        body="Счет 5990 KZT",
        segments=1,
        cost_micros=4_500_000,
        currency="KZT",
        vendor="smsc",
        status=TextStatus.SENDING,
        began_at=AT,
        tried_at=AT,
        at=AT,
    )
    return row.evolve(**changes)


def report(delivery: Delivery, **changes: object) -> TextReport:
    return TextReport(vendor_id="v1", delivery=delivery).evolve(**changes)


async def begin(ledger: SqlLedger, row: TextRow, limits: TextLimits = ANY) -> TextRow | None:
    return await ledger.begin_text(row, limits, row.tried_at - MINUTE)


async def day(ledger: SqlLedger) -> TextDay:
    return await ledger.text_day(AT.date())


async def status(ledger: SqlLedger, name: str = "t1") -> TextStatus:
    row = await ledger.text(name)
    assert row is not None
    return row.status


async def test_a_text_is_on_record_before_it_is_sent_and_counted_once(ledger: SqlLedger) -> None:
    assert await begin(ledger, text()) is None
    assert await ledger.text("t1") == text()
    assert await begin(ledger, text(tried_at=LATER)) == text()
    assert await day(ledger) == TextDay(day=AT.date(), texts=1, segments=1, cost_micros=4_500_000)


async def test_nobody_sends_what_another_is_sending(ledger: SqlLedger) -> None:
    await begin(ledger, text())
    with pytest.raises(TextsUnavailable, match="another worker") as busy:
        await begin(ledger, text(tried_at=AT + timedelta(seconds=20)))
    assert busy.value.retry_after == timedelta(seconds=40)


async def test_what_the_vendor_did_not_take_is_sent_again_without_being_counted_again(ledger: SqlLedger) -> None:
    await begin(ledger, text())
    await ledger.close_text("t1", TextStatus.WAITING, AT)
    before = await begin(ledger, text(tried_at=AT + timedelta(seconds=1)))
    assert before == text(status=TextStatus.WAITING)
    assert await status(ledger) is TextStatus.SENDING
    assert (await day(ledger)).texts == 1


@pytest.mark.parametrize("limits", [TextLimits(texts=2), TextLimits(cost_micros=9_999_999)])
async def test_what_is_beyond_the_days_limits_waits_and_is_not_on_record(ledger: SqlLedger, limits: TextLimits) -> None:
    for name in ("t1", "t2"):
        await begin(ledger, text(name), limits)
    with pytest.raises(TextsHeld, match="limit"):
        await begin(ledger, text("t3"), limits)
    assert await ledger.text("t3") is None
    assert (await day(ledger)).texts == 2
    assert await begin(ledger, text("t1", tried_at=LATER), limits) is not None, "known texts go on"
    tomorrow = AT + timedelta(days=1)
    assert await begin(ledger, text("t3", began_at=tomorrow, tried_at=tomorrow), limits) is None


async def test_of_many_at_once_no_more_are_begun_than_the_limit_allows(ledger: SqlLedger) -> None:
    begun = [begin(ledger, text(f"t{number}"), TextLimits(texts=5)) for number in range(20)]
    answers = await asyncio.gather(*begun, return_exceptions=True)
    assert sum(answer is None for answer in answers) == 5
    assert not any(isinstance(answer, SQLAlchemyError) for answer in answers)
    assert (await day(ledger)).texts == 5


@pytest.mark.parametrize("order", list(permutations(Delivery)))
async def test_what_was_delivered_once_stays_delivered_in_whatever_order_reports_come(
    ledger: SqlLedger, order: tuple[Delivery, ...]
) -> None:
    await begin(ledger, text())
    for delivery in order:
        await ledger.take_report("t1", report(delivery), LATER)
    await ledger.close_text("t1", TextStatus.WAITING, LATER)
    assert await status(ledger) is TextStatus.DELIVERED


async def test_a_failure_opens_one_task_with_its_record(ledger: SqlLedger) -> None:
    failed = report(Delivery.FAILED, code="22 wrong_number")
    for name in ("t1", "t2", "of nobody"):
        if name != "of nobody":
            await begin(ledger, text(name))
        for given in (report(Delivery.ACCEPTED), failed, failed):
            await ledger.take_report(name, given, LATER)
    assert await ledger.text("t1") == text(status=TextStatus.FAILED, code="22 wrong_number", vendor_id="v1", at=LATER)
    (task,) = await ledger.tasks(TaskFilter(TaskKind.NO_WORKING_NUMBER))
    assert task.customer_id == "acme"
    assert task.values == {"kind": "bill", "phone": "+7…5678", "why": "22 wrong_number"}
    assert task.due_at == LATER + timedelta(days=3), "before the bill is due"


async def test_the_vendors_price_takes_the_place_of_ours(ledger: SqlLedger) -> None:
    await begin(ledger, text())
    for _ in range(2):
        await ledger.take_report("t1", report(Delivery.ACCEPTED, cost_micros=9_000_000), LATER)
    assert (await day(ledger)).cost_micros == 9_000_000


async def test_texts_that_nothing_is_heard_of_are_asked_about_for_some_time(ledger: SqlLedger) -> None:
    for name in ("t1", "t2", "t3"):
        await begin(ledger, text(name))
        await ledger.take_report(name, report(Delivery.ACCEPTED), AT)
    await ledger.take_report("t2", report(Delivery.DELIVERED), AT)
    await ledger.take_report("t3", report(Delivery.ACCEPTED), LATER)
    asked = await ledger.texts_to_ask("smsc", AT, AT + MINUTE, 10)
    assert [row.message_id for row in asked] == ["t1"]
    assert not await ledger.texts_to_ask("smsc", AT + MINUTE, AT + MINUTE, 10)
    assert not await ledger.texts_to_ask("twilio", AT, AT + MINUTE, 10)


async def test_texts_are_listed_with_the_newest_first(ledger: SqlLedger) -> None:
    await begin(ledger, text("t1"))
    await begin(ledger, text("t2", began_at=LATER, tried_at=LATER))
    await begin(ledger, text("t3", customer_id="zoe", began_at=AT - MINUTE, tried_at=AT - MINUTE))
    assert [row.message_id for row in await ledger.texts()] == ["t2", "t1", "t3"]
    assert [row.message_id for row in await ledger.texts("acme", 1)] == ["t2"]
