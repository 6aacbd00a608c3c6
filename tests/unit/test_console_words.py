"""What the console's pages say about what is to come."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.collections.stages import OWN_PAYMENT, DiaryEntry, words_of
from billing.completeness.chains import ChainStatus
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.reviewers.queries import InvoiceListRow
from console.reviewers.invoice.month_record import MonthRecord
from console.reviewers.invoice.timeline import diary_words, timeline
from console.reviewers.wording import next_step
from tests.unit.months import accepted, drafted

NOW = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("month", "waits"),
    [
        (drafted(10000), ""),
        (accepted(drafted(10000), "halt", NOW), "not before somebody resumes"),
        (drafted(10000).failed("the sheet has two owners"), "not before somebody resumes"),
        (drafted(10000, unreadable=True), "not before a person acts"),
        (drafted(10000).braked("the brake is on"), "not before the brake is released"),
    ],
    ids=["runs", "halted", "trouble", "unreadable", "braked"],
)
def test_the_month_says_what_a_stopped_clock_waits_for(month: Month, waits: str) -> None:
    coming = [event.text for event in timeline(recorded(month)) if event.coming]
    assert coming == [waits, waits]


def test_a_customers_own_try_is_told_in_words_with_the_banks_code() -> None:
    refused = ChargeResult(status=ChargeStatus.DECLINED, decline_code="generic_decline", at=NOW)
    entry = DiaryEntry(number=1, at=NOW, by="the customer", what=OWN_PAYMENT, text=words_of(refused))
    assert diary_words(entry) == ("customer tried to pay", "declined by the bank, generic_decline")


@pytest.mark.parametrize(("total_minor", "step"), [(10000, "notice"), (0, "close"), (20, "close"), (-500, "close")])
def test_a_draft_that_nobody_is_charged_for_is_closed_and_not_announced(total_minor: int, step: str) -> None:
    assert next_step(row(total_minor)) == step


def recorded(month: Month) -> MonthRecord:
    records = (
        "decisions",
        "versions",
        "messages",
        "texts",
        "charges",
        "reversals",
        "diary",
        "periods",
        "history",
        "ladder",
    )
    nothing: dict[str, Any] = dict.fromkeys(records, ())
    return MonthRecord(
        month=month,
        live=True,
        chain=ChainStatus.RUNNING,
        stray="",
        run_url="",
        now=NOW,
        debt=None,
        stopped=None,
        **nothing,
    )


def row(total_minor: int) -> InvoiceListRow:
    names = {"customer_id": "acme", "name": "Acme", "email": "acme@example.com", "timezone": "UTC", "currency": "eur"}
    amounts = {"total_minor": total_minor, "carried_minor": 0, "usual_minor": None}
    seen = {"version": 1, "digest": "d", "flags": (), "needs": ""}
    return InvoiceListRow.model_validate({**names, **amounts, **seen, "stage": Stage.MONITORING, "next_at": NOW})
