"""The stand-in's customers and their cards: attached, replaced and detached, as at Stripe."""

import pytest
import stripe

from tests.contract.stripe_stand import Stand, error_of, stand

__all__ = ["stand"]  # fixture


async def test_card_of_another_customer_is_refused(stand: Stand) -> None:
    customer, method = await stand.customer()
    _, other = await stand.customer()
    with pytest.raises(stripe.InvalidRequestError, match=f"does not have a payment method with the ID {other}"):
        await stand.create(customer, other)

    intent = await stand.create(customer, method)
    await stand.v1.payment_methods.detach_async(method)
    with pytest.raises(stripe.InvalidRequestError, match=f"does not have a payment method with the ID {method}"):
        await stand.confirm(intent)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await stand.v1.payment_methods.attach_async(method, {"customer": customer})


async def test_charge_declined_card_cannot_be_attached(stand: Stand) -> None:
    customer, _ = await stand.customer()
    for card, decline_code in [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ]:
        with pytest.raises(stripe.CardError) as declined:
            await stand.v1.payment_methods.attach_async(card, {"customer": customer})
        assert (declined.value.code, error_of(declined)["decline_code"]) == ("card_declined", decline_code)


async def test_legacy_token_becomes_a_card_that_pays(stand: Stand) -> None:
    customer = await stand.v1.customers.create_async({"source": "tok_visa"})
    intent = await stand.create(customer.id, str(customer.default_source))
    assert (await stand.confirm(intent)).status == "succeeded"


async def test_customer_is_changed_and_gets_a_default_card(stand: Stand) -> None:
    customer, method = await stand.customer()
    _, stranger = await stand.customer()
    changed = await stand.v1.customers.update_async(
        customer,
        {
            "name": "Ann",
            "email": "",
            "metadata": {"customer_id": "ann"},
            "invoice_settings": {"default_payment_method": method},
        },
    )
    assert (changed.name, changed.email) == ("Ann", None)
    assert changed.to_dict()["metadata"] == {"customer_id": "ann"}

    async def default_card() -> str | stripe.PaymentMethod | None:
        expand = "invoice_settings.default_payment_method"
        settings = (await stand.v1.customers.retrieve_async(customer, {"expand": [expand]})).invoice_settings
        return settings.default_payment_method if settings else None

    assert isinstance(await default_card(), stripe.PaymentMethod)
    with pytest.raises(stripe.InvalidRequestError, match="must be attached") as refused:
        await stand.v1.customers.update_async(customer, {"invoice_settings": {"default_payment_method": stranger}})
    assert refused.value.param == "invoice_settings[default_payment_method]"

    await stand.v1.payment_methods.detach_async(method)
    assert await default_card() is None
    await stand.v1.customers.delete_async(customer)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await stand.v1.customers.update_async(customer, {"name": "Bob"})


async def test_deleted_customer_is_marked_and_cannot_be_charged(stand: Stand) -> None:
    customer, method = await stand.customer()
    assert (await stand.v1.customers.delete_async(customer)).deleted
    assert (await stand.v1.customers.retrieve_async(customer)).deleted
    assert (await stand.v1.customers.list_async()).data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await stand.create(customer, method)
