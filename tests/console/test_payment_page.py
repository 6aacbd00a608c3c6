"""The page of a payment: money assigned and given back, by two people above a limit."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import PaymentName
from billing.reviewers.users import Role
from tests.console.paying import FORM, LATE, PAYMENT, RECORD, UNKNOWN, Person, alerts, ann, desk, signed_in
from tests.console.people import Office
from tests.console.reviewing import readable

__all__ = ["ann", "desk"]  # fixtures


async def test_unmatched_money_is_split_among_customers(desk: Office, ann: Person) -> None:
    await desk.ledger.book(UNKNOWN, LATE)
    page = await ann.send("assign", customer="acme", amount="30.00", month="2026-11")
    assert "Done. 30.00 EUR of payment 77 /31? (transfer) is credit of acme: the bill" in page
    assert "is not due yet, and is paid whole or not at all" in page
    assert "Assigned by ann asked by phone" in page
    page = await ann.send("assign", customer="bolt")
    assert "Done. Assigned to bolt." in page
    assert "Unmatched nothing" in page
    record = await desk.ledger.incoming_payment(UNKNOWN.name)
    assert record is not None
    assert record.parts == {"acme": 3000, "bolt": 2000}
    assert (await desk.ledger.balance("acme")).owed[0].amount_minor == 5000, "not due yet: paid whole or not at all"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "50.01"}, "50.01 EUR cannot be assigned: 50.00 EUR of payment"),
        ({"amount": "0"}, "0.00 EUR cannot be assigned"),
        ({"amount": "x"}, "is not an amount in EUR"),
        ({"customer": "nobody"}, "The ledger does not know nobody"),
        ({"customer": ""}, "Name a customer"),
        ({"month": "2026-13"}, "is not a period"),
        ({"reason": " "}, "Reason: String should have at least 1 character"),
    ],
)
async def test_what_cannot_be_assigned_is_said_and_kept_in_the_form(
    desk: Office, ann: Person, typed: dict[str, str], said: str
) -> None:
    await desk.ledger.book(UNKNOWN, LATE)
    form = await ann.form("assign") | {"customer": "acme", "reason": "asked by phone"} | typed
    answer = await ann.browser.post(f"{PAYMENT}/assign", data=form)
    assert answer.status_code == 422
    assert said in readable(answer.text)
    if "reason" not in typed:
        assert 'value="asked by phone"' in answer.text
    record = await desk.ledger.incoming_payment(UNKNOWN.name)
    assert record is not None
    assert record.unmatched_minor == 5000


async def test_money_assigned_to_somebody_elses_debt_is_credit_and_a_person_is_told(desk: Office, ann: Person) -> None:
    await desk.ledger.book(UNKNOWN, LATE)
    page = await ann.send("assign", customer="bolt", month="2026-12")
    assert "Bolt owes nothing for the month 2026-12" in page
    assert (await desk.ledger.balance("bolt")).credits == {"eur": -5000}
    assert any("bolt owes nothing" in text for text in await alerts(desk))


async def test_a_double_click_assigns_once(desk: Office, ann: Person) -> None:
    await desk.ledger.book(UNKNOWN, LATE)
    form = await ann.form("assign") | {"customer": "acme", "amount": "20", "reason": "asked"}
    for _ in range(2):
        await ann.post(f"{PAYMENT}/assign", form)
    record = await desk.ledger.incoming_payment(UNKNOWN.name)
    assert record is not None
    assert record.unmatched_minor == 3000


# -- given back


async def test_money_goes_back_by_hand_and_never_more_than_is_left(desk: Office, ann: Person) -> None:
    await ann.post(RECORD, FORM)
    page = await ann.send("refund", reference="8001", amount="20", refund_reference="9001")
    assert "Done. Given back as 9001." in page
    assert "Went back €20.00" in page
    page = await ann.send("refund", 422, reference="8001", amount="30.01", refund_reference="9002")
    assert "30.01 EUR cannot be given back: of payment 8001 (transfer) are left: 30.00 EUR acme" in page
    page = await ann.send("refund", 422, reference="8001", amount="1", refund_reference="9001")
    assert "9001 (transfer) is in the books already" in page
    page = await ann.send("refund", 422, reference="8001", amount="1", refund_reference=" ")
    assert "name the refund by the bank's reference" in page
    assert "refund of another payment" in await ann.payment("9001")


async def test_a_refund_to_be_made_by_hand_is_confirmed_with_the_banks_reference(desk: Office, ann: Person) -> None:
    await ann.post(RECORD, FORM)
    name = PaymentName.of("transfer", "8001")
    asked = InstructionRequest(
        instruction_id="1", kind=InstructionKind.REFUND, payment=name, by_hand=True, by="bob", reason="x", via="cli"
    )
    await desk.ledger.instruct(asked, {}, LATE)
    page = await ann.payment("8001")
    assert "to be given back by hand" in page
    form = name._asdict() | {"instruction_id": "1", "reason": "paid out"}
    assert "confirm with the bank's reference" in await ann.post(f"{PAYMENT}/confirm", form, 422)
    page = await ann.post(f"{PAYMENT}/confirm", form | {"refund_reference": "9021"})
    assert "Done. Given back as 9021." in page
    assert "Went back €50.00" in page


# -- two people


async def test_a_large_sum_is_proposed_by_one_and_confirmed_by_another(desk: Office, ann: Person) -> None:
    await desk.ledger.book(UNKNOWN.evolve(amount_minor=20_000), LATE)
    page = await ann.send("assign", customer="acme")
    assert "Proposed. An amount like this takes two people" in page
    assert "You cannot confirm it: ann has proposed it" in page
    assert "Waits for a person 1" in await ann.page()
    (waiting,) = await desk.ledger.instructions()
    by_ann = UNKNOWN.name._asdict() | {"reason": "mine"}
    page = await ann.post(f"{PAYMENT}/confirm", by_ann | {"instruction_id": waiting.instruction_id}, 422)
    assert "somebody else has to confirm it" in page
    async with signed_in(desk, "rob", Role.REVIEWER) as rob:
        assert "Confirm" not in await rob.payment()
    async with signed_in(desk, "bob") as bob:
        page = await bob.send("confirm", reason="compared")
        assert "Done. Assigned to acme" in page
        assert "confirmed by bob: compared" in page
        audit = await bob.page("/desk/audit")
    for words in ("propose to assign", "confirm", "assign payment", "compared"):
        assert words in audit
    assert "Waits for a person" not in await ann.page()


async def test_a_proposal_is_rejected_and_moves_nothing(desk: Office, ann: Person) -> None:
    await desk.ledger.book(UNKNOWN.evolve(amount_minor=20_000), LATE)
    await ann.send("refund", refund_reference="9001")
    (waiting,) = await desk.ledger.instructions()
    form = UNKNOWN.name._asdict() | {"instruction_id": waiting.instruction_id}
    assert "Say why" in await ann.post(f"{PAYMENT}/reject", form, 422)
    page = await ann.post(f"{PAYMENT}/reject", form | {"reason": "not theirs"})
    assert "rejected by ann: not theirs" in page
    assert await desk.ledger.incoming_payment(PaymentName.of("transfer", "9001")) is None
    unknown = form | {"instruction_id": uuid.uuid4().hex, "reason": "x"}
    assert "There is no instruction" in await ann.post(f"{PAYMENT}/confirm", unknown, 422)


@pytest.mark.parametrize(("hours", "is_lost"), [(1, False), (4, True)])
async def test_a_gateways_refund_is_rejected_once_its_outcome_was_not_told_for_hours(
    desk: Office, ann: Person, hours: int, is_lost: bool
) -> None:
    paid = UNKNOWN.evolve(rail="wayforpay", reference="W-1", customer_id="acme", by=None, reason=None)
    await desk.ledger.book(paid, LATE)
    asked = InstructionRequest(
        instruction_id="1", kind=InstructionKind.REFUND, payment=paid.name, by="bob", reason="twice", via="cli"
    )
    await desk.ledger.instruct(asked, {}, LATE)
    await desk.ledger.begin_refund("1", 0, None, datetime.now(UTC) - timedelta(hours=hours))
    page = await ann.payment("W-1", "wayforpay")
    assert ("Ask again" in page, "Look it up in its own pages" in page, "Reject" in page) == (True, is_lost, is_lost)
    form = paid.name._asdict() | {"instruction_id": "1", "reason": "nothing went back"}
    page = await ann.post(f"{PAYMENT}/reject", form, 303 if is_lost else 422)
    assert ("rejected by ann: nothing went back" in page) is is_lost
