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
    names_a_page,
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


@pytest.mark.parametrize(
    "name",
    [
        "Acme, pay at https://evil.example/now", "www.evil", "Acme evil.com", "EVIL.COM", "evil.co.uk", "evil.xn--p1ai",
        "evil.рф", "evil.укр", "зло.рф", "evil.中国", "evil.भारत", "evil.ไทย", "evil.السعودية", "שלום.קום",
        "evil\uff0ecom", "evil\u3002com", "evil\uff61com", "evil\u2024com", "evil\ufe52com", "evil.\uff43\uff4f\uff4d",
        "\uff57\uff57\uff57\uff0eevil", "https\uff1a\uff0f\uff0fevil", "evil.c\u00adom", "evil.\u200bcom", "évil.côm",
        "evil.c\u0327o\u0302m",
    ],
)  # fmt: skip
def test_a_name_that_mail_programs_make_a_link_of_is_refused_in_any_script(name: str) -> None:
    assert names_a_page(name)


@pytest.mark.parametrize(
    "name",
    ["Acme", "Peña y Hijos, S.L.", "J. R. R. Tolkien", "J.R.R. Tolkien", "Ф. И. Тютчев", "Фирма «Ромашка»", "Nr. 5",
     "No.5", "株式会社 山田", "モーニング娘。", "अजय कुमार", "3.50", "Acme 2.0", "A/B", "Smith & Co.", "Acme: Tea"],
)  # fmt: skip
def test_a_name_with_dots_in_it_is_a_name(name: str) -> None:
    assert not names_a_page(name)
