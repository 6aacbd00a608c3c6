"""Money that goes back by the rail by which it came: the payment desk with Stripe over real sockets, answers lost."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.stripe.payments import StripePayments
from billing.errors import BillingError, InvalidInput, NotFound, PaymentRejected, PaymentUnknown
from billing.payments.payment import Payment
from billing.payments.rails import RAILS
from billing.receivables.instructions import Instruction, InstructionRequest, InstructionState
from billing.receivables.journal import PaymentName
from services.payment_desk import PaymentDesk
from tests.contract.payment_fixtures import Stripe, gateway, stripe

__all__ = ["gateway", "stripe"]  # fixtures

NOW = datetime(2026, 12, 3, 9, tzinfo=UTC)


@pytest.fixture
async def paid(ledger: SqlLedger, gateway: StripePayments, stripe: Stripe) -> Payment:
    """A card's payment of 12.50 that is in the books."""
    request = await stripe.request()
    payment = await gateway.confirm(await gateway.create(request), request)
    await ledger.save_payment(payment, NOW)
    return payment


@pytest.fixture
def desk(ledger: SqlLedger, gateway: StripePayments) -> PaymentDesk:
    return PaymentDesk(ledger, gateway, RAILS, {})


def asked(payment: Payment, instruction_id: str = "i1", amount: str = "", **fields: Any) -> InstructionRequest:
    values: dict[str, Any] = {"by": "ann", "reason": "returned goods", "via": "cli", "kind": "refund", "amount": amount}
    values |= {"instruction_id": instruction_id, "payment": PaymentName.of("stripe", payment.payment_id)}
    return InstructionRequest.model_validate(values | fields)


async def returned(stripe: Stripe) -> list[int]:
    return [refund["amount"] for refund in (await stripe.http.get("/v1/refunds")).json()["data"]]


async def booked(ledger: SqlLedger, payment: Payment) -> int:
    record = await ledger.incoming_payment(PaymentName.of("stripe", payment.payment_id))
    assert record is not None
    return record.returned_minor


async def outcome(ledger: SqlLedger, instruction_id: str = "i1") -> Instruction:
    instruction = await ledger.instruction(instruction_id)
    assert instruction is not None
    return instruction


async def test_a_refund_goes_back_once_and_the_webhook_finds_it_known(
    desk: PaymentDesk, ledger: SqlLedger, gateway: StripePayments, stripe: Stripe, paid: Payment
) -> None:
    for _ in range(3):
        done = await desk.instruct(asked(paid, amount="10"), NOW)
        assert done.state is InstructionState.DONE
    assert await returned(stripe) == [1000]
    assert await booked(ledger, paid) == 1000
    news = await ledger.save_reversals(paid, await gateway.reversals(paid.payment_id), NOW)
    assert news == [], "known before the webhook comes"
    assert (await desk.instruct(asked(paid, "i2"), NOW)).amount_minor == 250
    assert await returned(stripe) == [250, 1000]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "html_502", "executed": True},
        {"kind": "garbage_200", "executed": True},
        {"kind": "status", "cached": True},
        {"kind": "status", "cached": True, "executed": True},
    ],
    ids=str,
)
async def test_a_lost_answer_never_gives_money_back_twice(
    desk: PaymentDesk, ledger: SqlLedger, stripe: Stripe, paid: Payment, fault: dict[str, Any]
) -> None:
    await stripe.fails(path="/v1/refunds$", method="POST", **fault)
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid, amount="10"), NOW)
    assert (await outcome(ledger)).state is InstructionState.UNDER_WAY
    with pytest.raises(InvalidInput, match="under way already"):
        await desk.instruct(asked(paid, "i2", "10"), NOW)
    done = await desk.confirm("i1", "bob", "asked again", NOW)
    assert done.state is InstructionState.DONE
    assert await returned(stripe) == [1000]
    assert await booked(ledger, paid) == 1000


async def test_a_day_later_stripe_has_forgotten_the_key_but_not_the_refund(
    desk: PaymentDesk, ledger: SqlLedger, stripe: Stripe, paid: Payment
) -> None:
    await stripe.fails("drop_after", "/v1/refunds$", method="POST")
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid, amount="10"), NOW)
    await stripe.http.post("/_control/clock", json={"advance_seconds": 3 * 86_400})
    assert (await desk.confirm("i1", "ann", "asked again", NOW)).state is InstructionState.DONE
    assert await returned(stripe) == [1000]


