"""Instructions in the ledger: carried out once, by two people above a limit; on SQLite and on PostgreSQL alike."""

import asyncio
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import BillingError, InvalidInput, NotFound
from billing.receivables.incoming import PaymentKind
from billing.receivables.instructions import InstructionKind, InstructionRequest, InstructionState
from billing.receivables.journal import AccountKind, PaymentName, Subject
from billing.receivables.payment_list import PaymentFilter
from billing.reviewers.queries import AuditFilter
from tests.contract.incoming_fixtures import LATE, UNKNOWN, alerted, close_account
from tests.contract.journal_fixtures import announced, balances, drafted, record
from tests.contract.ledger_fixtures import ACME, AT, NOVEMBER
from tests.suggested import todo

LIMIT = {"eur": 1000}
MONTH = Subject.month(NOVEMBER)


def request(instruction_id: str = "i1", kind: str = "assign", **fields: Any) -> InstructionRequest:
    values: dict[str, Any] = {"by": "ann", "reason": "asked by phone", "via": "cli", "payment": UNKNOWN.name}
    values["customer_id"] = "acme" if kind == "assign" else None
    values["refund_reference"] = "9021" if kind == "refund" else ""
    return InstructionRequest(instruction_id=instruction_id, kind=InstructionKind(kind), **values | fields)


async def prepared(ledger: SqlLedger, owed_minor: int = 1000) -> None:
    await record(ledger, announced(drafted(owed_minor)))
    await ledger.book(UNKNOWN, LATE)


async def audit(ledger: SqlLedger) -> list[tuple[str, str, str]]:
    rows = await ledger.audit(AuditFilter(), None, 50)
    assert len({row.cursor for row in rows}) == len(rows)
    return [(row.command, row.by, row.reason) for row in rows]


async def test_unmatched_money_is_assigned_in_parts_and_never_twice(ledger: SqlLedger) -> None:
    await prepared(ledger)
    for _ in range(2):  # the second is a repeat
        done = await ledger.instruct(request(amount="7.00", subject=MONTH), {}, LATE)
        assert (done.state, done.result) == (InstructionState.DONE, "assigned to acme")
        assert await balances(ledger) == ({NOVEMBER: 300}, 0)
    with pytest.raises(InvalidInput, match=r"7.00 EUR cannot be assigned: 5.00 EUR of payment 7731 \(transfer\)"):
        await ledger.instruct(request("i2", amount="7"), {}, LATE)
    with pytest.raises(InvalidInput, match="i1 is another instruction already: assign"):
        await ledger.instruct(request(amount="5"), {}, LATE)
    await ledger.instruct(request("i3"), {}, LATE)
    assert await balances(ledger) == ({}, -200)
    record = await ledger.incoming_payment(UNKNOWN.name)
    assert record is not None
    assert {account.kind: minor for account, minor in record.shares.items()} == {
        AccountKind.RECEIVABLE: 1000,
        AccountKind.CREDIT: 200,
    }
    assert [(t.by, t.reason) for t in record.transactions[1:]] == [("ann", "asked by phone")] * 2
    with pytest.raises(InvalidInput, match=r"assigned already: 10\.00 EUR receivable acme month 2026-11, 2\.00 EUR"):
        await ledger.instruct(request("i4"), {}, LATE)


async def test_what_cannot_be_assigned_is_said_and_changes_nothing(ledger: SqlLedger) -> None:
    with pytest.raises(NotFound, match="there is no such payment on transfer"):
        await ledger.instruct(request(), {}, AT)
    await ledger.book(UNKNOWN, AT)
    with pytest.raises(NotFound, match="does not know acme"):
        await ledger.instruct(request(), {}, AT)
    assert await ledger.incoming_payment(PaymentName.of("cash", "7731")) is None
    assert await ledger.instructions(UNKNOWN.name) == []


async def test_money_assigned_to_what_the_customer_does_not_owe_is_credit_and_told(ledger: SqlLedger) -> None:
    await prepared(ledger)
    other = Subject.month(NOVEMBER.next())
    done = await ledger.instruct(request(subject=other), {}, LATE)
    assert "acme owes nothing for the month 2026-12: 12.00 EUR of payment 7731 (transfer) is their" in done.result
    assert await balances(ledger) == ({NOVEMBER: 1000}, -1200)
    assert done.result in await alerted(ledger)


