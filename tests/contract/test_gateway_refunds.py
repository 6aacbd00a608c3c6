"""Money that goes back by a gateway that knows no repeats: over sockets, with answers lost and processes killed."""

import asyncio
from typing import Any, cast

import pytest

from adapters.wayforpay.shop import WayForPay
from billing.errors import (
    AmountTooLarge,
    BillingError,
    InvalidInput,
    NotFound,
    PaymentBusy,
    PaymentRejected,
    PaymentUnknown,
)
from billing.payments.checkouts import Checkout
from billing.payments.rails import Rail, RailKind
from billing.receivables.instructions import LOST_AFTER, Instruction, InstructionRequest, InstructionState
from billing.receivables.journal import PaymentName
from services.gateways.refunds import UNDER_WAY, GatewayRefunds
from services.payment_desk import PaymentDesk
from tests.contract.gateway_fixtures import RAIL, Company, company, shop, stand

__all__ = ["company", "shop", "stand"]  # fixtures

RAILS = {RAIL: Rail(kind=RailKind.GATEWAY)}
MINUTES = UNDER_WAY.total_seconds() / 60


@pytest.fixture
async def paid(company: Company) -> Checkout:
    """A link's payment of 10.00 that is in the books."""
    link = await company.open()
    await company.stand.pay(link)
    await company.read()
    return link


def desk_of(company: Company) -> PaymentDesk:
    """As another process would have it."""
    refunds = GatewayRefunds({RAIL: company.gateway}, company.ledger)
    return PaymentDesk(company.ledger, cast(Any, None), RAILS, {}, refunds=refunds)


@pytest.fixture
def desk(company: Company) -> PaymentDesk:
    return desk_of(company)


def asked(paid: Checkout, instruction_id: str = "i1", amount: str = "4") -> InstructionRequest:
    values: dict[str, Any] = {"by": "ann", "reason": "returned goods", "via": "cli", "kind": "refund", "amount": amount}
    name = PaymentName.of(RAIL, paid.checkout_id)
    return InstructionRequest.model_validate(values | {"instruction_id": instruction_id, "payment": name})


async def sent(company: Company) -> str:
    """What has gone back at the gateway."""
    return str((await company.stand.orders())[0]["refunded"])


async def outcome(company: Company, instruction_id: str = "i1") -> Instruction:
    instruction = await company.ledger.instruction(instruction_id)
    assert instruction is not None
    return instruction


async def test_a_refund_goes_back_once_however_often_it_is_asked_for(
    company: Company, desk: PaymentDesk, paid: Checkout
) -> None:
    for _ in range(3):
        assert (await desk.instruct(asked(paid), company.clock())).state is InstructionState.DONE
    assert await sent(company) == "4.00"
    assert await company.booked() == [-400, 1000]
    await company.read()
    assert await company.booked() == [-400, 1000], "known before the list is read"
    assert await company.owed() == ({}, 0), "what it had paid is not owed again"


async def test_two_partial_refunds_of_the_same_amount_are_exact(
    company: Company, desk: PaymentDesk, paid: Checkout
) -> None:
    for name in ("i1", "i2"):
        assert (await desk.instruct(asked(paid, name), company.clock())).state is InstructionState.DONE
    assert await sent(company) == "8.00"
    assert await company.booked() == [-400, -400, 1000]
    with pytest.raises(InvalidInput, match="cannot be given back"):
        await desk.instruct(asked(paid, "i3"), company.clock())


@pytest.mark.parametrize("kind", ["drop_after", "html_502", "garbage_200"])
async def test_an_answer_that_is_lost_after_it_took_effect_gives_nothing_back_twice(
    company: Company, desk: PaymentDesk, paid: Checkout, kind: str
) -> None:
    await company.stand.fails(kind, "REFUND", executed=True)
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid), company.clock())
    assert (await outcome(company)).state is InstructionState.UNDER_WAY
    with pytest.raises(InvalidInput, match="under way already"):
        await desk.instruct(asked(paid, "i2"), company.clock())
    assert (await desk.confirm("i1", "bob", "asked again", company.clock())).state is InstructionState.DONE
    assert await sent(company) == "4.00"
    assert await company.booked() == [-400, 1000]


