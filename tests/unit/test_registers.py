"""A rail's register beside its clearing account, payment by payment."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.accounting.discrepancy import DiscrepancyKind, RailTotal
from billing.accounting.registers import RailPayment, finding_of, registered, side_by_side, totals
from billing.payments.payment import Payment, PaymentStatus, Reversal, ReversalKind, ReversalStatus
from billing.receivables.incoming import ClearedPayment
from billing.receivables.journal import PaymentName
from billing.remedies import RemedyAction
from tests.unit.november_books import AT, NOVEMBER, PAYMENT

LINK = PAYMENT.evolve(rail="stripe-link", payment_id="pi_9", by_link=True)
REFUND = Reversal(
    reversal_id="re_1",
    payment_id="pi_1",
    kind=ReversalKind.REFUND,
    amount_minor=250,
    currency="eur",
    status=ReversalStatus.RETURNED,
    code="succeeded",
    created_at=AT,
)
DISPUTE = REFUND.evolve(reversal_id="dp_1", kind=ReversalKind.DISPUTE, amount_minor=1000, status=ReversalStatus.PENDING)


def cleared(amount_minor: int, reference: str = "pi_1", rail: str = "stripe", **changes: object) -> ClearedPayment:
    row = ClearedPayment(
        rail=rail,
        digest=PaymentName.of(rail, reference).digest,
        reference=reference,
        customer_id="acme",
        by=None,
        currency="eur",
        amount_minor=amount_minor,
    )
    return row.evolve(**changes)


def one(payment: Payment | None, *rows: ClearedPayment, reversals: tuple[Reversal, ...] = ()) -> RailPayment:
    (pair,) = side_by_side([payment] if payment else [], reversals, rows)
    return pair


@pytest.mark.parametrize(
    ("payment", "reversals", "minor"),
    [
        (PAYMENT, (), 1250),
        (PAYMENT, (REFUND,), 1000),
        (PAYMENT, (REFUND, DISPUTE), 0),
        (PAYMENT, (REFUND, DISPUTE.evolve(status=ReversalStatus.KEPT)), 1000),
        (PAYMENT, (REFUND.evolve(status=ReversalStatus.ASKED),), 1250),
        (PAYMENT.evolve(status=PaymentStatus.PROCESSING), (), 0),
        (PAYMENT.evolve(status=PaymentStatus.PROCESSING), (REFUND,), 1000),  # it overtakes its payment
        (PAYMENT.evolve(status=PaymentStatus.CANCELED), (), 0),
    ],
)
def test_the_register_has_what_was_taken_less_what_has_moved_back(
    payment: Payment, reversals: tuple[Reversal, ...], minor: int
) -> None:
    assert registered(payment, reversals) == Counter(eur=minor)


def test_books_that_agree_have_equal_sums_for_each_rail_and_currency() -> None:
    yen = PAYMENT.evolve(payment_id="pi_2", currency="jpy", amount_minor=99)
    refunded = PAYMENT.evolve(payment_id="pi_3", reversed=True)
    rows = [cleared(1250), cleared(99, "pi_2", currency="jpy"), cleared(1000, "pi_3"), cleared(1250, "pi_9", LINK.rail)]
    reversals = [REFUND.evolve(payment_id="pi_3")]
    pairs = side_by_side([PAYMENT, yen, refunded, LINK], reversals, rows)
    assert all(pair.agrees for pair in pairs)
    assert totals(pairs) == (
        RailTotal(rail="stripe", currency="eur", register_minor=2250, clearing_minor=2250),
        RailTotal(rail="stripe", currency="jpy", register_minor=99, clearing_minor=99),
        RailTotal(rail="stripe-link", currency="eur", register_minor=1250, clearing_minor=1250),
    )


def test_a_payment_that_never_brought_money_agrees_with_an_empty_journal_and_has_no_sum() -> None:
    pair = one(PAYMENT.evolve(status=PaymentStatus.DECLINED))
    assert pair.agrees
    assert totals([pair]) == ()


def test_a_payment_that_is_not_ours_is_in_no_register() -> None:
    assert side_by_side([PAYMENT.evolve(key="", customer_id="", period="")], [], []) == []


def test_what_the_journal_lacked_and_has_now_is_repaired() -> None:
    before = one(PAYMENT)
    finding = finding_of(before, before._replace(cleared=Counter(eur=1250)), NOVEMBER)
    assert finding is not None
    assert (finding.kind, finding.repaired, finding.payment_id) == (DiscrepancyKind.MISSING, True, "pi_1")
    assert "the processor has 12.50 EUR of pi_1 (stripe), the journal had nothing" in finding.text


def test_a_refund_that_the_journal_lacked_is_a_repaired_difference_of_the_amount() -> None:
    before = one(PAYMENT.evolve(reversed=True), cleared(1250), reversals=(REFUND,))
    finding = finding_of(before, before._replace(cleared=Counter(eur=1000)), NOVEMBER)
    assert finding is not None
    assert (finding.kind, finding.repaired) == (DiscrepancyKind.AMOUNT, True)
    assert "has 10.00 EUR of pi_1 (stripe), the journal had 12.50 EUR" in finding.text


def test_a_payment_that_was_only_seen_between_two_writes_is_no_finding() -> None:
    before = one(PAYMENT.evolve(status=PaymentStatus.PROCESSING), cleared(1250))
    assert not before.agrees
    assert finding_of(before, before._replace(registered=Counter(eur=1250)), NOVEMBER) is None


def test_money_in_the_journal_that_the_processor_does_not_have_is_for_a_person() -> None:
    pair = one(None, cleared(6000, "pi_x"))
    finding = finding_of(pair, pair, NOVEMBER)
    assert finding is not None
    assert (finding.kind, finding.repaired, finding.customer_id) == (DiscrepancyKind.MISSING, False, "acme")
    assert "the processor has nothing of pi_x (stripe), the journal 60.00 EUR" in finding.text
    (remedy,) = finding.remedies
    assert (remedy.action, remedy.rail, remedy.reference) == (RemedyAction.SHOW_PAYMENT, "stripe", "pi_x")


def test_money_that_the_journal_cannot_take_in_is_for_a_person() -> None:
    pair = one(PAYMENT)
    finding = finding_of(pair, pair, NOVEMBER)
    assert finding is not None
    assert (finding.kind, finding.repaired, finding.remedies) == (DiscrepancyKind.MISSING, False, ())
    assert "the journal nothing; find out who changed the ledger" in finding.text


def test_an_amount_that_differs_is_for_a_person() -> None:
    pair = one(PAYMENT, cleared(1300))
    finding = finding_of(pair, pair, NOVEMBER)
    assert finding is not None
    assert (finding.kind, finding.repaired) == (DiscrepancyKind.AMOUNT, False)


def test_of_rails_by_hand_the_sum_is_known_and_nobody_has_confirmed_it() -> None:
    rows = [cleared(10000, "7731", "transfer", by="ann"), cleared(-2500, "7732", "transfer", by="ann")]
    pairs = side_by_side([], [], rows)
    assert all(pair.agrees for pair in pairs)
    (total,) = totals(pairs)
    assert (total.register_minor, total.clearing_minor, total.difference_minor) == (None, 7500, None)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**12), st.integers(0, 10**12), st.booleans())))
def test_the_sums_differ_by_what_the_payments_differ_by(books: list[tuple[int, int, int, bool]]) -> None:
    payments, rows, difference = [], [], Counter[str]()
    for number, (rail, at_processor, in_journal, is_there) in enumerate(books):
        name, reference = f"rail-{rail}", f"pi_{number}"
        if is_there:
            payments.append(PAYMENT.evolve(rail=name, payment_id=reference, amount_minor=at_processor))
        rows.append(cleared(in_journal, reference, name))
        difference[name] += (at_processor if is_there else 0) - in_journal
    found = {total.rail: total.difference_minor for total in totals(side_by_side(payments, [], rows))}
    assert found == difference
