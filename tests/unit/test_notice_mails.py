"""What customers read before a charge: the notice, its correction and its withdrawal, and that nothing is due."""

import re
from datetime import UTC, datetime

import pytest

from billing.customers.ways_to_pay import WaysToPay
from billing.invoices.invoice import LineItem
from billing.invoices.month import Month
from billing.invoices.stages import Closed, Stage
from billing.invoices.versions import Correction, LineChange, difference
from billing.mails.mail import CustomerMailKind
from billing.payments.methods import CardOnFile
from billing.period import Period
from tests.unit.letters import NOTICE_AT, announced, customer, mail, words

SALE = LineItem(line_id="row-2", description="Sale", amount_minor=100)
OTHER = SALE.evolve(description="Other")


def test_mails_of_a_bill_tell_the_account_number_for_banks_apps() -> None:
    ways = WaysToPay(account="1000009", apps=("Bank's app", "Terminals"))
    told = mail(CustomerMailKind.NOTICE, announced(), ways=ways)
    assert "Account number  1000009, for Bank's app, Terminals" in told.text
    assert all("1000009" in part for part in words(told))
    assert "Account number" not in mail(CustomerMailKind.NOTICE, announced()).text


def test_notice_tells_every_line_the_carried_balance_total_date_and_card() -> None:
    month = announced(("Beans", 120_000), ("Returned cups", -550), carried_minor=1250)
    rendered = mail(CustomerMailKind.NOTICE, month)
    assert rendered.subject == "Invoice for October 2026: €1,207.00 on 8 November 2026"
    for part in words(rendered):
        assert "Hello Rosa Lind," in part
        assert "Sunday, 8 November 2026, 10:00 Paris time (GMT+01:00)" in part
        assert "ending in 4242" in part
        assert "Reply to this mail before the charge date" in part
    assert rendered.text.split("\n\n")[3].splitlines() == [
        "€1,200.00  Beans",
        "   -€5.50  Returned cups",
        "   €12.50  Carried over from earlier months",
        "---------",
        "€1,207.00  Total",
    ]
    cells = [" ".join(row) for row in re.findall(r"<t[dh][^>]*>([^<]*)</td>\s*<td[^>]*>([^<]*)", rendered.html)]
    assert cells == ["Beans €1,200.00", "Returned cups -€5.50", "Carried over from earlier months €12.50"]


def test_credit_of_earlier_months_is_named_so() -> None:
    for part in words(mail(CustomerMailKind.NOTICE, announced(carried_minor=-2000))):
        assert "Credit from earlier months" in part
        assert "€100.00" in part