@pytest.mark.parametrize("kind", ["drop_before", "html_502"])
async def test_an_answer_that_is_lost_before_it_took_effect_is_asked_for_again_once_it_cannot_be_under_way(
    company: Company, desk: PaymentDesk, paid: Checkout, kind: str
) -> None:
    await company.stand.fails(kind, "REFUND")
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid), company.clock())
    for _ in range(3):
        with pytest.raises(PaymentBusy, match="ask again in 10 minutes"):
            await desk.instruct(asked(paid), company.clock())
    assert await sent(company) == "0"
    company.clock.passes(minutes=MINUTES)
    assert (await desk.confirm("i1", "bob", "asked again", company.clock())).state is InstructionState.DONE
    assert await sent(company) == "4.00"
    assert await company.booked() == [-400, 1000]


async def test_a_request_that_takes_effect_late_is_not_repeated(
    company: Company, desk: PaymentDesk, paid: Checkout
) -> None:
    await company.stand.fails("drop_before", "REFUND")
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid), company.clock())
    company.clock.passes(minutes=MINUTES)
    await company.stand.control("orders", reference=paid.checkout_id, refund="4.00")
    assert (await desk.confirm("i1", "bob", "asked again", company.clock())).state is InstructionState.DONE
    assert await sent(company) == "4.00"


async def test_after_a_part_went_back_in_the_cabinet_meanwhile_nobody_knows_and_a_person_is_told(
    company: Company, desk: PaymentDesk, paid: Checkout
) -> None:
    await company.stand.fails("drop_before", "REFUND")
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid), company.clock())
    await company.stand.control("orders", reference=paid.checkout_id, refund="1.00")
    with pytest.raises(PaymentBusy):
        await desk.instruct(asked(paid), company.clock())
    refunds = GatewayRefunds({RAIL: company.gateway}, company.ledger)
    for _ in range(3):
        company.clock.passes(hours=LOST_AFTER.total_seconds() / 3600)
        await refunds.go_on(company.clock())
    assert (await outcome(company)).state is InstructionState.UNDER_WAY
    assert await sent(company) == "1.00", "it may be the last of two refunds, or all there is"
    assert len([text for text in await company.told() if "look at the payment in its cabinet" in text]) == 1
    assert await company.booked() == [-100, 1000]


async def test_a_person_who_has_looked_in_the_cabinet_ends_a_refund_whose_outcome_is_lost(
    company: Company, desk: PaymentDesk, paid: Checkout
) -> None:
    await company.stand.fails("drop_before", "REFUND")
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid), company.clock())
    with pytest.raises(InvalidInput, match="cannot be rejected: it is under way"):
        await desk.reject("i1", "bob", "not in the cabinet", company.clock())
    company.clock.passes(hours=LOST_AFTER.total_seconds() / 3600)
    assert (await desk.reject("i1", "bob", "not in the cabinet", company.clock())).state is InstructionState.REJECTED
    await GatewayRefunds({RAIL: company.gateway}, company.ledger).go_on(company.clock())
    assert await sent(company) == "0"
    assert (await desk.instruct(asked(paid, "i2"), company.clock())).state is InstructionState.DONE


@pytest.mark.parametrize("code", [1131, 1134, 1138])
async def test_what_is_in_process_stays_under_way_and_is_never_asked_for_again(
    company: Company, desk: PaymentDesk, paid: Checkout, code: int
) -> None:
    await company.stand.control("refunds", code=1138)
    with pytest.raises(PaymentBusy):
        await desk.instruct(asked(paid), company.clock())
    for _ in range(3):
        company.clock.passes(minutes=MINUTES)
        with pytest.raises(PaymentBusy, match="under way at WayForPay"):
            await desk.instruct(asked(paid), company.clock())
    assert await company.booked() == [1000]
    await company.stand.control("orders", reference=paid.checkout_id, finish_refunds=True)
    assert (await desk.confirm("i1", "bob", "asked again", company.clock())).state is InstructionState.DONE
    assert await company.booked() == [-400, 1000]


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (1123, PaymentRejected, "by transfer"),
        (1128, AmountTooLarge, "ask for less"),
        (1136, PaymentRejected, "top it up"),
        (1141, PaymentRejected, "ask for all of it"),
    ],
)
async def test_a_refusal_ends_it_with_words_that_say_what_to_do(
    company: Company, desk: PaymentDesk, paid: Checkout, code: int, error: type[Exception], words: str
) -> None:
    await company.stand.control("refunds", code=code)
    with pytest.raises(error, match=words):
        await desk.instruct(asked(paid), company.clock())
    refused = await outcome(company)
    assert refused.state is InstructionState.REFUSED
    assert words in refused.result
    assert await company.booked() == [1000]
    assert (await desk.instruct(asked(paid, "i2"), company.clock())).state is InstructionState.DONE


