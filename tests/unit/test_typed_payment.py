"""What people type of money that has arrived, what they search for, and the doubts that it leaves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from billing.errors import InvalidInput
from billing.money import MAX_AMOUNT_MINOR
from billing.payments.rails import RAILS
from billing.payments.typed_payment import TypedPayment
from billing.period import Period
from billing.receivables.allocation import booked
from billing.receivables.doubts import AccountState, Doubt, DoubtKind, doubts, leaves_doubts
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import AccountKind, Balance, Outstanding, PaymentName, Subject
from billing.receivables.payment_list import PaymentFilter
from tests.unit.test_instructions import AT, NOVEMBER, UNKNOWN

TYPED = TypedPayment(
    "transfer", "7731", "120.00", "eur", "ann", "statement", "acme", "2026-11", "A. Nowak", "2026-12-02"
)


# -- what is typed


def test_what_is_typed_is_a_payment() -> None:
    payment = TYPED.payment(RAILS, AT)
    assert (payment.name, payment.amount, payment.customer_id) == (
        PaymentName.of("transfer", "7731"),
        "120.00 EUR",
        "acme",
    )
    assert (payment.subject, payment.payer, payment.by) == (NOVEMBER, "A. Nowak", "ann")
    assert payment.paid_at == datetime(2026, 12, 2, tzinfo=UTC)
    assert TYPED._replace(paid_on="").payment(RAILS, AT).paid_at == AT
    assert TYPED._replace(reference="  A  7 ").payment(RAILS, AT).reference == "A 7"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "0"}, "0 is no payment"),
        ({"amount": "-5"}, "-5 is no payment; what went back is recorded as a refund"),
        ({"amount": str(2**53 + 1)}, "is more than any amount"),
        ({"amount": "10000000000.00"}, "is more than the 9999999999.99 EUR limit"),
        ({"amount": ""}, "the amount is empty"),
        ({"currency": "xxx"}, "not a currency"),
        ({"reference": " "}, "the reference is empty"),
        ({"reference": "7\u202e31"}, "invisible"),
        ({"rail": "stripe"}, "payments on 'stripe' are not recorded by hand"),
        ({"month": "2026-13"}, "not a period"),
        ({"customer_id": ""}, "whose month 2026-11 does it pay"),
        ({"paid_on": "2.12.2026"}, "is no day"),
        ({"paid_on": "2026-12-05"}, "is still to come"),
    ],
)
def test_what_cannot_be_recorded_says_what_to_type(typed: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        TYPED._replace(**typed).payment(RAILS, AT)


def test_a_reference_of_any_length_is_refused_not_cut() -> None:
    with pytest.raises(ValidationError):
        TYPED._replace(reference="7" * 256).payment(RAILS, AT)


def test_a_transfer_may_be_larger_than_a_charge() -> None:
    assert TYPED._replace(amount="1500000.00").payment(RAILS, AT).amount_minor == 150_000_000
    assert MAX_AMOUNT_MINOR * 1000 < 2**53


@pytest.mark.parametrize(
    ("search", "amounts"),
    [
        ("12.50", {2: 1250, 3: 12500}),
        ("12", {0: 12, 2: 1200, 3: 12000}),
        ("12.00", {0: 12, 2: 1200, 3: 12000}),
        ("12.345", {3: 12345}),
        ("12,50", {}),
        ("nowak", {}),
        ("1.2345", {}),
    ],
)
def test_an_amount_is_searched_for_in_every_currency(search: str, amounts: dict[int, int]) -> None:
    assert PaymentFilter(search=search).amounts_minor == amounts


# -- doubts


OWED = Balance(owed=(Outstanding(subject=NOVEMBER, currency="eur", amount_minor=10_000, due_at=AT),), credits={})
ACME, CLOSED = AccountState("eur", False), AccountState("eur", True)
EARLIER = "7730 (transfer)"


def found(
    payment: IncomingPayment, balance: Balance, account: AccountState | None, equal: str = "", at: datetime = AT
) -> list[DoubtKind]:
    posted = booked(payment, balance, at)
    kinds = [doubt.kind for doubt in doubts(payment, posted, account, equal)]
    assert leaves_doubts(payment, posted) or not kinds
    return kinds


def test_money_that_pays_what_it_should_leaves_no_doubt() -> None:
    payment = UNKNOWN.evolve(customer_id="acme", subject=NOVEMBER)
    assert found(payment, OWED, ACME) == []
    assert not leaves_doubts(payment.evolve(by=None), booked(payment, OWED, AT))
    assert found(payment.evolve(subject=None, amount_minor=12_000), OWED, ACME) == []  # the rest is ordinary credit


@pytest.mark.parametrize(
    ("fields", "account", "equal", "kinds"),
    [
        ({"customer_id": None}, None, "", [DoubtKind.UNMATCHED]),
        ({}, ACME, EARLIER, [DoubtKind.REPEATED]),
        ({"currency": "usd"}, ACME, "", [DoubtKind.CURRENCY]),
        ({"subject": Subject.month(Period("2026-10"))}, ACME, "", [DoubtKind.NOT_OWED]),
        ({"subject": NOVEMBER, "amount_minor": 9_000}, AccountState("eur", False, 10_000), "", [DoubtKind.PART]),
        ({"subject": Subject.month(Period("2026-10"))}, CLOSED, "", [DoubtKind.CLOSED, DoubtKind.NOT_OWED]),
        ({"amount_minor": 10_001}, CLOSED, "", [DoubtKind.CLOSED]),
    ],
)
def test_money_that_may_be_elsewhere_than_meant_leaves_a_doubt(
    fields: dict[str, Any], account: AccountState | None, equal: str, kinds: list[DoubtKind]
) -> None:
    at = AT - timedelta(days=1) if DoubtKind.PART in kinds else AT
    assert found(UNKNOWN.evolve(**{"customer_id": "acme"} | fields), OWED, account, equal, at) == kinds


def test_a_doubt_names_the_amount_that_is_in_doubt() -> None:
    payment = UNKNOWN.evolve(customer_id="acme", amount_minor=10_300)
    (doubt,) = doubts(payment, booked(payment, OWED, AT), CLOSED, "")
    assert doubt == Doubt(
        kind=DoubtKind.CLOSED,
        text="3.00 EUR of payment 7731 (transfer) is credit of acme, whose account is closed: no draft will use it",
    )
    assert AccountKind.CREDIT in {entry.account.kind for entry in booked(payment, OWED, AT).entries}