def test_unknown_card_is_not_made_up() -> None:
    unknown = announced(payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1"))
    for part in words(mail(CustomerMailKind.NOTICE, unknown)):
        assert "the one we have on file" in part


def test_corrected_notice_says_what_it_corrects_and_what_has_changed() -> None:
    month = announced()
    assert month.invoice is not None
    assert "replaces" not in mail(CustomerMailKind.NOTICE, month).subject
    first, *others = month.invoice.lines
    told = month.invoice.evolve(
        lines=(first.evolve(amount_minor=15_000), LineItem(line_id="row-99", description="Mistake", amount_minor=500))
    )
    changes = difference(told, month.invoice)
    correction = Correction(told_at=datetime(2026, 11, 1, 23, 30, tzinfo=UTC), told_minor=15_500, changes=changes)
    again = mail(CustomerMailKind.NOTICE, month, correction=correction)
    assert again.subject.startswith("Corrected invoice for October 2026 (replaces our earlier notice): €120.00 on ")
    for part in words(again):
        assert part.startswith("Corrected invoice for October 2026 (replaces our earlier notice)")
        assert "This corrects our notice of 2 November 2026; only this one counts." in part
        assert "The total is €120.00 instead of €155.00." in part
        assert f"Changed: {first.description}, " in part
        assert " instead of €150.00." in part
        assert "Removed: Mistake, €5.00." in part
        for line in others:
            assert f"Added: {line.description}, " in part


def test_corrected_notice_of_the_same_invoice_points_to_what_else_is_new() -> None:
    month = announced()
    same = Correction(told_at=NOTICE_AT, told_minor=12_000, changes=())
    for part in words(mail(CustomerMailKind.NOTICE, month, correction=same)):
        assert "The invoice is the same; the charge date or the card is new." in part
    described = Correction(
        told_at=NOTICE_AT, told_minor=12_000, changes=(LineChange(line_id="x", before=SALE, after=OTHER),)
    )
    for part in words(mail(CustomerMailKind.NOTICE, month, correction=described)):
        assert "The total is still €120.00." in part
        assert "Changed: Other (before: Sale), €1.00." in part


def test_long_correction_is_cut() -> None:
    changes = tuple(LineChange(line_id=f"row-{n}", after=SALE) for n in range(25))
    correction = Correction(told_at=NOTICE_AT, told_minor=1, changes=changes)
    for part in words(mail(CustomerMailKind.NOTICE, announced(), correction=correction)):
        assert part.count("Added: Sale, €1.00.") == 20
        assert "And 5 more lines have changed." in part


@pytest.mark.parametrize(
    ("outcome", "carried_minor", "told"),
    [
        (Stage.SKIPPED, 0, "You need not do anything."),
        (Stage.SKIPPED, 300, "€3.00 moves to your next invoice; there is nothing to pay now."),
        (Stage.NOTHING_DUE, 0, "You need not do anything."),
    ],
)
def test_withdrawn_notice_says_that_nothing_is_charged(outcome: Stage, carried_minor: int, told: str) -> None:
    month = announced(carried_minor=carried_minor).evolve(closed=Closed(outcome=outcome, at=NOTICE_AT))
    rendered = mail(CustomerMailKind.WITHDRAWN, month, correction=Correction(told_at=NOTICE_AT, told_minor=12_000))
    assert rendered.subject == "No charge for October 2026 (our notice is withdrawn)"
    for part in words(rendered):
        assert "we would charge €120.00 for October 2026 to your card. That is withdrawn" in part
        assert told in part
        assert ("next invoice" in part) == bool(carried_minor)


@pytest.mark.parametrize(
    ("currency", "amount_minor", "shown"),
    [
        ("jpy", 1234567, "¥1,234,567"),
        ("ugx", 120_000, "UGX 1,200.00"),  # Babel, as ISO, knows no decimals here; Stripe's minor unit has two
        ("isk", 120_000, "ISK 1,200.00"),
        ("kwd", 1_234_500, "KWD 1,234.500"),
        ("usd", 50, "$0.50"),
        ("chf", 100_000, "CHF 1,000.00"),
    ],
)
def test_amounts_have_the_decimals_of_the_minor_unit(currency: str, amount_minor: int, shown: str) -> None:
    month = announced(("Beans", amount_minor), ("Cups", amount_minor), ("Return", -amount_minor), currency=currency)
    rendered = mail(CustomerMailKind.NOTICE, month)
    assert f"Invoice for October 2026: {shown} on" in rendered.subject
    for part in words(rendered):
        assert len(re.findall(rf"-{re.escape(shown)}(?!\d)", part)) == 1
        assert len(re.findall(rf"(?<!-){re.escape(shown)}(?!\d)", part)) == 4  # two lines, total, sentence


@pytest.mark.parametrize(
    ("timezone", "period", "shown"),
    [
        ("Europe/Paris", "2026-06", "10:00 Paris time (GMT+02:00)"),
        ("Europe/Paris", "2026-12", "10:00 Paris time (GMT+01:00)"),
        (
            "America/New_York",
            "2026-02",
            "Sunday, 8 March 2026, 10:00 New York time (GMT-04:00)",
        ),  # the day clocks change
        ("America/New_York", "2026-01", "10:00 New York time (GMT-05:00)"),
        ("Asia/Kolkata", "2026-06", "10:00 Kolkata time (GMT+05:30)"),
        ("UTC", "2026-06", "10:00 UTC time (GMT+00:00)"),
    ],
)
def test_charge_date_is_on_the_customers_clock(timezone: str, period: str, shown: str) -> None:
    notice_at = Month.open(customer(timezone=timezone), Period(period)).notice_at
    month = announced(period=period, now=notice_at, timezone=timezone)
    for part in words(mail(CustomerMailKind.NOTICE, month)):
        assert shown in part


@pytest.mark.parametrize(
    ("amount_minor", "told"),
    [
        (0, "Your card will not be charged"),
        (20, "€0.20 is too little to be charged by card. It moves to your next invoice"),
        (-700, "Your credit is more than your purchases. It moves to your next invoice"),
    ],
)
def test_nothing_due_tells_what_becomes_of_the_amount(amount_minor: int, told: str) -> None:
    for part in words(mail(CustomerMailKind.NOTHING_DUE, announced(("Beans", amount_minor)))):
        assert "Nothing to pay for October 2026" in part
        assert told in part
