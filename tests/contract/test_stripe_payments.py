"""The stand-in's payment intents end as Stripe's do: paid once, declined, authenticated, settled later or cancelled."""

from typing import Any

import pytest
import stripe

from tests.contract.stripe_stand import Stand, error_of, stand

__all__ = ["stand"]  # fixture


async def test_confirmed_intent_is_paid_once(stand: Stand) -> None:
    intent = await stand.intent()
    assert intent.status == "requires_confirmation"
    paid = await stand.confirm(intent)
    assert (paid.status, paid.amount_received, paid.metadata["period"]) == ("succeeded", 1200, "2026-11")
    assert str(paid.latest_charge).startswith("ch_")
    assert paid.payment_method_types == ["card"]

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.confirm(intent)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert error_of(refused)["payment_intent"]["status"] == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        await stand.v1.payment_intents.cancel_async(intent.id)


async def test_declined_card_returns_the_intent_to_requires_payment_method(stand: Stand) -> None:
    intent = await stand.intent("pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as declined:
        await stand.confirm(intent)
    assert declined.value.http_status == 402
    error = error_of(declined)
    assert (error["code"], error["decline_code"]) == ("card_declined", "generic_decline")
    assert error["advice_code"] == "try_again_later"
    assert error["payment_intent"]["id"] == intent.id

    after = await stand.v1.payment_intents.retrieve_async(intent.id)
    assert (after.status, after.payment_method, after.amount_received) == ("requires_payment_method", None, 0)
    assert after.last_payment_error is not None
    assert after.last_payment_error.decline_code == "generic_decline"
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        await stand.v1.payment_intents.confirm_async(intent.id)


@pytest.mark.parametrize(
    ("behaviour", "code", "decline_code", "advice_code"),
    [
        ("decline:insufficient_funds", "card_declined", "insufficient_funds", "try_again_later"),
        ("decline:lost_card", "card_declined", "lost_card", "do_not_try_again"),
        ("decline:do_not_honor:do_not_try_again", "card_declined", "do_not_honor", "do_not_try_again"),
        ("decline:never_heard_of", "card_declined", "never_heard_of", None),
        ("decline:expired_card", "expired_card", None, "confirm_card_data"),
    ],
)
async def test_card_can_be_told_how_to_decline_and_then_to_succeed(
    stand: Stand, behaviour: str, code: str, decline_code: str | None, advice_code: str | None
) -> None:
    intent = await stand.intent()
    await stand.tell(f"cards/{intent.payment_method}", behaviour=behaviour)
    with pytest.raises(stripe.CardError) as declined:
        await stand.confirm(intent)
    told = tuple(error_of(declined).get(name) for name in ("code", "decline_code", "advice_code"))
    assert told == (code, decline_code, advice_code)

    await stand.tell(f"cards/{intent.payment_method}", behaviour="succeed")
    assert (await stand.confirm(intent)).status == "succeeded"


async def test_off_session_authentication_is_a_card_error_and_on_session_asks_the_customer(stand: Stand) -> None:
    intent = await stand.intent("pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as declined:
        await stand.confirm(intent)
    assert declined.value.code == "authentication_required"
    after = await stand.v1.payment_intents.retrieve_async(intent.id)
    assert after.status == "requires_payment_method"
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == "authentication_required"

    asked = await stand.confirm(intent, off_session=False)
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    await stand.tell(f"payment_intents/{intent.id}", behaviour="succeed")
    assert (await stand.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"


async def test_customer_who_should_authenticate_may_pay_with_another_card(stand: Stand) -> None:
    intent = await stand.intent("pm_card_authenticationRequired")
    asked = await stand.confirm(intent, off_session=False)
    assert asked.status == "requires_action"
    other = await stand.v1.payment_methods.attach_async("pm_card_visa", {"customer": str(intent.customer)})
    paid = await stand.v1.payment_intents.confirm_async(intent.id, {"payment_method": other.id})
    assert (paid.status, paid.payment_method, paid.next_action) == ("succeeded", other.id, None)


async def test_processing_payment_cannot_be_confirmed_again_and_settles_later(stand: Stand) -> None:
    intent = await stand.intent()
    await stand.tell(f"cards/{intent.payment_method}", behaviour="processing")
    assert (await stand.confirm(intent)).status == "processing"
    with pytest.raises(stripe.InvalidRequestError, match="status of processing"):
        await stand.confirm(intent)
    settled = await stand.tell(f"payment_intents/{intent.id}", behaviour="decline:insufficient_funds")
    assert settled["status"] == "requires_payment_method"


async def test_create_with_confirm_declines_and_leaves_the_intent_behind(stand: Stand) -> None:
    customer, method = await stand.customer("pm_card_chargeCustomerFailLostCard")
    with pytest.raises(stripe.CardError) as declined:
        await stand.v1.payment_intents.create_async(
            {
                "amount": 1200,
                "currency": "eur",
                "customer": customer,
                "payment_method": method,
                "confirm": True,
                "off_session": True,
            }
        )
    assert error_of(declined)["decline_code"] == "lost_card"
    listed = await stand.v1.payment_intents.list_async({"customer": customer})
    assert [intent.id for intent in listed.data] == [error_of(declined)["payment_intent"]["id"]]


async def test_intent_without_a_card_waits_for_one_and_then_pays(stand: Stand) -> None:
    customer, method = await stand.customer()
    intent = await stand.v1.payment_intents.create_async({"amount": 1200, "currency": "eur", "customer": customer})
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error is None
    paid = await stand.v1.payment_intents.confirm_async(intent.id, {"payment_method": method, "off_session": True})
    assert (paid.status, paid.payment_method) == ("succeeded", method)


async def test_canceled_intent_takes_no_money(stand: Stand) -> None:
    intent = await stand.intent()
    canceled = await stand.v1.payment_intents.cancel_async(intent.id, {"cancellation_reason": "duplicate"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "duplicate")
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        await stand.confirm(intent)


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (0, "eur", "parameter_invalid_integer"),
        (-5, "eur", "parameter_invalid_integer"),
        ("12.5", "eur", "parameter_invalid_integer"),
        (49, "eur", "amount_too_small"),
        (29, "gbp", "amount_too_small"),
        (1_000_000_000_000, "eur", "amount_too_large"),
        (1205, "kwd", "parameter_invalid_integer"),
        (1200, "xxx", None),
    ],
)
async def test_impossible_amounts_are_refused(stand: Stand, amount: Any, currency: str, code: str | None) -> None:
    customer, method = await stand.customer()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.create(customer, method, amount=amount, currency=currency)
    assert (refused.value.http_status, refused.value.code) == (400, code)
    assert refused.value.param in ("amount", "currency")
    assert (await stand.v1.payment_intents.list_async()).data == []


async def test_american_express_takes_nine_digits_where_others_take_twelve(stand: Stand) -> None:
    customer, visa = await stand.customer()
    assert (await stand.create(customer, visa, amount=999_999_999_999, currency="cop")).amount == 999_999_999_999
    customer, amex = await stand.customer("pm_card_amex")
    assert (await stand.create(customer, amex, amount=999_999_999, currency="cop")).amount == 999_999_999
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.create(customer, amex, amount=1_000_000_000, currency="cop")
    assert (refused.value.http_status, refused.value.code) == (400, "amount_too_large")


async def test_payment_method_types_are_refused_since_endive(stand: Stand) -> None:
    params: Any = {"amount": 1200, "currency": "eur", "payment_method_types": ["card"]}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await stand.v1.payment_intents.create_async(params)
    assert (refused.value.code, refused.value.param) == ("parameter_unknown", "payment_method_types")
