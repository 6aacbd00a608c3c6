"""The journal's rules: what balances, what a payment pays, and a journal that somebody has changed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing.completeness.check import CompletenessCheck
from billing.completeness.report import FindingKind
from billing.period import Period
from billing.receivables.allocation import booked
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import (
    AccountKind,
    Balance,
    Cause,
    Entry,
    Outstanding,
    Subject,
    Transaction,
    clearing,
    credit,
    moved,
    receivable,
)
from billing.receivables.listing import AccountTotal

AT = datetime(2026, 11, 3, tzinfo=UTC)
MONTHS = [Subject.month(Period(f"2026-{number:02}")) for number in range(1, 7)]
minor = st.integers(1, 2000)
payments = st.builds(
    IncomingPayment,
    rail=st.just("bank"),
    reference=st.just("1"),
    customer_id=st.sampled_from(["acme", None]),
    subject=st.sampled_from([None, *MONTHS]),
    amount_minor=minor,
    currency=st.just("eur"),
    paid_at=st.just(AT),
    original=st.just(None),
)
balances = st.builds(
    Balance,
    owed=st.lists(
        st.builds(
            Outstanding,
            subject=st.sampled_from(MONTHS),
            currency=st.sampled_from(["eur", "eur", "usd"]),
            amount_minor=st.one_of(minor, st.integers(-2000, -1)),
            due_at=st.one_of(st.none(), st.integers(-40, 40).map(lambda days: AT + timedelta(days=days))),
        ),
        max_size=6,
        unique_by=lambda item: (item.subject, item.currency),
    ).map(tuple),
    credits=st.dictionaries(st.just("eur"), st.integers(-2000, 2000).filter(bool)),
)


def test_entries_that_do_not_add_up_are_no_transaction() -> None:
    debit = Entry(account=clearing("bank"), amount_minor=500, currency="eur")
    for other in (-499, -500):
        entries = (debit, Entry(account=credit("acme"), amount_minor=other, currency="eur" if other != -500 else "usd"))
        with pytest.raises(ValidationError, match="do not add up to zero"):
            Transaction(key="k", cause=Cause.PAYMENT, at=AT, customer_id="acme", entries=entries)
    assert moved(0, "eur", clearing("bank"), credit("acme")) == ()


@given(payment=payments, balance=balances)
def test_every_payment_is_booked_whole_and_pays_no_more_than_is_owed(
    payment: IncomingPayment, balance: Balance
) -> None:
    transaction = booked(payment, balance, AT)
    shares = {entry.account: entry.amount_minor for entry in transaction.entries}
    assert len(shares) == len(transaction.entries)
    assert shares.pop(clearing("bank")) == payment.amount_minor
    assert sum(shares.values()) == -payment.amount_minor
    assert {entry.currency for entry in transaction.entries} == {"eur"}
    if payment.customer_id is None:
        assert [account.kind for account in shares] == [AccountKind.UNMATCHED]
        return
    for item in balance.owed:
        share = -shares.get(receivable("acme", item.subject), 0)
        if item.currency == "eur" and payment.amount_minor > 0:
            assert 0 <= share <= max(0, item.amount_minor)
        if item.currency == "eur" and item.due_at is not None and item.due_at > AT:
            assert share in (0, item.amount_minor), "a bill that is not due yet is paid whole or not at all"
        if payment.subject not in (None, item.subject):
            assert share == 0


@pytest.mark.parametrize(
    ("named", "paid_for"),
    [
        (MONTHS[0], [(MONTHS[0], 100), (MONTHS[0], 250)]),
        (None, [(MONTHS[1], 100), (MONTHS[3], 100), (MONTHS[0], 100), (None, 50)]),
    ],
)
def test_what_it_names_is_paid_and_nothing_else_or_what_fell_due_first(
    named: Subject | None, paid_for: list[tuple[Subject | None, int]]
) -> None:
    owed = [
        Outstanding(
            subject=subject, currency="eur", amount_minor=100, due_at=AT + timedelta(days=days) if days else None
        )
        for subject, days in zip(MONTHS, (5, 3, 0, 4), strict=False)
    ]
    paid = IncomingPayment(
        rail="bank", reference="1", customer_id="acme", amount_minor=350, currency="eur", paid_at=AT, subject=named
    )
    entries = booked(paid, Balance(owed=tuple(owed), credits={}), AT + timedelta(days=9)).entries[1:]
    assert [(entry.account.subject, -entry.amount_minor) for entry in entries] == paid_for


@pytest.mark.parametrize(("billed_minor", "found"), [(-500, []), (-499, [FindingKind.UNBALANCED])])
def test_a_journal_that_was_changed_past_the_application_is_found(billed_minor: int, found: list[FindingKind]) -> None:
    totals = [
        AccountTotal(kind=kind, rail=None, currency="eur", opening_minor=opening, debited_minor=0, credited_minor=0)
        for kind, opening in ((AccountKind.RECEIVABLE, 500), (AccountKind.BILLED, billed_minor))
    ]
    check = CompletenessCheck(Period("2026-11"), AT, None)
    check.balances(totals)
    assert [finding.kind for finding in check.coverage().findings] == found
