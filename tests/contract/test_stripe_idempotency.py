"""The stand-in's idempotency keys: a request that is repeated gets the first answer and moves money once."""

import asyncio

import pytest
import stripe

from tests.contract.stripe_stand import DAY_SECONDS, Stand, stand

__all__ = ["stand"]  # fixture


async def test_same_key_replays_the_first_answer(stand: Stand) -> None:
    customer, method = await stand.customer()
    first = await stand.create(customer, method, key="k")
    await stand.confirm(first)
    again = await stand.create(customer, method, key="k")
    assert (again.id, again.status) == (first.id, "requires_confirmation")
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"


async def test_same_key_replays_a_decline_even_after_the_card_recovers(stand: Stand) -> None:
    intent = await stand.intent("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        await stand.confirm(intent, key="k")
    await stand.tell(f"cards/{intent.payment_method}", behaviour="succeed")
    with pytest.raises(stripe.CardError) as replayed:
        await stand.confirm(intent, key="k")
    assert (replayed.value.headers or {})["idempotent-replayed"] == "true"
    assert (await stand.confirm(intent, key="another")).status == "succeeded"


async def test_same_key_with_other_parameters_is_an_idempotency_error(stand: Stand) -> None:
    customer, method = await stand.customer()
    await stand.create(customer, method, key="k")
    with pytest.raises(stripe.IdempotencyError) as refused:
        await stand.create(customer, method, amount=1300, key="k")
    assert refused.value.http_status == 400


async def test_refused_parameters_leave_the_key_free(stand: Stand) -> None:
    customer, method = await stand.customer()
    with pytest.raises(stripe.InvalidRequestError):
        await stand.create(customer, method, amount=1, key="k")
    assert (await stand.create(customer, method, key="k")).amount == 1200


async def test_missing_resource_is_remembered_by_the_key(stand: Stand) -> None:
    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent") as missing:
            await stand.v1.payment_intents.confirm_async("pi_no", {}, {"idempotency_key": "k"})
        assert (missing.value.headers or {}).get("idempotent-replayed") == replayed


async def test_same_key_in_flight_conflicts_and_moves_money_once(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell("latency", seconds=0.3)
    confirms = [stand.confirm(intent, key="k") for _ in range(2)]
    answers = await asyncio.gather(*confirms, return_exceptions=True)
    paid = [answer for answer in answers if isinstance(answer, stripe.PaymentIntent)]
    refused = [answer for answer in answers if isinstance(answer, stripe.APIError)]
    assert [answer.status for answer in paid] == ["succeeded"]
    assert [(each.http_status, each.error and each.error.code) for each in refused] == [(409, "idempotency_key_in_use")]


async def test_key_is_forgotten_after_a_day(stand: Stand) -> None:
    customer, method = await stand.customer()
    first = await stand.create(customer, method, key="k")
    await stand.tell("clock", advance_seconds=DAY_SECONDS - 60)
    assert (await stand.create(customer, method, key="k")).id == first.id
    await stand.tell("clock", advance_seconds=60)
    assert (await stand.create(customer, method, key="k")).id != first.id
