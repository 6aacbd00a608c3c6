"""Settings of rails: shops and banks' contracts fit them, are refused by name, and show no secret."""

import pytest

from billing.billers.biller import BillerCode, Dialect
from billing.errors import InvalidInput
from bootstrap_billers import contracts
from settings import load_settings
from tests.unit.settings_fixtures import REAL, nothing_configured

__all__ = ["nothing_configured"]  # fixture

SHOP = '{"merchant_account": "shop_example", "secret_key": "very-secret", "domain": "shop.example"}'
GATEWAYS = '{"wayforpay": {"kind": "gateway"}, "second": {"kind": "gateway"}}'


def with_shops(monkeypatch: pytest.MonkeyPatch, rails: str, shops: str) -> None:
    for name, value in (REAL | {"BILLING_RAILS": rails, "BILLING_WAYFORPAY": shops}).items():
        monkeypatch.setenv(name, value)


def test_a_shop_is_named_by_its_rail_and_its_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with_shops(monkeypatch, '{"wayforpay": {"kind": "gateway"}}', f'{{"wayforpay": {SHOP}}}')
    settings = load_settings()
    assert settings.wayforpay["wayforpay"].secret_key.get_secret_value() == "very-secret"
    assert "very-secret" not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    ("rails", "shops", "words"),
    [
        (GATEWAYS, f'{{"wayforpay": {SHOP}}}', "set BILLING_WAYFORPAY too, .* of second"),
        ('{"cash": {"kind": "by_hand"}}', f'{{"cash": {SHOP}}}', "names cash, which is no rail of kind gateway"),
        (GATEWAYS, f'{{"wayforpay": {SHOP}, "second": {SHOP}}}', "two rails of BILLING_WAYFORPAY name one merchant"),
        (GATEWAYS, '{"wayforpay": {"merchant_account": "a", "secret_key": "very-secret"}}', "BILLING_WAYFORPAY: "),
        (GATEWAYS, '{"wayforpay": "very-secret"}', "BILLING_WAYFORPAY: "),
        (GATEWAYS, f'{{"wayforpay": {SHOP[:-1]}, "secretkey": "very-secret"}}}}', "BILLING_WAYFORPAY: "),
        (GATEWAYS, SHOP.replace("very-secret", ""), "BILLING_WAYFORPAY: "),
    ],
)
def test_shops_that_do_not_fit_their_rails_are_refused_by_name_and_not_by_value(
    monkeypatch: pytest.MonkeyPatch, rails: str, shops: str, words: str
) -> None:
    with_shops(monkeypatch, rails, shops)
    with pytest.raises(InvalidInput, match=words) as refused:
        load_settings()
    assert "very-secret" not in str(refused.value)


def test_the_sandbox_has_the_stand_ins_shop_and_no_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "wayforpay" in load_settings().rails
    monkeypatch.setenv("BILLING_WAYFORPAY", f'{{"wayforpay": {SHOP}}}')
    with pytest.raises(InvalidInput, match="real services and the sandbox do not mix"):
        load_settings()
    monkeypatch.delenv("BILLING_WAYFORPAY")
    monkeypatch.setenv("BILLING_RAILS", '{"cash": {"kind": "by_hand"}}')
    assert list(load_settings().rails) == ["cash"]


@pytest.mark.parametrize("name", ["BILLING_RAILS", "BILLING_WAYFORPAY"])
def test_what_is_no_json_is_a_clear_line_without_its_value(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, '{"very-secret')
    with pytest.raises(InvalidInput, match=f"{name}: this is not JSON; see .env.example") as refused:
        load_settings()
    assert "very-secret" not in str(refused.value)


KASPI = '"dialect": "kaspi", "currency": "kzt", "timezone": "Asia/Almaty"'
NEUTRAL = '"dialect": "neutral", "currency": "kzt", "timezone": "Asia/Almaty"'
BILLER = {"BILLING_RAILS": '{"bank-app": {"kind": "biller"}}', "BILLING_PERSONAL_SECRET": "p" * 32}


def _of(contract: str, rail: str = "bank-app") -> str:
    return f'{{"{rail}": {{{contract}}}}}'


@pytest.mark.parametrize(
    ("agreed", "fault"),
    [
        ("", "set BILLING_BILLERS too"),
        (_of(f'{KASPI}, "addresses": "10.0.0.1"', "other"), "set BILLING_BILLERS too"),
        (_of(KASPI), "set addresses, from which the bank calls"),
        (_of(f'{KASPI}, "addresses": "0.0.0.0/0"'), "that is every address"),
        (_of(f'{KASPI}, "addresses": "10.0.0.1", "least": "-1"'), "least has to be above 0"),
        (_of(f'{KASPI}, "addresses": "10.0.0.1", "least": "0.001"'), "least and most: .* is not an amount in KZT"),
        (_of(f'{KASPI}, "addresses": "10.0.0.1", "limit": "1"'), "BILLING_BILLERS"),
        (_of(NEUTRAL), "set secret, or user and password"),
        (_of(f'{NEUTRAL}, "secret": "short"'), "set secret, or user and password"),
        (_of(f'{NEUTRAL}, "secret": "{"s" * 32}", "user": "bank"'), "user and password together"),
        (_of(f'{NEUTRAL}, "secret": "{"s" * 32}", "password": "{"p" * 32}"'), "user and password together"),
        (_of(f'{NEUTRAL}, "user": "bank", "password": "{"p" * 32}", "secret": "x"'), "have 32 characters or more"),
        (_of(f'{NEUTRAL}, "secret": "{"s" * 32}", "user": "bank", "password": "x"'), "have 32 characters or more"),
    ],
)
def test_a_contract_without_protection_or_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, agreed: str, fault: str
) -> None:
    for name, value in {**REAL, **BILLER, "BILLING_BILLERS": agreed}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=fault):
        load_settings()


def test_contracts_are_read_and_need_the_key_of_what_banks_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    contract = _of(f'{KASPI}, "addresses": "194.187.247.152, 10.0.0.0/24", "texts": {{"not_found": "Счёт не найден"}}')
    for name, value in {**REAL, **BILLER, "BILLING_BILLERS": contract}.items():
        monkeypatch.setenv(name, value)
    agreed = contracts(load_settings())["bank-app"]
    assert agreed.words(BillerCode.NOT_FOUND) == "Счёт не найден"
    assert (agreed.least_minor, agreed.most_minor) == (1, 100_000_000)
    assert not agreed.allows(None)
    monkeypatch.setenv("BILLING_PERSONAL_SECRET", "short")
    with pytest.raises(InvalidInput, match="set BILLING_PERSONAL_SECRET too"):
        load_settings()


def test_the_sandbox_has_a_contract_of_each_dialect(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {each.dialect for each in contracts(load_settings()).values()} == set(Dialect)
    monkeypatch.setenv("BILLING_BILLERS", _of(f'{KASPI}, "addresses": "127.0.0.1"'))
    assert contracts(load_settings())["bank-app"].currency == "kzt"