async def test_a_refusal_of_a_copy_is_none_once_the_first_has_taken_effect(
    company: Company, desk: PaymentDesk, paid: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = company.shop.refund

    async def refund(*args: Any) -> None:
        await real(*args)
        raise AmountTooLarge("less is left")

    monkeypatch.setattr(company.shop, "refund", refund)
    assert (await desk.instruct(asked(paid), company.clock())).state is InstructionState.DONE
    assert await company.booked() == [-400, 1000]


async def test_while_the_gateway_cannot_be_asked_nothing_is_sent(
    company: Company, desk: PaymentDesk, paid: Checkout
) -> None:
    await company.stand.fails("html_502", "CHECK_STATUS")
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid), company.clock())
    assert (await outcome(company)).asked_at is None
    assert (await desk.instruct(asked(paid), company.clock())).state is InstructionState.DONE
    assert await sent(company) == "4.00"


class Killed(BaseException):
    """As SIGKILL: nothing runs after it."""


@pytest.mark.parametrize("moment", ["before it is sent", "after it was sent", "before it is closed"])
async def test_a_process_that_is_killed_in_between_leaves_what_another_can_finish(
    company: Company, paid: Checkout, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = company.shop.refund

    async def refund(*args: Any) -> None:
        if moment == "after it was sent":
            await real(*args)
        raise Killed

    async def close(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        if moment == "before it is closed":
            patched.setattr(company.ledger, "close_instruction", close)
        else:
            patched.setattr(company.shop, "refund", refund)
        with pytest.raises(Killed):
            await desk_of(company).instruct(asked(paid), company.clock())
    company.clock.passes(minutes=MINUTES)
    assert (await desk_of(company).instruct(asked(paid), company.clock())).state is InstructionState.DONE
    assert await sent(company) == "4.00"
    assert await company.booked() == [-400, 1000]


async def test_two_processes_at_once_send_one_request(company: Company, paid: Checkout) -> None:
    answers = await asyncio.gather(
        *(desk_of(company).instruct(asked(paid), company.clock()) for _ in range(4)), return_exceptions=True
    )
    assert all(isinstance(answer, Instruction | PaymentBusy) for answer in answers), answers
    assert (await desk_of(company).instruct(asked(paid), company.clock())).state is InstructionState.DONE
    assert await sent(company) == "4.00"
    assert await company.booked() == [-400, 1000]


async def test_the_reader_goes_on_with_what_is_under_way(company: Company, paid: Checkout) -> None:
    await company.stand.fails("drop_after", "REFUND")
    with pytest.raises(PaymentUnknown):
        await desk_of(company).instruct(asked(paid), company.clock())
    await company.stand.fails("html_502", "CHECK_STATUS")
    refunds = GatewayRefunds({RAIL: company.gateway}, company.ledger)
    await refunds.go_on(company.clock())
    assert (await outcome(company)).state is InstructionState.UNDER_WAY
    await refunds.go_on(company.clock())
    assert (await outcome(company)).state is InstructionState.DONE


async def test_a_payment_that_the_gateway_does_not_know_is_refused_before_anything_is_sent(
    company: Company, desk: PaymentDesk, shop: WayForPay, paid: Checkout
) -> None:
    company.shop._merchant += "_another"
    with pytest.raises(NotFound, match="merchant account"):
        await desk.instruct(asked(paid), company.clock())
    assert (await outcome(company)).state is InstructionState.REFUSED


async def test_a_refund_is_not_named_by_hand(desk: PaymentDesk, company: Company, paid: Checkout) -> None:
    with pytest.raises(BillingError, match="names the refund itself"):
        await desk.instruct(asked(paid).evolve(refund_reference="9021"), company.clock())
