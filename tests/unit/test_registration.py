"""Registrations: what they hold, and that the text of the consent has a version."""

import hashlib
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from billing.customers.customer import ReviewMode, Terms
from billing.customers.registration import (
    CONSENT_VERSION,
    Registration,
    browser_key,
    consent_text,
    import_id,
    new_customer_id,
    registration_id_of,
)
from billing.payments.methods import CardOnFile

NOW = datetime.now(UTC)
ANN = Registration(
    registration_id="R-1",
    email="ann@example.com",
    name="Ann",
    currency="eur",
    timezone="Europe/Paris",
    customer_id="c-1",
    created_at=NOW,
    updated_at=NOW,
)


def test_another_text_of_the_consent_needs_another_version() -> None:
    """Who changes the text changes ``CONSENT_VERSION``, and this."""
    digest = hashlib.sha256(consent_text("").encode()).hexdigest()[:8]
    assert (CONSENT_VERSION, digest) == ("2026-11", "828ae22e")


def test_the_consent_promises_the_notice_that_new_customers_get() -> None:
    assert Terms().min_notice_hours >= 72
    assert "three days before" in consent_text("Acme")


def test_ids_are_random_and_of_different_kinds() -> None:
    customers = {new_customer_id() for _ in range(100)}
    registrations = {registration_id_of(browser_key(""), ANN.email, "eur", "UTC") for _ in range(100)}
    assert len(customers | registrations) == 200
    ANN.evolve(customer_id=customers.pop(), registration_id=registrations.pop())
    ANN.evolve(registration_id=import_id("a" * 64))


@pytest.mark.parametrize("taken", ["acme", "r-1", "X-1", "R-", "R-A"])
def test_no_id_of_a_customer_is_one_of_a_registration(taken: str) -> None:
    with pytest.raises(ValidationError):
        ANN.evolve(registration_id=taken)


def test_the_customer_has_exactly_what_was_registered() -> None:
    card = CardOnFile(payer_id="cus_1", card_id="card_1", last4="4242")
    done = ANN.evolve(card=card, review_mode="approve")
    customer = done.customer()
    assert customer.terms == Terms(review_mode=ReviewMode.APPROVE)
    assert customer.payment_method == card
    for name in ("customer_id", "email", "name", "currency", "timezone"):
        assert getattr(customer, name) == getattr(done, name)
