"""Three consecutive months of several customers; any charge, mail or ledger row that is not expected fails."""

from datetime import UTC, datetime
from typing import Any

from billing.commands import Halt, Resume
from billing.customers.customer import Customer, ReviewMode, Terms
from billing.invoices.commands import Approve, Edit, Skip
from billing.invoices.invoice import ChangeLine
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from tests.bed import Bed

ANN: dict[str, Any] = {"by": "ann", "reason": "review"}
BOB: dict[str, Any] = {"by": "bob", "reason": "review"}
PERIODS = ("2026-08", "2026-09", "2026-10")

SHEETS = {
    "2026-08": (
        ("acme@example.com", "100", "Hosting"),
        ("kiwi@example.com", "0.20", "Envelope"),
        ("tanaka@example.com", "12000", "Calibration"),
        ("zurich@example.com", "75.5", "Lenses"),
        ("nobody@example.com", "999", "Belongs to nobody"),
    ),
    "2026-09": (
        ("acme@example.com", "110", "Hosting"),
        ("kiwi@example.com", "20", "Cold storage"),
        ("tanaka@example.com", "-3000", "Credit"),
        ("zurich@example.com", "'1.234,56", "Frames"),
    ),
    "2026-10": (
        ("acme@example.com", "120", "Hosting"),
        ("tanaka@example.com", "5000", "Calibration"),
        ("zurich@example.com", "80", "Lenses"),
    ),
}

EXPECTED = {
    # customer: (outcome, total in minor units, mails to the customer) of each month
    "acme": ((Stage.PAID, 10000, 2), (Stage.SKIPPED, 11000, 0), (Stage.PAID, 12000, 2)),
    "kiwi": ((Stage.CARRIED_FORWARD, 20, 0), (Stage.PAID, 2020, 2), (Stage.NOTHING_DUE, 0, 0)),
    "tanaka": ((Stage.PAST_DUE, 12000, 2), (Stage.CARRIED_FORWARD, -3000, 0), (Stage.PAID, 2000, 2)),
    "zurich": ((Stage.PAID, 7550, 2), (Stage.PAID, 123456, 2), (Stage.PAID, 8000, 2)),
}


async def test_three_months_of_four_customers_come_to_exactly_what_was_sold(bed: Bed) -> None:
    for period, rows in SHEETS.items():
        bed.sales(period, *rows)
    customers = await _customers(bed)
    for customer in customers.values():
        await bed.start(customer, "2026-08")
    for period in PERIODS:
        for customer_id in customers:
            await bed.drafted(customer_id, period)
        await _review(bed, period, customers)
        for customer_id in customers:
            await bed.closed(customer_id, period)
    await _check_charges(bed)
    for customer_id in customers:
        await _check_ledger_and_mail(bed, customer_id)
    everyone = {f"{customer_id}@example.com" for customer_id in customers} | {"reviewers@example.com"}
    await bed.digests()
    assert {mail.to for mail in bed.mails()} == everyone


async def _customers(bed: Bed) -> dict[str, Customer]:
    return {
        "acme": await bed.customer("acme"),
        "kiwi": await bed.customer("kiwi", currency="nzd", timezone="Pacific/Auckland"),
        "tanaka": await bed.customer(
            "tanaka", currency="jpy", timezone="Asia/Tokyo", card="pm_card_chargeCustomerFail"
        ),
        "zurich": await bed.customer(
            "zurich", currency="chf", timezone="Europe/Zurich", terms=Terms(review_mode=ReviewMode.APPROVE)
        ),
    }


async def _review(bed: Bed, period: str, customers: dict[str, Customer]) -> None:
    """What people do in a month; each of it has to be accepted."""
    zurich = await bed.month("zurich")
    if period == "2026-08":
        await _accepted(bed, "acme", Halt(**ANN))
        await _accepted(bed, "acme", Resume(**BOB))
    elif period == "2026-09":
        await _accepted(bed, "acme", Skip(**ANN))
        change = ChangeLine(line_id="row-5", amount_minor=123456)
        await _accepted(bed, "zurich", Edit(**ANN, period=Period(period), version=1, changes=(change,)))
        zurich = await bed.month("zurich")
    else:
        await bed.stripe_control(f"cards/{customers['tanaka'].card_on_file.card_id}", {"behaviour": "succeed"})
    assert zurich.invoice is not None
    await _accepted(bed, "zurich", Approve(**BOB, digest=zurich.invoice.digest))


async def _accepted(bed: Bed, customer_id: str, command: Halt | Resume | Skip | Edit | Approve) -> None:
    answer = await bed.command(customer_id, command)
    assert answer.accepted, answer.result


async def _check_charges(bed: Bed) -> None:
    for customer_id, months in EXPECTED.items():
        paid = [
            (period, total)
            for period, (outcome, total, _) in zip(PERIODS, months, strict=True)
            if outcome is Stage.PAID
        ]
        assert bed.charged(customer_id) == paid
    attempted = sum(outcome in (Stage.PAID, Stage.PAST_DUE) for months in EXPECTED.values() for outcome, _, _ in months)
    assert len(bed.intents()) == attempted


async def _check_ledger_and_mail(bed: Bed, customer_id: str) -> None:
    now = datetime.now(UTC)
    rows = {row.period: row for row in await bed.ledger.invoices(customer_id=customer_id)}
    assert set(rows) == {*PERIODS, "2026-11"}
    assert rows[Period("2026-11")].stage in (Stage.SCHEDULED, Stage.AWAITING_SALES)
    for period, (outcome, total, mails) in zip(PERIODS, EXPECTED[customer_id], strict=True):
        month = await bed.recorded(customer_id, period)
        assert (period, month.stage(now), month.invoice and month.invoice.total_minor) == (period, outcome, total)
        sent = await bed.ledger.messages(customer_id, month.period)
        assert (period, len([row for row in sent if row.kind != "alert"])) == (period, mails)
        _check_promises(month)
    assert len(bed.mails(f"{customer_id}@example.com")) == sum(mails for _, _, mails in EXPECTED[customer_id])


def _check_promises(month: Month) -> None:
    """What a customer and a reviewer were promised, by the instants on record."""
    assert month.invoice is not None
    assert month.invoice.total_minor == sum(line.amount_minor for line in month.invoice.lines) + month.carried_minor
    if month.charging is not None:
        assert month.notice is not None
        assert month.notice.delivered_at is not None
        assert month.notice.total_minor == month.invoice.total_minor
        assert month.charging.since - month.notice.delivered_at >= month.customer.terms.min_notice
        assert month.notice.delivered_at - month.invoice.imported_at >= month.customer.terms.min_window