# -- two people


async def test_a_large_sum_is_proposed_told_and_confirmed_by_somebody_else(ledger: SqlLedger) -> None:
    await prepared(ledger)
    proposed = await ledger.instruct(request(), LIMIT, LATE)
    assert proposed.state is InstructionState.PROPOSED
    assert await balances(ledger) == ({NOVEMBER: 1000}, 0)
    assert await ledger.instructions() == [proposed]
    alert = (await ledger.alerts())[-1]
    assert "ann proposes to assign 12.00 EUR of payment 7731 (transfer) to acme: asked by phone" in alert.text
    assert todo(alert) == "python starter.py payments confirm i1 --by YOU --reason WHY"
    with pytest.raises(InvalidInput, match="somebody else has to confirm it"):
        await ledger.confirm("i1", "Ann", "mine", LATE)
    for _ in range(2):  # the second is a repeat
        confirmed = await ledger.confirm("i1", "bob", "compared", LATE)
        assert confirmed.state is InstructionState.DONE
        assert await balances(ledger) == ({}, -200)
    assert await ledger.instructions() == []
    record = await ledger.incoming_payment(UNKNOWN.name)
    assert record is not None
    last = record.transactions[-1]
    assert (last.by, last.reason) == ("ann", "asked by phone (confirmed by bob)")
    assert {
        ("propose to assign", "ann", "asked by phone"),
        ("confirm", "bob", "compared"),
        ("assign payment", "ann", "asked by phone (confirmed by bob)"),
        ("record payment", "ann", "no reference given"),
    } <= set(await audit(ledger))


async def test_a_proposal_is_taken_back_by_anybody_and_moves_nothing(ledger: SqlLedger) -> None:
    await prepared(ledger)
    await ledger.instruct(request(), LIMIT, LATE)
    for _ in range(2):
        rejected = await ledger.reject("i1", "ann", "wrong customer", LATE)
        assert rejected.state is InstructionState.REJECTED
    with pytest.raises(InvalidInput, match="it is rejected already"):
        await ledger.confirm("i1", "bob", "compared", LATE)
    assert await balances(ledger) == ({NOVEMBER: 1000}, 0)
    assert ("reject", "ann", "wrong customer") in await audit(ledger)
    with pytest.raises(NotFound, match="there is no instruction i9"):
        await ledger.reject("i9", "bob", "no", LATE)


async def test_a_proposal_that_no_longer_fits_is_refused_when_it_is_confirmed(ledger: SqlLedger) -> None:
    await prepared(ledger)
    await ledger.instruct(request(), LIMIT, LATE)
    await ledger.instruct(request("i2", amount="5"), LIMIT, LATE)
    with pytest.raises(InvalidInput, match=r"12\.00 EUR cannot be assigned: 7\.00 EUR"):
        await ledger.confirm("i1", "bob", "compared", LATE)
    (waiting,) = await ledger.instructions()
    assert waiting.state is InstructionState.PROPOSED


# -- money that goes back by hand


async def test_a_refund_by_hand_is_a_payment_of_its_own_and_gives_up_what_was_paid(ledger: SqlLedger) -> None:
    await prepared(ledger)
    await ledger.instruct(request(), {}, LATE)
    for _ in range(2):  # the second is a repeat
        done = await ledger.instruct(request("i2", "refund", amount="3"), {}, LATE)
        assert (done.state, done.customer_id, done.result) == (InstructionState.DONE, "acme", "given back as 9021")
    assert await balances(ledger) == ({}, 0), "credit first, the rest is given up"
    refund = await ledger.incoming_payment(PaymentName.of("transfer", "9021"))
    assert refund is not None
    assert (refund.payment.kind, refund.payment.amount_minor) == (PaymentKind.REFUND, -300)
    assert (refund.payment.original, refund.payment.customer_id) == (UNKNOWN.name, "acme")
    with pytest.raises(InvalidInput, match=r"9\.01 EUR cannot be given back: .* are left: 9\.00 EUR acme"):
        await ledger.instruct(request("i3", "refund", amount="9.01", refund_reference="9022"), {}, LATE)
    with pytest.raises(InvalidInput, match=r"9021 \(transfer\) is in the books already"):
        await ledger.instruct(request("i4", "refund", amount="1"), {}, LATE)
    statement = await ledger.transactions("acme")
    assert statement[-1].payment == refund.payment.name, "it is on the customer's statement"