async def test_the_webhook_may_be_faster_than_whoever_asks_again(
    desk: PaymentDesk, ledger: SqlLedger, gateway: StripePayments, stripe: Stripe, paid: Payment
) -> None:
    await stripe.fails("drop_after", "/v1/refunds$", method="POST")
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid, amount="10"), NOW)
    await ledger.save_reversals(paid, await gateway.reversals(paid.payment_id), NOW)
    assert (await desk.instruct(asked(paid, amount="10"), NOW)).state is InstructionState.DONE
    assert await returned(stripe) == [1000]
    assert await booked(ledger, paid) == 1000


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/payment_intents", 401), ("/v1/payment_intents", 404), ("/v1/refunds$", 400)]
)
async def test_only_a_refusal_of_the_refund_itself_ends_it_for_it_may_have_gone_back(
    desk: PaymentDesk, ledger: SqlLedger, stripe: Stripe, paid: Payment, path: str, status: int
) -> None:
    await stripe.fails("drop_after", "/v1/refunds$", method="POST")
    with pytest.raises(PaymentUnknown):
        await desk.instruct(asked(paid, amount="5"), NOW)
    await stripe.fails("status", path, method="GET", status=status)
    with pytest.raises(BillingError):
        await desk.confirm("i1", "bob", "asked again", NOW)
    assert (await outcome(ledger)).state is InstructionState.UNDER_WAY
    with pytest.raises(InvalidInput, match="under way already"):
        await desk.instruct(asked(paid, "i2", "5"), NOW)
    assert (await desk.confirm("i1", "bob", "the key is mended", NOW)).state is InstructionState.DONE
    assert await returned(stripe) == [500]
    assert await booked(ledger, paid) == 500


async def test_a_refund_that_the_processor_refuses_says_why_in_plain_words(
    desk: PaymentDesk, ledger: SqlLedger, stripe: Stripe, paid: Payment
) -> None:
    await stripe.http.post("/_control/disputes", json={"payment_intent": paid.payment_id})
    with pytest.raises(PaymentRejected, match="the customer disputes the payment at their bank"):
        await desk.instruct(asked(paid, amount="10"), NOW)
    refused = await outcome(ledger)
    assert refused.state is InstructionState.REFUSED
    assert "disputes the payment" in refused.result
    assert await booked(ledger, paid) == 0


async def test_what_went_back_elsewhere_is_refused_and_not_left_under_way(
    desk: PaymentDesk, ledger: SqlLedger, stripe: Stripe, paid: Payment
) -> None:
    await stripe.post("/v1/refunds", payment_intent=paid.payment_id)
    with pytest.raises(PaymentRejected, match="all of the payment has gone back already"):
        await desk.instruct(asked(paid, amount="10"), NOW)
    assert (await outcome(ledger)).state is InstructionState.REFUSED


async def test_more_than_its_payment_is_refused_before_anybody_is_asked(
    desk: PaymentDesk, stripe: Stripe, paid: Payment
) -> None:
    with pytest.raises(InvalidInput, match=r"12\.51 EUR cannot be given back: .* are left: 12\.50 EUR ann"):
        await desk.instruct(asked(paid, amount="12.51"), NOW)
    with pytest.raises(NotFound, match="there is no such payment on stripe"):
        await desk.instruct(asked(paid.evolve(payment_id="pi_none")), NOW)
    with pytest.raises(InvalidInput, match="names the refund itself"):
        await desk.instruct(asked(paid, refund_reference="9021"), NOW)
    assert await returned(stripe) == []


async def test_above_the_limit_nobody_asks_the_processor_before_somebody_else_confirms(
    ledger: SqlLedger, gateway: StripePayments, stripe: Stripe, paid: Payment
) -> None:
    desk = PaymentDesk(ledger, gateway, RAILS, {"eur": 1000})
    assert (await desk.instruct(asked(paid), NOW)).state is InstructionState.PROPOSED
    assert await returned(stripe) == []
    with pytest.raises(BillingError, match="somebody else"):
        await desk.confirm("i1", "ann", "mine", NOW)
    assert (await desk.confirm("i1", "bob", "compared", NOW)).state is InstructionState.DONE
    assert await returned(stripe) == [1250]
