"""One month of one customer: what happens when nobody and nothing interferes, and what each kind of month comes to."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from threading import local
from typing import Any

import pytest
from sqlalchemy import event
from temporalio import activity

from billing.invoices.stages import Stage
from sandbox.stand_ins.control import control
from tests.bed import Bed


async def test_an_uneventful_month_is_imported_announced_charged_and_receipted(bed: Bed) -> None:
    month = await bed.monitored(sales=("100", "20.5"))
    assert month.invoice is not None
    assert month.invoice.total_minor == 12050
    assert month.invoice.lines[0].source is not None
    assert month.invoice.lines[0].source.row == 2
    assert bed.charged() == []

    month = await bed.announced()
    assert [mail.to for mail in bed.letters()] == ["acme@example.com"]
    assert "120.50" in bed.letters()[0].text
    assert bed.charged() == []

    closed = await bed.closed()
    assert closed.outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 12050)]
    assert len(bed.mails("acme@example.com")) == 2
    assert (await bed.month("acme")).period == "2026-11"
    rows = await bed.ledger.payments("acme", closed.period)
    assert [(row.status, row.amount_minor) for row in rows] == [("succeeded", 12050)]


async def test_what_an_on_time_month_costs_does_not_creep(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = await bed.customer("acme")
    started = await bed.start(customer)
    assert started.period is not None
    bed.sales(started.period, ("acme@example.com", "100", "Hosting"))
    run_id = (await bed.handle("acme").describe()).run_id
    statements = _statements_of_activities(bed, monkeypatch)
    await bed.stripe_fault(path="^/v1/", method="*", kind="slow", seconds=0, times=None)  # which counts
    month = await bed.month("acme")
    await bed.skip_to("acme", month.import_at)
    await bed.until("acme", lambda month: month.invoice is not None)
    assert (await bed.closed()).outcome is Stage.PAID

    names = [
        event for event in await bed.event_names("acme", run_id) if "SKIPPING" not in event and "OPTIONS" not in event
    ]
    actions = ("EXECUTION_STARTED", "TIMER_STARTED", "ACTIVITY_TASK_SCHEDULED", "UPSERT", "SIGNALED", "UPDATE_ACCEPTED")
    billable = [name for name in names if any(action in name for action in actions)]
    (rule,) = await control(bed.ports.stripe, "faults", method="GET")
    print(f"{len(names)} events, {len(billable)} actions, {rule['fired']} requests to Stripe, {statements}")
    assert len(names) <= 40
    assert len(billable) <= 9
    assert rule["fired"] <= 4
    assert statements.total() <= 77


def _statements_of_activities(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts what activities ask the ledger, by their names; the rest of the worker looks at it as time passes."""
    statements, run, running = Counter[str](), bed.ledger.run, local()

    def named(name: str, work: Callable[[], Any]) -> Any:
        running.name = name
        try:
            return work()
        finally:
            del running.name

    async def noted(work: Callable[[], Any]) -> Any:
        return await run(partial(named, activity.info().activity_type, work) if activity.in_activity() else work)

    @event.listens_for(bed.ledger._engine, "before_cursor_execute")
    def executing(*_: object) -> None:
        if name := getattr(running, "name", ""):
            statements[name] += 1

    monkeypatch.setattr(bed.ledger, "run", noted)
    return statements


async def test_a_month_without_sales_is_nothing_due_and_sends_no_mail(bed: Bed) -> None:
    bed.sales("2026-11")  # from the 29th of November on, that month is collected before this one is closed
    await bed.monitored(sales=())
    closed = await bed.closed()
    assert closed.outcome is Stage.NOTHING_DUE
    assert bed.charged() == []
    assert bed.letters() == []
    assert await bed.alerted() == []


async def test_a_total_under_the_minimum_is_on_the_next_invoice_as_its_own_line(bed: Bed) -> None:
    await bed.monitored(sales=("0.30",), period="2026-09")
    bed.sales("2026-10", ("acme@example.com", "10", "Hosting"))
    assert (await bed.closed()).outcome is Stage.CARRIED_FORWARD
    month = await bed.until("acme", lambda month: month.invoice is not None)
    assert month.carried_minor == 30
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 1030)]


async def test_a_credit_lowers_the_next_invoice(bed: Bed) -> None:
    await bed.monitored(sales=("-4", "1"), period="2026-09")
    bed.sales("2026-10", ("acme@example.com", "10", "Hosting"))
    assert (await bed.closed()).outcome is Stage.CARRIED_FORWARD
    await bed.until("acme", lambda month: month.invoice is not None)
    await bed.closed()
    assert bed.charged() == [("2026-10", 700)]


async def test_declined_card_closes_the_month_as_past_due_and_the_next_month_is_billed_all_the_same(bed: Bed) -> None:
    await bed.monitored(card="pm_card_chargeCustomerFail", period="2026-09")
    bed.sales("2026-10", ("acme@example.com", "10", "Hosting"))
    closed = await bed.closed()
    assert closed.outcome is Stage.PAST_DUE
    assert closed.closed is not None
    assert closed.closed.charge is not None
    assert closed.closed.charge.code == "card_declined"
    assert len(bed.mails("acme@example.com")) == 2
    await bed.stripe_control(f"cards/{closed.customer.card_on_file.card_id}", {"behaviour": "succeed"})
    month = await bed.until("acme", lambda month: month.invoice is not None)
    assert month.carried_minor == 0
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 1000)]


async def test_authentication_required_is_an_outcome_of_its_own(bed: Bed) -> None:
    await bed.monitored(card="pm_card_authenticationRequired")
    assert (await bed.closed()).outcome is Stage.AUTHENTICATION_REQUIRED
    assert bed.charged() == []


async def test_three_missed_months_are_billed_in_order_each_with_its_window_and_notice(bed: Bed) -> None:
    for period, amount in (("2026-08", "8"), ("2026-09", "9"), ("2026-10", "10")):
        bed.sales(period, ("acme@example.com", amount, "Hosting"))
    customer = await bed.customer("acme")
    await bed.start(customer, "2026-08")
    for period in ("2026-08", "2026-09", "2026-10"):
        await bed.until("acme", lambda month: month.invoice is not None)
        closed = await bed.closed()
        assert closed.period == period
        assert closed.notice is not None
        assert closed.notice.delivered_at is not None
        assert closed.invoice is not None
        assert closed.charging is not None
        assert closed.notice.delivered_at - closed.invoice.imported_at >= customer.terms.min_window
        assert closed.charging.since - closed.notice.delivered_at >= customer.terms.min_notice
    assert bed.charged() == [("2026-08", 800), ("2026-09", 900), ("2026-10", 1000)]
