"""The stand-in's charges: one for each attempt, and the money of them that goes back by refund or dispute."""

import pytest
import stripe

from tests.contract.stripe_stand import Stand, stand

__all__ = ["stand"]  # fixture


async def test_every_attempt_makes_a_charge_that_tells_how_it_went(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell(f"cards/{intent.payment_method}", behaviour="decline:insufficient_funds")
    with pytest.raises(stripe.CardError):
        await stand.confirm(intent)
    await stand.tell(f"cards/{intent.payment_method}", behaviour="succeed")
    paid = await stand.confirm(intent)

    succeeded, failed = (await stand.v1.charges.list_async({"payment_intent": intent.id})).data
    assert (succeeded.id, succeeded.status, succeeded.paid) == (paid.latest_charge, "succeeded", True)
    assert (succeeded.amount, succeeded.amount_refunded, succeeded.customer) == (1200, 0, intent.customer)
    assert succeeded.payment_method == intent.payment_method
    assert succeeded.metadata.to_dict() == intent.metadata.to_dict()
    assert (failed.status, failed.paid, failed.failure_code) == ("failed", False, "card_declined")
    assert failed.outcome is not None
    assert (failed.outcome.type, failed.outcome.reason) == ("issuer_declined", "insufficient_funds")
    assert (await stand.v1.charges.retrieve_async(failed.id)).payment_intent == intent.id


async def test_processing_charge_is_pending_until_it_settles(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell(f"cards/{intent.payment_method}", behaviour="processing")
    waiting = await stand.confirm(intent)
    assert (await stand.v1.charges.retrieve_async(str(waiting.latest_charge))).status == "pending"
    settled = await stand.tell(f"payment_intents/{intent.id}", behaviour="succeed")
    assert settled["latest_charge"] == waiting.latest_charge
    assert (await stand.v1.charges.retrieve_async(settled["latest_charge"])).status == "succeeded"


async def test_refunds_add_up_to_the_charge_and_no_further(stand: Stand) -> None:
    paid = await stand.confirm(await stand.intent())
    part = await stand.v1.refunds.create_async(
        {"payment_intent": paid.id, "amount": 500, "reason": "requested_by_customer", "metadata": {"why": "late"}}
    )
    assert (part.status, part.amount, part.charge, part.currency) == ("succeeded", 500, paid.latest_charge, "eur")
    charge = await stand.v1.charges.retrieve_async(str(paid.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (500, False)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refused:
        await stand.v1.refunds.create_async({"payment_intent": paid.id, "amount": 701})
    assert refused.value.param == "amount"

    rest = await stand.v1.refunds.create_async({"charge": charge.id})
    assert rest.amount == 700
    charge = await stand.v1.charges.retrieve_async(charge.id)
    assert (charge.amount_refunded, charge.refunded) == (1200, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.v1.refunds.create_async({"payment_intent": paid.id})
    assert refused.value.code == "charge_already_refunded"
    listed = await stand.v1.refunds.list_async({"payment_intent": paid.id})
    assert [refund.id for refund in listed.data] == [rest.id, part.id]
    assert (await stand.v1.refunds.retrieve_async(part.id)).to_dict()["metadata"] == {"why": "late"}
    assert (await stand.v1.payment_intents.retrieve_async(paid.id)).status == "succeeded"


async def test_refund_is_repeated_by_its_key_without_more_money(stand: Stand) -> None:
    paid = await stand.confirm(await stand.intent())
    once, again = [
        await stand.v1.refunds.create_async({"payment_intent": paid.id, "amount": 500}, {"idempotency_key": "k"})
        for _ in range(2)
    ]
    assert once.id == again.id
    assert (await stand.v1.charges.retrieve_async(str(paid.latest_charge))).amount_refunded == 500


async def test_unpaid_intent_or_nothing_cannot_be_refunded(stand: Stand) -> None:
    intent = await stand.intent()
    for params, match in [({"payment_intent": intent.id}, "successful charge"), ({}, "should be provided")]:
        with pytest.raises(stripe.InvalidRequestError, match=match):
            await stand.v1.refunds.create_async(params)  # type: ignore[arg-type]


@pytest.mark.parametrize("verdict", ["won", "lost"])
async def test_dispute_marks_the_charge_and_ends_as_the_bank_decides(stand: Stand, verdict: str) -> None:
    paid = await stand.confirm(await stand.intent())
    opened = await stand.tell("disputes", payment_intent=paid.id, reason="product_not_received")
    dispute = await stand.v1.disputes.retrieve_async(opened["id"])
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "product_not_received", 1200)
    assert (dispute.charge, dispute.payment_intent) == (paid.latest_charge, paid.id)
    assert (await stand.v1.charges.retrieve_async(str(paid.latest_charge))).disputed
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.v1.refunds.create_async({"payment_intent": paid.id})
    assert refused.value.code == "charge_disputed"

    await stand.tell(f"disputes/{dispute.id}", status=verdict)
    (closed,) = (await stand.v1.disputes.list_async({"payment_intent": paid.id})).data
    assert closed.status == verdict
    again = await stand.control.post(f"/_control/disputes/{dispute.id}", json={"status": "won"})
    assert again.status_code == 400
