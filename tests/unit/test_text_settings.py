"""Settings of texts: what is taken, and what is refused with what to write instead, never with a secret."""

from datetime import time

import pytest

from billing.customers.contact_hours import Weekday
from billing.errors import InvalidInput
from billing.texts.ports import TextLimits
from bootstrap_texts import text_vendor
from settings import Settings, load_settings
from tests.unit.settings_fixtures import REAL, nothing_configured

__all__ = ["nothing_configured"]  # fixture

SMSC = '{"vendor": "smsc", "login": "acme", "password": "hunter3", "sender": "ACME", "secret": "hunter4"}'
TOO_LONG = '{"language": "ru", "pay": "на сайте или в приложении банка"}'
TWILIO = '{"vendor": "twilio", "account_sid": "AC1", "token": "hunter3", "sender": "+15005550006"}'


def real(monkeypatch: pytest.MonkeyPatch, **changes: str) -> Settings:
    for name, value in {**REAL, **changes}.items():
        monkeypatch.setenv(name, value)
    return load_settings()


@pytest.mark.parametrize(("account", "name"), [(SMSC, "smsc"), (TWILIO, "twilio")])
def test_the_vendor_is_the_one_that_is_configured(monkeypatch: pytest.MonkeyPatch, account: str, name: str) -> None:
    assert text_vendor(real(monkeypatch)) is None
    settings = real(monkeypatch, BILLING_SMS=account)
    vendor = text_vendor(settings)
    assert vendor is not None
    assert vendor.name == name
    assert "hunter" not in repr(settings)


def test_the_sandbox_has_a_vendor_of_its_own() -> None:
    vendor = text_vendor(load_settings())
    assert vendor is not None
    assert vendor.name == "smsc"


def test_terms_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = '{"language": "uk", "price": "0.0075 usd", "per_day": null, "cost_per_day": 20}'
    settings = real(monkeypatch, BILLING_TEXTS=terms, BILLING_CONTACT_HOURS="sat-sun 10:00-18:00")
    assert (settings.texts.price_micros, settings.texts.currency) == (7_500, "USD")
    assert settings.texts.limits == TextLimits(texts=None, cost_micros=20_000_000)
    assert settings.contact_hours.weekdays == (Weekday.SAT, Weekday.SUN)
    assert settings.contact_hours.end == time(18, 0)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SMS", '{"vendor": "pigeon", "token": "hunter3"}', "BILLING_SMS"),
        ("SMS", '{"vendor": "twilio", "account_sid": "acme", "token": "hunter3", "sender": "1"}', "BILLING_SMS"),
        ("SMS", "hunter3", "BILLING_SMS"),
        ("TEXTS", '{"language": "fr"}', "BILLING_TEXTS"),
        (
            "TEXTS",
            '{"language": "ru", "pay": "на сайте или в приложении банка"}',
            "which are 2 segments, and may have 1",
        ),
        ("TEXTS", '{"templates": {"bill": "Pay {sum}"}}', "it may name {amount}"),
        ("TEXTS", '{"price": "free"}', "BILLING_TEXTS"),
        ("TEXTS", '{"cost_per_day": 20}', "set price too"),
        ("CONTACT_HOURS", "9 to 5", "write weekdays, then from when to when: mon-fri 09:00-20:00"),
        ("PHONE_REGION", "Kazakhstan", "BILLING_PHONE_REGION"),
    ],
)
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        real(monkeypatch, **{f"BILLING_{name}": value})
    assert said in str(refusal.value)
    assert "hunter" not in str(refusal.value)


def test_no_real_account_stands_beside_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_SMS", SMSC)
    with pytest.raises(InvalidInput, match="do not mix"):
        load_settings()
