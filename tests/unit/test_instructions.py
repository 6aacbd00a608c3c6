"""What people want done with a payment: how much, whose, and when it takes two of them; and what they type."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing.errors import InvalidInput
from billing.money import LARGEST_AMOUNT_MINOR
from billing.payments.rails import BY_HAND_RAILS
from billing.payments.typed_payment import TypedPayment
from billing.period import Period
from billing.receivables.doubts import AccountState, Doubt, DoubtKind, doubts, leaves_doubts
from billing.receivables.incoming import IncomingPayment, PaymentKind, PaymentRecord, assigned, booked, reversed_
from billing.receivables.instructions import (
    Instruction,
    InstructionKind,
    InstructionRequest,
    InstructionState,
    instructed,
    refund_of,
)
from billing.receivables.journal import NOTHING_OWED, Balance, Outstanding, PaymentName, Subject, credit
from billing.receivables.payment_list import PaymentFilter

AT = datetime(2026, 12, 3, 9, tzinfo=UTC)
NOVEMBER = Subject.month(Period("2026-11"))
UNKNOWN = IncomingPayment(
    rail="transfer", reference="7731", customer_id=None, amount_minor=10_000, currency="eur", paid_at=AT, by="ann"
)
TYPED = TypedPayment(
    "transfer", "7731", "120.00", "eur", "ann", "statement", "acme", "2026-11", "A. Nowak", "2026-12-02"
)
LIMIT = {"eur": 5_000}


def record(payment: IncomingPayment = UNKNOWN, balance: Balance = NOTHING_OWED) -> PaymentRecord:
    transactions = (booked(payment, balance, AT),)
    return PaymentRecord(payment=payment, booked_at=AT, transactions=transactions, returned_minor=0)


def given_to(customer_id: str, minor: int, before: PaymentRecord) -> PaymentRecord:
    to = before.payment.evolve(customer_id=customer_id, amount_minor=minor)
    return before.evolve(transactions=(*before.transactions, assigned(before, to, NOTHING_OWED, AT)))


def request(kind: str = "assign", **fields: Any) -> InstructionRequest:
    values: dict[str, Any] = {
        "customer_id": "acme" if kind == "assign" else None,
        "by": "ann",
        "reason": "asked",
        "via": "cli",
    }
    values |= {"instruction_id": "i1", "kind": kind, "payment": UNKNOWN.name}
    return InstructionRequest(**values | fields)


# -- two people


@pytest.mark.parametrize(
    ("four_eyes", "amount", "state"),
    [
        ({}, "", InstructionState.DONE),
        (LIMIT, "50.00", InstructionState.DONE),
        (LIMIT, "50.01", InstructionState.PROPOSED),
        ({"usd": 10**9}, "0.01", InstructionState.PROPOSED),  # a currency without a limit always takes two
    ],
)
def test_an_assignment_above_the_limit_takes_two_people(
    four_eyes: dict[str, int], amount: str, state: InstructionState
) -> None:
    assert instructed(request(amount=amount), record(), four_eyes, AT).state is state


def test_a_large_payment_in_small_parts_takes_two_people_as_well() -> None:
    assert instructed(request(amount="30"), record(), LIMIT, AT).state is InstructionState.DONE
    after = given_to("bolt", 3_000, record())
    assert instructed(request(amount="20"), after, LIMIT, AT).state is InstructionState.DONE
    assert instructed(request(amount="20.01"), after, LIMIT, AT).state is InstructionState.PROPOSED
    returned = record(UNKNOWN.evolve(customer_id="acme")).evolve(returned_minor=3_000)
    assert instructed(request("refund", amount="20.01"), returned, LIMIT, AT).state is InstructionState.PROPOSED


def test_the_second_person_is_another_one_however_the_name_is_written() -> None:
    proposed = instructed(request(), record(), LIMIT, AT)
    for same in ("ann", " Ann "):
        with pytest.raises(InvalidInput, match="ann has proposed it; somebody else has to confirm it"):
            proposed.confirmed(same, "right", AT)
    confirmed = proposed.confirmed("bob", "right", AT)
    assert (confirmed.state, confirmed.decided_by, confirmed.closed_at) == (InstructionState.DONE, "bob", AT)
    assert confirmed.authors == "asked (confirmed by bob)"
    for late in (confirmed, proposed.rejected("carol", "no", AT)):
        with pytest.raises(InvalidInput, match="already"):
            late.confirmed("bob", "right", AT)
        with pytest.raises(InvalidInput, match="already"):
            late.rejected("bob", "no", AT)


def test_a_processor_has_to_answer_before_a_refund_is_done() -> None:
    paid = record(UNKNOWN.evolve(customer_id="acme", rail="stripe"))
    asked = request("refund", payment=paid.payment.name)
    assert instructed(asked, paid, {}, AT).state is InstructionState.UNDER_WAY
    proposed = instructed(asked, paid, LIMIT, AT)
    assert proposed.confirmed("bob", "right", AT).state is InstructionState.UNDER_WAY
    by_hand = instructed(asked.evolve(refund_reference="9021"), paid, {}, AT)
    assert (by_hand.state, by_hand.closed_at) == (InstructionState.DONE, AT)


# -- how much, and whose


@pytest.mark.parametrize("amount", ["0", "-1", "100.01", "12,50", "1e2", "90071992547409930"])
@pytest.mark.parametrize("kind", ["assign", "refund"])
def test_an_amount_that_there_is_not_is_refused(kind: str, amount: str) -> None:
    with pytest.raises(InvalidInput):
        instructed(request(kind, amount=amount), record(), {}, AT)


def test_a_refund_larger_than_what_is_left_says_what_is_left() -> None:
    paid = record(UNKNOWN.evolve(customer_id="acme"))
    refund = refund_of(instructed(request("refund", amount="60", refund_reference="r1"), paid, {}, AT), paid, AT)
    back = reversed_(refund, paid, NOTHING_OWED, AT)
    after = paid.evolve(transactions=(*paid.transactions, back), returned_minor=6_000)
    with pytest.raises(InvalidInput, match=r"50\.00 EUR cannot be given back: .* are left: 40\.00 EUR acme"):
        instructed(request("refund", amount="50"), after, {}, AT)
    assert instructed(request("refund"), after, {}, AT).amount_minor == 4_000
    with pytest.raises(InvalidInput, match="went back itself"):
        instructed(request("refund", payment=refund.name), record(refund.evolve(amount_minor=-1)), {}, AT)


def test_of_a_payment_that_was_split_only_the_named_part_goes_back() -> None:
    split = given_to("bolt", 2_000, given_to("acme", 7_000, record()))
    assert split.parts == {None: 1_000, "acme": 7_000, "bolt": 2_000}
    for whose, left in ((None, 1_000), ("acme", 7_000), ("bolt", 2_000)):
        asked = request("refund", customer_id=whose, refund_reference="r1")
        instruction = instructed(asked, split, {}, AT)
        assert (instruction.customer_id, instruction.amount_minor) == (whose, left)
        back = reversed_(refund_of(instruction, split, AT), split, NOTHING_OWED, AT)
        after = split.evolve(transactions=(*split.transactions, back), returned_minor=left)
        assert after.parts == {name: minor for name, minor in split.parts.items() if name != whose}
    with pytest.raises(InvalidInput, match=r"no part of payment .* is nobody's"):
        instructed(request("refund", customer_id="nobody"), split, {}, AT)
    whole = given_to("acme", 1_000, split)
    with pytest.raises(InvalidInput, match="Name the customer"):
        instructed(request("refund"), whole, {}, AT)


def test_a_repeat_is_told_from_another_instruction_with_the_same_id() -> None:
    instruction = instructed(request(amount="50", subject=NOVEMBER), record(), {}, AT)
    for same in ("50", "50.00", "50.00 EUR", ""):
        assert instruction.is_of(request(amount=same))
    for other in ({"amount": "51"}, {"customer_id": "bolt"}, {"subject": Subject.month(Period("2026-10"))}):
        assert not instruction.is_of(request(**other))
    assert not instruction.is_of(request("refund", customer_id="acme"))


def test_an_assignment_needs_a_customer_and_money_that_nobody_has() -> None:
    with pytest.raises(InvalidInput, match="Name a customer"):
        instructed(request(customer_id=None), record(), {}, AT)
    with pytest.raises(InvalidInput, match=r"assigned already: 100\.00 EUR credit acme"):
        instructed(request(), given_to("acme", 10_000, record()), {}, AT)


@given(parts=st.lists(st.integers(1, 4_000), max_size=6), refunds=st.lists(st.integers(1, 4_000), max_size=6))
def test_whatever_is_assigned_and_given_back_the_parts_add_up(parts: list[int], refunds: list[int]) -> None:
    state, returned = record(), 0
    for number, minor in enumerate(parts):
        if minor <= state.unmatched_minor:
            state = given_to(("acme", "bolt")[number % 2], minor, state)
    for number, minor in enumerate(refunds):
        whose = list(state.parts)[number % len(state.parts)] if state.parts else None
        if minor <= state.parts.get(whose, 0):
            back = IncomingPayment(
                **dict(UNKNOWN.evolve(reference=f"r{number}", kind=PaymentKind.REFUND, amount_minor=-minor)),
            ).evolve(original="7731", customer_id=whose)
            returned += minor
            moved = reversed_(back, state, NOTHING_OWED, AT)
            state = state.evolve(transactions=(*state.transactions, moved), returned_minor=returned)
    assert sum(state.parts.values()) == 10_000 - returned
    assert all(minor > 0 for minor in state.parts.values())


# -- what is typed


def test_what_is_typed_is_a_payment() -> None:
    payment = TYPED.payment(BY_HAND_RAILS, AT)
    assert (payment.name, payment.amount, payment.customer_id) == (
        PaymentName("transfer", "7731"),
        "120.00 EUR",
        "acme",
    )
    assert (payment.subject, payment.payer, payment.by) == (NOVEMBER, "A. Nowak", "ann")
    assert payment.paid_at == datetime(2026, 12, 2, tzinfo=UTC)
    assert TYPED._replace(paid_on="").payment(BY_HAND_RAILS, AT).paid_at == AT
    assert TYPED._replace(reference="  A  7 ").payment(BY_HAND_RAILS, AT).reference == "A 7"


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
        ({"rail": "stripe"}, "nobody records payments of 'stripe' by hand"),
        ({"month": "2026-13"}, "not a period"),
        ({"customer_id": ""}, "whose month 2026-11 does it pay"),
        ({"paid_on": "2.12.2026"}, "is no day"),
        ({"paid_on": "2026-12-05"}, "is still to come"),
    ],
)
def test_what_cannot_be_recorded_says_what_to_type(typed: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        TYPED._replace(**typed).payment(BY_HAND_RAILS, AT)


def test_a_reference_of_any_length_is_refused_not_cut() -> None:
    with pytest.raises(ValidationError):
        TYPED._replace(reference="7" * 256).payment(BY_HAND_RAILS, AT)


def test_a_transfer_may_be_larger_than_a_charge() -> None:
    assert TYPED._replace(amount="1500000.00").payment(BY_HAND_RAILS, AT).amount_minor == 150_000_000
    assert LARGEST_AMOUNT_MINOR * 1000 < 2**53


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
EARLIER = PaymentName("transfer", "7730")


def found(
    payment: IncomingPayment, balance: Balance, account: AccountState | None, equal: PaymentName | None = None
) -> list[DoubtKind]:
    posted = booked(payment, balance, AT)
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
        ({"customer_id": None}, None, None, [DoubtKind.UNMATCHED]),
        ({}, ACME, EARLIER, [DoubtKind.REPEATED]),
        ({"currency": "usd"}, ACME, None, [DoubtKind.CURRENCY]),
        ({"subject": Subject.month(Period("2026-10"))}, ACME, None, [DoubtKind.NOT_OWED]),
        ({"subject": Subject.month(Period("2026-10"))}, CLOSED, None, [DoubtKind.CLOSED, DoubtKind.NOT_OWED]),
        ({"amount_minor": 10_001}, CLOSED, None, [DoubtKind.CLOSED]),
    ],
)
def test_money_that_may_be_elsewhere_than_meant_leaves_a_doubt(
    fields: dict[str, Any], account: AccountState | None, equal: PaymentName | None, kinds: list[DoubtKind]
) -> None:
    assert found(UNKNOWN.evolve(**{"customer_id": "acme"} | fields), OWED, account, equal) == kinds


def test_a_doubt_names_the_amount_that_is_in_doubt() -> None:
    payment = UNKNOWN.evolve(customer_id="acme", amount_minor=10_300)
    (doubt,) = doubts(payment, booked(payment, OWED, AT), CLOSED, None)
    assert doubt == Doubt(
        kind=DoubtKind.CLOSED,
        text="3.00 EUR of payment 7731 (transfer) is credit of acme, whose account is closed: no draft will use it",
    )
    assert credit("acme") in {entry.account for entry in booked(payment, OWED, AT).entries}


def test_an_instruction_names_itself() -> None:
    instruction = instructed(request(amount="12.50"), record(), {}, AT)
    assert isinstance(instruction, Instruction)
    assert str(instruction) == "assign 12.50 EUR of payment 7731 (transfer) to acme"
    assert instruction.kind is InstructionKind.ASSIGN
