"""What people want done with a payment: how much, whose, and when it takes two of them; and what they type."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.errors import InvalidInput
from billing.period import Period
from billing.receivables.allocation import assigned, booked, reversed_
from billing.receivables.incoming import IncomingPayment, PaymentKind, PaymentRecord
from billing.receivables.instructions import (
    Instruction,
    InstructionKind,
    InstructionRequest,
    InstructionState,
    instructed,
    refund_of,
)
from billing.receivables.journal import NOTHING_OWED, Balance, Subject

AT = datetime(2026, 12, 3, 9, tzinfo=UTC)
NOVEMBER = Subject.month(Period("2026-11"))
UNKNOWN = IncomingPayment(
    rail="transfer", reference="7731", customer_id=None, amount_minor=10_000, currency="eur", paid_at=AT, by="ann"
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
    back = reversed_(refund, paid, {}, AT)
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
        back = reversed_(refund_of(instruction, split, AT), split, {}, AT)
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
            ).evolve(original=UNKNOWN.name, customer_id=whose)
            returned += minor
            moved = reversed_(back, state, {}, AT)
            state = state.evolve(transactions=(*state.transactions, moved), returned_minor=returned)
    assert sum(state.parts.values()) == 10_000 - returned
    assert all(minor > 0 for minor in state.parts.values())


def test_an_instruction_names_itself() -> None:
    instruction = instructed(request(amount="12.50"), record(), {}, AT)
    assert isinstance(instruction, Instruction)
    assert str(instruction) == "assign 12.50 EUR of payment 7731 (transfer) to acme"
    assert instruction.kind is InstructionKind.ASSIGN
