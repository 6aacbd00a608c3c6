"""Refunds of which a gateway does not say the outcome: nothing goes back twice, and a person is told."""

from typing import Any

import pytest

from billing.errors import PaymentBusy, PaymentUnknown, RequestTaken
from billing.payments.checkouts import Checkout
from billing.receivables.instructions import LOST_AFTER, InstructionState
from billing.receivables.journal import PaymentName
from billing.receivables.payment_list import PAGE_ROWS
from services.gateways.refunds import UNDER_WAY, GatewayRefunds
from services.payment_desk import PaymentDesk
from tests.contract.gateway_fixtures import RAIL, Company, company, shop, stand
from tests.contract.test_gateway_refunds import MINUTES, asked, desk, desk_of, outcome, paid, sent

__all__ = ["company", "desk", "paid", "shop", "stand"]  # fixtures


async def refunds_sent(company: Company) -> int:
    """How many requests have taken effect there."""
    order = (await company.stand.orders())[0]
    return round(float(order["refunded"]) / 3)


@pytest.mark.parametrize("in_status", ["none", "last", "sum"])
async def test_a_refund_that_is_answered_is_not_asked_for_again_whatever_the_look_up_says(
    company: Company, desk: PaymentDesk, paid: Checkout, in_status: str
) -> None:
    await company.stand.control("refund-words", in_status=in_status)
    for name in ("i1", "i2"):
        assert (await desk.instruct(asked(paid, name, "3"), company.clock())).state is InstructionState.DONE
        await company.stand.control("orders", reference=paid.checkout_id, status="Approved")
    company.clock.passes(minutes=MINUTES)
    for name in ("i1", "i2"):
        assert (await desk.instruct(asked(paid, name, "3"), company.clock())).state is InstructionState.DONE
    assert await refunds_sent(company) == 2
    assert await company.booked() == [-300, -300, 1000]


async def test_what_is_in_process_is_not_asked_for_again_though_the_look_up_shows_nothing(
    company: Company, paid: Checkout
) -> None:
    desk = desk_of(company)
    await company.stand.control("refunds", code=1138)
    with pytest.raises(RequestTaken):
        await desk.instruct(asked(paid), company.clock())
    assert (await outcome(company)).accepted_at is not None
    await company.stand.control("orders", reference=paid.checkout_id, status="Approved")
    refunds = GatewayRefunds({RAIL: company.gateway}, company.ledger)
    for _ in range(3):
        company.clock.passes(hours=LOST_AFTER.total_seconds() / 3600)
        await refunds.go_on(company.clock())
    assert (await outcome(company)).state is InstructionState.UNDER_WAY
    order = (await company.stand.orders())[0]
    assert (order["refunded"], order["returning"]) == ("0", "4.00")
    texts = [text for text in await company.told() if "look at the payment in its cabinet" in text]
    assert len(texts) == 1
    assert "i1" in texts[0]


@pytest.mark.parametrize("in_status", ["none", "last", "sum"])
async def test_an_answer_that_is_lost_is_asked_for_again_only_if_nothing_has_gone_back_for_sure(
    company: Company, desk: PaymentDesk, paid: Checkout, in_status: str
) -> None:
    await desk.instruct(asked(paid, "i1", "3"), company.clock())
    await company.stand.control("orders", reference=paid.checkout_id, status="Approved")
    await company.stand.control("refund-words", in_status=in_status)
    await company.stand.fails("drop_after", "REFUND", executed=True)
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid, "i2", "3"), company.clock())
    if in_status == "none":
        await company.stand.control("orders", reference=paid.checkout_id, status="Approved")
    company.clock.passes(minutes=MINUTES)
    if in_status == "sum":
        assert (await desk.instruct(asked(paid, "i2", "3"), company.clock())).state is InstructionState.DONE
    else:
        with pytest.raises(PaymentBusy, match="look at the payment in its cabinet"):
            await desk.instruct(asked(paid, "i2", "3"), company.clock())
        assert (await outcome(company, "i2")).state is InstructionState.UNDER_WAY
    assert await refunds_sent(company) == 2


async def test_what_went_back_in_the_cabinet_since_the_books_were_read_is_the_refund_that_is_asked_for(
    company: Company, desk: PaymentDesk, paid: Checkout
) -> None:
    await company.stand.control("orders", reference=paid.checkout_id, refund="4.00")
    assert (await desk.instruct(asked(paid), company.clock())).state is InstructionState.DONE
    assert await sent(company) == "4.00"
    assert await company.booked() == [-400, 1000]


async def test_the_minutes_count_from_when_it_was_sent_however_long_the_look_before_lasted(
    company: Company, paid: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, began_at = company.shop.transaction, company.clock()

    async def transaction(reference: str) -> Any:
        company.clock.passes(minutes=MINUTES)
        return await real(reference)

    monkeypatch.setattr(company.shop, "transaction", transaction)
    await company.stand.fails("drop_after", "REFUND")
    with pytest.raises(PaymentUnknown):
        await desk_of(company).instruct(asked(paid), began_at)
    assert (await outcome(company)).asked_at == began_at + UNDER_WAY


async def test_one_that_fails_unforeseen_holds_up_no_other_nor_do_proposals(
    company: Company, paid: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    await company.stand.pay_static("", "5.00")
    await company.read()
    other = (await company.stand.orders())[1]["reference"]
    name = PaymentName.of(RAIL, other)
    for wanted in (asked(paid), asked(paid, "i2", "").evolve(payment=name)):
        await company.ledger.instruct(wanted, {}, company.clock())
    proposal = asked(paid).evolve(amount="0.01")
    for number in range(PAGE_ROWS):
        await company.ledger.instruct(proposal.evolve(instruction_id=f"p{number}"), {"usd": 0}, company.clock())
    real = company.shop.transaction

    async def transaction(reference: str) -> Any:
        if reference == other:
            raise RuntimeError("unforeseen")
        return await real(reference)

    monkeypatch.setattr(company.shop, "transaction", transaction)
    await GatewayRefunds({RAIL: company.gateway}, company.ledger).go_on(company.clock())
    assert (await outcome(company)).state is InstructionState.DONE
    assert (await outcome(company, "i2")).state is InstructionState.UNDER_WAY
