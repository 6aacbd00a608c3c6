"""What the ledger keeps for gateways, on SQLite and PostgreSQL alike."""

import asyncio
from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables.journal import post
from billing.payments.gateway import GatewayState, GatewayTransaction
from billing.payments.methods import CardOnFile
from billing.receivables.instructions import InstructionRequest
from billing.receivables.journal import Cause, PaymentName, Subject, Transaction, billed, moved, receivable
from tests.contract.journal_fixtures import announced, drafted, sums
from tests.contract.ledger_fixtures import ACME, AT, LATER, NOVEMBER, read

SEEN = GatewayTransaction(
    rail="wayforpay",
    reference="link:1",
    state=GatewayState.APPROVED,
    code="Approved",
    amount_minor=1000,
    currency="eur",
    paid_at=AT,
)
PAYMENT = SEEN.incoming("acme", Subject.month(NOVEMBER))


@pytest.fixture
async def owing(ledger: SqlLedger) -> SqlLedger:
    month = announced(drafted(1000))
    await ledger.record(month, month.notice_at)
    return ledger


async def owe(ledger: SqlLedger, customer_id: str, number: str) -> None:
    subject = Subject.order(number)
    entries = moved(500, "eur", receivable(customer_id, subject), billed(customer_id, subject))
    posted = Transaction(
        key=f"{customer_id} {number}", cause=Cause.NOTICE, at=AT, customer_id=customer_id, entries=entries
    )

    def write() -> None:
        with ledger._writing("open an order") as connection:
            post(connection, [posted])

    await ledger.run(write)


async def test_an_order_is_found_by_its_number_while_it_is_one_customers(ledger: SqlLedger) -> None:
    await owe(ledger, "acme", "1042")
    await owe(ledger, "acme", "1043")
    await owe(ledger, "bolt", "1043")
    assert await ledger.customer_of(Subject.order("1042")) == "acme"
    assert await ledger.customer_of(Subject.order("1043")) is None
    assert await ledger.customer_of(Subject.order("104")) is None
    assert await ledger.customer_of(Subject.month(NOVEMBER)) is None


async def test_an_order_is_found_by_an_index(ledger: SqlLedger, url: str) -> None:
    if url.startswith("sqlite"):
        query = "SELECT customer_id FROM entries WHERE subject_kind = 'order' AND subject = '1' AND kind = 'receivable'"
        (row,) = read(url, f"EXPLAIN QUERY PLAN {query}")
        assert "entries_by_order" in row[3]


async def test_what_went_back_is_booked_once_by_the_sum_of_it(owing: SqlLedger, url: str) -> None:
    assert await owing.book(PAYMENT, LATER)
    assert [await owing.book_returned(PAYMENT, minor, LATER) for minor in (300, 300, 600, 300, 1000)] == [
        300,
        0,
        300,
        0,
        400,
    ]
    record = await owing.incoming_payment(PAYMENT.name)
    assert record is not None
    assert (record.returned_minor, sum((await sums(url)).values())) == (1000, 0)


async def test_what_went_back_is_booked_with_its_payment_if_that_is_new(owing: SqlLedger) -> None:
    assert await owing.book_returned(PAYMENT, 0, LATER) == 0
    assert not await owing.book(PAYMENT, LATER), "it is there already"


async def test_two_processes_that_see_the_same_refund_book_it_once(owing: SqlLedger) -> None:
    booked = await asyncio.gather(*(owing.book_returned(PAYMENT, 300, LATER) for _ in range(6)))
    assert sorted(booked) == [0, 0, 0, 0, 0, 300]


async def test_a_position_only_goes_on(ledger: SqlLedger) -> None:
    assert await ledger.read_until("wayforpay") is None
    for instant in (AT, LATER, AT):
        await ledger.note_read_until("wayforpay", instant)
    assert await ledger.read_until("wayforpay") == LATER
    assert await ledger.read_until("another") is None


async def test_one_process_begins_a_refund(owing: SqlLedger) -> None:
    await owing.book(PAYMENT, LATER)
    name = PaymentName.of("wayforpay", "link:1")
    request = InstructionRequest.model_validate(
        {"instruction_id": "i1", "kind": "refund", "payment": name, "by": "ann", "reason": "goods", "via": "cli"}
    )
    await owing.instruct(request, {}, LATER)
    begun = await asyncio.gather(*(owing.begin_refund("i1", 0, None, LATER) for _ in range(4)))
    assert sorted(begun) == [False, False, False, True]
    instruction = await owing.instruction("i1")
    assert instruction is not None
    assert (instruction.asked_at, instruction.returned_before_minor) == (LATER, 0)
    again = LATER + timedelta(hours=1)
    assert not await owing.begin_refund("i1", 0, AT, again)
    assert await owing.begin_refund("i1", 500, LATER, again)
    known = await owing.instruction("i1")
    assert known is not None
    assert not known.has_taken_effect(1499)
    assert known.has_taken_effect(1500)


async def test_the_clearing_account_of_a_rail_is_added_up_by_the_time_of_payment(owing: SqlLedger) -> None:
    await owing.book(PAYMENT, LATER)
    await owing.book(SEEN.evolve(reference="link:2").incoming(None, None), LATER)
    await owing.book(SEEN.evolve(reference="link:3", paid_at=AT - timedelta(days=40)).incoming(None, None), LATER)
    await owing.book(SEEN.evolve(rail="another").incoming(None, None), LATER)
    await owing.book_returned(PAYMENT, 300, LATER + timedelta(days=40))
    rows = await owing.cleared_on("wayforpay", AT, AT + timedelta(days=1))
    assert sorted((row.reference, row.amount_minor) for row in rows) == [("link:1", 700), ("link:2", 1000)]


async def test_what_goes_back_of_one_customers_part_is_taken_from_that_part(owing: SqlLedger) -> None:
    await split(owing)
    await owing.instruct(instruction("i1", "refund", "bolt", "4"), {}, LATER)
    assert [await owing.book_returned(PAYMENT, minor, LATER) for minor in (400, 600)] == [400, 200]
    record = await owing.incoming_payment(PAYMENT.name)
    assert record is not None
    assert record.parts == {"acme": 400}, "what is more than the refund is not bolt's"


async def test_what_goes_back_beyond_a_refund_is_taken_as_if_there_were_none(owing: SqlLedger) -> None:
    await split(owing)
    await owing.instruct(instruction("i1", "refund", "bolt", "3"), {}, LATER)
    assert await owing.book_returned(PAYMENT, 500, LATER) == 500
    record = await owing.incoming_payment(PAYMENT.name)
    assert record is not None
    assert record.parts == {"acme": 400, "bolt": 100}


async def split(ledger: SqlLedger) -> None:
    """10.00 of nobody become acme's and bolt's."""
    card = CardOnFile(payer_id="cus_bolt", card_id="pm_bolt")
    bolt = ACME.evolve(customer_id="bolt", email="bob@bolt.example", payment_method=card)
    month = announced(drafted(1000)).evolve(customer=bolt)
    await ledger.record(month, month.notice_at)
    await ledger.book(SEEN.incoming(None, None), LATER)
    for name, whose, amount in (("a1", "acme", "6"), ("a2", "bolt", "4")):
        await ledger.instruct(instruction(name, "assign", whose, amount), {}, LATER)


def instruction(instruction_id: str, kind: str, customer_id: str, amount: str) -> InstructionRequest:
    values = {"by": "ann", "reason": "right", "via": "cli", "kind": kind, "customer_id": customer_id, "amount": amount}
    return InstructionRequest.model_validate(values | {"instruction_id": instruction_id, "payment": PAYMENT.name})