async def test_unmatched_money_goes_back_and_is_unmatched_no_more(ledger: SqlLedger) -> None:
    await prepared(ledger)
    await ledger.instruct(request("i1", "refund"), {}, LATE)
    page = await ledger.incoming_payments(PaymentFilter())
    assert (page.unmatched, sorted(row.reference for row in page.rows)) == (0, ["7731", "9021"])
    assert ("give payment back", "ann", "asked by phone") in await audit(ledger)


async def test_one_refund_at_a_time_is_asked_of_a_processor(ledger: SqlLedger) -> None:
    await prepared(ledger)
    asked = request("i1", "refund", amount="3", refund_reference="")
    assert (await ledger.instruct(asked, {}, LATE)).state is InstructionState.UNDER_WAY
    assert (await ledger.instruct(asked, {}, LATE)).state is InstructionState.UNDER_WAY
    assert (await ledger.confirm("i1", "bob", "again", LATE)).state is InstructionState.UNDER_WAY
    with pytest.raises(InvalidInput, match=r"under way already, .* python starter.py payments confirm i1"):
        await ledger.instruct(request("i2", "refund", amount="3", refund_reference=""), {}, LATE)
    closed = await ledger.close_instruction("i1", InstructionState.REFUSED, "disputed", LATE)
    again = await ledger.close_instruction("i1", InstructionState.DONE, "late", LATE)
    assert (closed.state, again.result) == (InstructionState.REFUSED, "disputed")
    assert await ledger.instructions() == []


# -- at the same instant


async def test_people_who_assign_the_same_money_at_once_assign_it_once(ledger: SqlLedger) -> None:
    await prepared(ledger)

    async def assign(number: int) -> int:
        try:
            await ledger.instruct(request(f"i{number}", amount="7"), {}, LATE)
        except InvalidInput:
            return 0
        return 1

    assert sum(await asyncio.gather(*map(assign, range(8)))) == 1
    record = await ledger.incoming_payment(UNKNOWN.name)
    assert record is not None
    assert record.unmatched_minor == 500


async def test_a_double_click_and_two_who_confirm_at_once_move_the_money_once(ledger: SqlLedger) -> None:
    await prepared(ledger)
    await asyncio.gather(*(ledger.instruct(request(), LIMIT, LATE) for _ in range(4)))
    answers = await asyncio.gather(
        *(ledger.confirm("i1", by, "compared", LATE) for by in ("bob", "carol", "bob", "dan")), return_exceptions=True
    )
    assert all(not isinstance(answer, BaseException) or isinstance(answer, BillingError) for answer in answers)
    assert await balances(ledger) == ({}, -200)
    assert len(await ledger.instructions(UNKNOWN.name)) == 1


async def test_an_erasure_leaves_no_name_in_an_instruction(ledger: SqlLedger, url: str) -> None:
    await prepared(ledger)
    await ledger.instruct(request(reason=f"{ACME.name} asked for it", amount="10"), {}, LATE)
    await ledger.instruct(request("i2", "refund", customer_id="acme", refund_reference=f"to {ACME.name}"), {}, LATE)
    close_account(url)
    await ledger.erase("acme", "ann", "asked", LATE)
    for row in (await ledger.incoming_payments(PaymentFilter())).rows:
        assert ACME.name not in row.reference
        record = await ledger.incoming_payment(PaymentName(row.rail, row.digest))
        assert record is not None
        assert record.transactions
    for instruction in await ledger.instructions(UNKNOWN.name):
        assert ACME.name not in instruction.model_dump_json()
