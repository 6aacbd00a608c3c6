"""Events: what follows from which transactions, once; and who takes what is signed."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.events.event import EventType, pause, ping
from billing.events.signature import signed
from billing.receivables.allocation import reversed_
from billing.receivables.events import Standing
from billing.receivables.incoming import PaymentKind, PaymentRecord
from billing.receivables.journal import Account, Cause, PaymentName, Transaction, clearing, credit, written_off
from sandbox.stand_ins.event_receiver import is_genuine
from tests.unit.told_events import AT, CREDIT, DUE, NOVEMBER, OWED, bill, by_card, paid, told, transaction, void


def disputed(payment: Transaction, amount_minor: int, original: str = "pi_1") -> Transaction:
    """A dispute of a payment, whose reference is ``original``."""
    was = by_card(amount_minor, original)
    dispute = was.evolve(
        reference=f"dp of {original}", kind=PaymentKind.CHARGEBACK, amount_minor=-amount_minor, original=was.name
    )
    record = PaymentRecord(payment=was, booked_at=DUE, transactions=(payment,), returned_minor=0)
    return reversed_(dispute, record, {}, DUE)


def types(*batches: Iterable[Transaction]) -> list[str]:
    return [str(event.type) for event in told(*batches)]


def test_a_bill_and_its_payment_are_three_events() -> None:
    issued, paid_, settled = told([bill(1000)], [paid(1000, 1000)])
    assert (issued.type, paid_.type, settled.type) == ("bill.issued", "payment.booked", "receivable.settled")
    assert {event.customer_id for event in (issued, paid_, settled)} == {"acme"}
    assert settled.created_at == DUE


def test_a_part_does_not_settle_and_too_much_does() -> None:
    assert types([bill(1000)], [paid(400, 1000)]) == ["bill.issued", "payment.booked"]
    assert types([bill(1000)], [paid(400, 1000)], [paid(700, 600, "pi_2")])[-1] == "receivable.settled"


def test_what_is_settled_opened_by_a_dispute_and_settled_again_is_two_events() -> None:
    payment = paid(1000, 1000)
    events = told([bill(1000)], [payment], [disputed(payment, 1000)], [paid(1000, 1000, "pi_2")])
    settled = [event for event in events if event.type is EventType.RECEIVABLE_SETTLED]
    assert len(settled) == len({event.id for event in settled}) == 2
    amounts = [event.data.amount_minor for event in events if event.type is EventType.PAYMENT_BOOKED]  # type: ignore[attr-defined]
    assert amounts == [1000, -1000, 1000]


def test_a_corrected_bill_voids_the_one_before_and_is_settled_at_once_if_it_is_paid_already() -> None:
    assert types([bill(1000)], [void(1000), bill(700, key="2")]) == ["bill.issued", "bill.voided", "bill.issued"]
    again = types([bill(1000)], [paid(1000, 1000)], [void(1000), bill(700, key="2")])
    assert again[-3:] == ["bill.voided", "bill.issued", "receivable.settled"]


def test_a_bill_that_is_void_is_not_settled_by_what_follows() -> None:
    freed = transaction(Cause.FREED, (OWED, 1000), (CREDIT, -1000))
    assert types([bill(1000)], [paid(1000, 1000)], [void(1000)], [freed])[-1] == "bill.voided"
    taken = [transaction(Cause.DRAFT, (OWED, 20), (CREDIT, -20))]
    given_back = transaction(Cause.SKIP, (CREDIT, 20), (OWED, -20))
    assert types(taken, [bill(1000)], [void(1000), given_back])[-1] == "bill.voided"


def test_a_draft_that_takes_credit_tells_nothing_and_its_bill_is_settled_by_it() -> None:
    draft = transaction(Cause.DRAFT, (CREDIT, 300), (OWED, -300))
    assert types([draft]) == []
    assert types([draft], [bill(300, due_at=None)]) == ["bill.issued", "receivable.settled"]


@pytest.mark.parametrize(
    ("cause", "account"),
    [
        (Cause.CARRY, CREDIT),
        (Cause.WRITE_OFF, written_off("acme", NOVEMBER)),
        (Cause.SETTLEMENT, written_off("acme", NOVEMBER)),
    ],
)
def test_a_debt_ends_by_other_means_too_and_the_event_says_which(cause: Cause, account: Account) -> None:
    *_, settled = told([bill(20)], [transaction(cause, (account, 20), (OWED, -20))])
    assert settled.data.model_dump()["cause"] == cause


def test_money_that_waits_for_its_bill_settles_it_once_it_is_posted() -> None:
    early = transaction(Cause.PAYMENT, (clearing("stripe"), 1000), (credit("acme", NOVEMBER), -1000))
    early = early.evolve(payment=PaymentName.of("stripe", "pi_1"))
    pays = transaction(Cause.ALLOCATION, (credit("acme", NOVEMBER), 1000), (OWED, -1000))
    assert types([early], [bill(1000)], [pays]) == ["payment.booked", "bill.issued", "receivable.settled"]


def test_a_payment_of_several_customers_is_told_to_each_with_their_part() -> None:
    split = transaction(Cause.CHARGEBACK, (clearing("bank"), -900), (OWED, 600), (credit("kiwi"), 300))
    split = split.evolve(customer_id=None, payment=PaymentName.of("bank", "1"))
    assert [(event.customer_id, event.data.model_dump()["amount_minor"]) for event in told([split])] == [
        ("acme", -600),
        ("kiwi", -300),
    ]
    assert len({event.id for event in told([split])}) == 2


def test_the_same_facts_have_the_same_ids_and_no_two_events_share_one() -> None:
    payment = paid(1000, 1000)
    story = [bill(1000)], [payment], [disputed(payment, 1000)], [void(1000), bill(700, key="2")]
    ids = [event.id for event in told(*story)]
    assert ids == [event.id for event in told(*story)]
    assert len(set(ids)) == len(ids)


amounts = st.sampled_from([20, 300, 1000])
MOVES = st.tuples(st.sampled_from(["bill", "void", "paid", "returned", "written off"]), amounts)


@given(st.lists(st.lists(MOVES, min_size=1, max_size=3), max_size=12))
def test_whatever_is_posted_a_debt_is_told_settled_whenever_it_becomes_so(moves: list[list[tuple[str, int]]]) -> None:
    """After each batch, the last event of a bill says whether it is settled, as a receiver would understand it."""
    number, standing, batches = 0, Standing(), list[list[Transaction]]()
    expected = list[bool]()
    for batch in moves:
        posted = list[Transaction]()
        was_settled, reopened = standing.is_settled, False
        for name, minor in batch:
            number += 1
            made = _move(name, minor, number, standing)
            if made is None:
                continue
            posted.append(made)
            change = sum(entry.amount_minor for entry in made.entries if entry.account == OWED)
            standing = standing.after(made.cause, change)
            reopened = reopened or not standing.is_settled
        batches.append(posted)
        expected.append(standing.is_settled and (not was_settled or reopened))
    counts = [types(*batches[:n]).count("receivable.settled") for n in range(len(batches) + 1)]
    assert [after - before for before, after in pairwise(counts)] == [int(settles) for settles in expected]


def _move(name: str, minor: int, number: int, standing: Standing) -> Transaction | None:
    match name:
        case "bill" if not standing.is_billed:
            return bill(minor, key=str(number))
        case "void" if standing.is_billed:
            return void(minor, key=str(number))
        case "paid" | "returned":
            sign, cause = (1, Cause.PAYMENT) if name == "paid" else (-1, Cause.CHARGEBACK)
            made = transaction(cause, (clearing("stripe"), sign * minor), (OWED, -sign * minor), key=str(number))
            return made.evolve(payment=PaymentName.of("stripe", f"pi_{number}"))
        case "written off":
            return transaction(Cause.WRITE_OFF, (written_off("acme", NOVEMBER), minor), (OWED, -minor), key=str(number))
    return None


def test_the_pauses_grow_from_a_second_to_ten_minutes() -> None:
    assert [pause(tries).total_seconds() for tries in (1, 2, 3, 10, 11, 10**9)] == [1, 2, 4, 512, 600, 600]


# -- the document


def test_the_stand_in_takes_what_is_signed_with_either_secret_for_some_minutes() -> None:
    body, now = ping(AT).model_dump_json().encode(), AT.timestamp()
    header = signed(body, ["new", "old"], AT)
    assert is_genuine(body, header, "new", now)
    assert is_genuine(body, header, "old", now + 299)
    for wrong in ((body, header, "other", now), (body + b" ", header, "new", now), (body, header, "new", now + 301)):
        assert not is_genuine(*wrong)
    for garbage in ("", "t=", "v1=x", "t=1,t=2", "é=ü,,=,t=x"):
        assert not is_genuine(body, garbage, "new", now)
