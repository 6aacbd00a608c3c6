"""The emergency brake: while it is on, nobody is told of a charge and nobody is charged; then everybody has time."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.commands import Halt, Resume
from billing.invoices.commands import Edit, Skip
from billing.invoices.invoice import ChangeLine
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.mails.mail import CustomerMailKind
from billing.period import Period
from sandbox.stack.temporal_server import TemporalServer
from tests.bed import OCTOBER, Bed, prepared_bed
from tests.stops import text_of
from tests.workflows.brakes import MINUTES, clock, pull, release
from tests.workflows.charging import ANN, CONFIRM, INTENTS, answer_is_lost, attempts
from worker import create_worker


def last_mail(bed: Bed, number: int = -1) -> str:
    """What the customer reads, on one line."""
    return " ".join(bed.mails("acme@example.com")[number].text.split())


def is_stopped(month: Month) -> bool:
    return bool(month.brake) and month.charging is None


async def stopped(bed: Bed, customer_id: str = "acme") -> Month:
    month = await bed.until(customer_id, is_stopped)
    assert month.stage(month.charge_at) is Stage.HALTED
    assert "ann: last year's sheet" in text_of(month.waits_for(month.charge_at))
    return month


async def free(bed: Bed, customer_id: str = "acme") -> Month:
    await bed.skip(customer_id, MINUTES)
    return await bed.until(customer_id, lambda month: not month.brake)


async def test_pulled_in_the_monitoring_window_nobody_is_told_until_there_was_time_to_look(bed: Bed) -> None:
    month = await bed.monitored()
    await pull(bed)
    await bed.skip_to("acme", month.notice_at)
    await stopped(bed)
    (row,) = await bed.ledger.invoices(Period(OCTOBER), stage=Stage.HALTED)
    assert row.customer_id == "acme"
    await bed.skip("acme", timedelta(minutes=30))
    assert bed.letters() == []
    assert await bed.alerted() == [], "one brake is no reason to tell of each customer"
    released_at = await release(bed)
    month = await free(bed)
    assert month.notice_at >= released_at + month.customer.terms.min_window
    month = await bed.announced()
    assert month.notice is not None
    assert (month.notice.number, month.notice.delivered_at) >= (1, released_at + month.customer.terms.min_window)
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]


async def test_pulled_in_last_call_the_card_is_not_asked_and_the_customer_is_told_anew_after_the_release(
    bed: Bed,
) -> None:
    await bed.monitored()
    month = await bed.announced()
    await pull(bed)
    await bed.skip_to("acme", month.charge_at)
    await stopped(bed)
    assert bed.intents() == []
    released_at = await release(bed)
    month = await free(bed)
    month = await bed.until("acme", lambda month: month.announced and month.notices == 2)
    assert month.charge_at >= released_at + month.customer.terms.min_window
    assert "This corrects our notice of" in last_mail(bed)
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]


async def test_a_month_that_was_in_its_window_all_the_time_has_time_after_the_release_too(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await pull(bed)
    await bed.skip_to("acme", month.charge_at - timedelta(hours=1))
    assert not (await bed.month("acme")).brake
    released_at = await release(bed)
    await bed.skip_to("acme", month.charge_at)
    month = await bed.until("acme", lambda month: month.notices == 2 and month.announced)
    assert month.charge_at >= released_at + month.customer.terms.min_window
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]


async def test_pulled_between_create_and_confirm_nothing_is_confirmed_and_that_payment_never_will_be(bed: Bed) -> None:
    month = await _between_create_and_confirm(bed)
    (intent,) = bed.intents()
    assert (intent["status"], attempts(bed)) == ("canceled", [])
    assert (month.charging, month.series) == (None, 2)
    await release(bed)
    await free(bed)
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 10000)]
    assert sorted(each["status"] for each in bed.intents()) == ["canceled", "succeeded"]
    rows = await bed.ledger.payments("acme", Period(OCTOBER))
    assert sorted(row.status for row in rows) == ["canceled", "succeeded"]


async def _between_create_and_confirm(bed: Bed) -> Month:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path=INTENTS, method="POST", kind="slow", seconds=1, executed=True)
    skipping = asyncio.create_task(bed.skip_to("acme", month.charge_at))
    async with asyncio.timeout(60):
        while not bed.intents():
            await asyncio.sleep(0.02)
    await pull(bed)
    await skipping
    return await stopped(bed)


async def test_a_month_that_was_stopped_in_its_charge_can_be_edited_and_is_charged_what_is_announced_then(
    bed: Bed,
) -> None:
    month = await _between_create_and_confirm(bed)
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    assert (await bed.command("acme", Edit(**ANN, period=Period(OCTOBER), version=1, changes=(change,)))).accepted
    assert (await bed.month("acme")).brake == month.brake
    await release(bed)
    await free(bed)
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [(OCTOBER, 9000)]
    assert "€90.00 instead of €100.00" in last_mail(bed, -2)


async def test_pulled_after_the_confirm_whose_answer_is_lost_the_payment_is_found_and_the_month_is_paid(
    bed: Bed,
) -> None:
    await bed.monitored()
    month = await bed.announced()
    await answer_is_lost(bed, CONFIRM)
    skipping = asyncio.create_task(bed.skip_to("acme", month.charge_at))
    async with asyncio.timeout(60):
        while attempts(bed) != ["succeeded"]:
            await asyncio.sleep(0.02)
    await pull(bed)
    await skipping
    await bed.stripe_clear_faults()
    await bed.skip("acme", timedelta(minutes=5))
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert (await bed.recorded("acme", OCTOBER)).outcome is Stage.PAID
    assert attempts(bed) == ["succeeded"]


async def test_while_it_is_not_known_whether_money_moved_the_month_stays_in_its_charge(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path="/v1/", kind="status", status=503, times=None, method="*")
    await bed.skip_to("acme", month.charge_at)
    await bed.until("acme", lambda month: month.charging is not None)
    await pull(bed)
    await bed.skip("acme", timedelta(hours=3))
    waiting = await bed.until("acme", lambda month: bool(month.outage))
    assert waiting.stage(waiting.charge_at) is Stage.UNRESOLVED
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    refused = await bed.command("acme", Edit(**ANN, period=Period(OCTOBER), version=1, changes=(change,)))
    assert "has begun" in refused.result
    await bed.stripe_clear_faults()
    await bed.skip("acme", timedelta(minutes=30))
    await stopped(bed)
    assert bed.charged() == []


async def test_people_can_halt_resume_and_skip_a_month_that_is_stopped(bed: Bed) -> None:
    month = await bed.monitored()
    await pull(bed)
    await bed.skip_to("acme", month.notice_at)
    await stopped(bed)
    refused = await bed.command("acme", Resume(**ANN))
    assert not refused.accepted
    assert "the emergency brake is on" in refused.result
    assert (await bed.command("acme", Halt(**ANN))).accepted
    await release(bed)
    await bed.skip("acme", MINUTES)
    month = await bed.until("acme", lambda month: not month.brake)
    assert month.stage(month.notice_at) is Stage.HALTED
    assert month.halt is not None
    assert (await bed.command("acme", Resume(**ANN))).accepted
    assert (await bed.command("acme", Skip(**ANN))).accepted
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert bed.charged() == []
    assert bed.mails("acme@example.com") == []


async def test_waiting_for_the_release_leaves_no_event_for_each_look(bed: Bed) -> None:
    month = await bed.monitored()
    run_id = (await bed.handle("acme").describe()).run_id
    await pull(bed)
    await bed.skip_to("acme", month.notice_at)
    await stopped(bed)
    await bed.skip("acme", MINUTES)
    before = await _events(bed, run_id)
    for _ in range(3):
        await bed.skip("acme", timedelta(minutes=10))
    assert await _events(bed, run_id) == before


async def _events(bed: Bed, run_id: str) -> list[str]:
    """Without those by which time is skipped."""
    return [n for n in await bed.event_names("acme", run_id) if "SKIPPING" not in n and "OPTIONS" not in n]


async def test_a_customer_who_is_started_under_it_is_stopped_as_well(bed: Bed) -> None:
    await bed.monitored("first")
    await bed.ledger.pull_brake("ann", "last year's sheet", "cli", await clock(bed, "first"))
    month = await bed.monitored("later")
    await bed.skip_to("later", month.notice_at)
    await stopped(bed, "later")
    assert bed.mails("later@example.com") == []


async def test_a_month_of_nothing_is_not_closed_under_it(bed: Bed) -> None:
    month = await bed.monitored(sales=("0",))
    await pull(bed)
    await bed.skip_to("acme", month.notice_at)
    month = await stopped(bed)
    assert month.outcome is None
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    assert (await bed.command("acme", Edit(**ANN, period=Period(OCTOBER), version=1, changes=(change,)))).accepted
    await release(bed)
    await free(bed)
    await bed.closed()
    assert bed.charged() == [(OCTOBER, 9000)]


async def test_a_worker_that_is_restarted_meanwhile_goes_on_waiting(server: TemporalServer, tmp_path: Path) -> None:
    async with prepared_bed(server, tmp_path, with_worker=False) as bed:
        async with create_worker(bed.client, bed.settings, bed.adapters):
            await bed.monitored()
            month = await bed.announced()
            await pull(bed)
            await bed.skip_to("acme", month.charge_at)
            await stopped(bed)
        async with create_worker(bed.client, bed.settings, bed.adapters):
            await bed.skip("acme", timedelta(minutes=10))
            await stopped(bed)
            released_at = await release(bed)
            await free(bed)
            month = await bed.until("acme", lambda month: month.announced and month.notices == 2)
            assert month.charge_at >= released_at + month.customer.terms.min_window
            assert (await bed.closed()).outcome is Stage.PAID
            assert bed.charged() == [(OCTOBER, 10000)]


# -- what the notice said


@pytest.mark.parametrize("outcome", [Stage.SKIPPED, Stage.CARRIED_FORWARD])
async def test_who_was_told_of_a_charge_that_is_not_made_is_told_that(bed: Bed, outcome: Stage) -> None:
    await bed.monitored()
    await bed.announced()
    said: Any = Skip(**ANN)
    if outcome is Stage.CARRIED_FORWARD:
        change = ChangeLine(line_id="row-2", amount_minor=30)
        said = Edit(**ANN, period=Period(OCTOBER), version=1, changes=(change,))
    assert (await bed.command("acme", said)).accepted
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert (await bed.recorded("acme", OCTOBER)).outcome is outcome
    kinds = [message.kind for message in await bed.ledger.messages("acme", Period(OCTOBER))]
    assert kinds == [CustomerMailKind.NOTICE, CustomerMailKind.WITHDRAWN]
    assert "we would charge €100.00 for October 2026" in last_mail(bed)
