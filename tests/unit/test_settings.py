"""Settings: what is documented, what is refused, what is never shown."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billing.billers.biller import BillerCode, Dialect
from billing.customers.ladder import ladder_text
from billing.errors import InvalidInput
from billing.events.event import Destination
from bootstrap_billers import contracts
from settings import Settings, load_settings, unknown_variables

REAL = {
    "BILLING_STRIPE_API_KEY": "sk_live_very_secret",
    "BILLING_SALES_SHEET_ID": "1abc",
    "BILLING_SMTP_HOST": "smtp.example.com",
    "BILLING_MAIL_FROM": "billing@acme.example",
    "BILLING_SMTP_PASSWORD": "hunter2",
}
NAMES = [f"BILLING_{name.upper()}" for name in Settings.model_fields]


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_nothing_configured_is_the_sandbox() -> None:
    assert load_settings().sandbox


def test_a_sandbox_whose_time_is_skipped_has_one_clock_and_what_is_real_has_the_real_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = load_settings()
    settings.skipped_file.parent.mkdir()
    settings.skipped_file.write_text("86400.5")
    assert timedelta(days=1) < settings.now() - datetime.now(UTC) < timedelta(days=1, seconds=1)
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    assert abs(load_settings().now() - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "missing", ["BILLING_STRIPE_API_KEY", "BILLING_SALES_SHEET_ID", "BILLING_SMTP_HOST", "BILLING_MAIL_FROM"]
)
def test_real_services_and_the_sandbox_do_not_mix(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in REAL.items():
        if name != missing:
            monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=missing):
        load_settings()


def test_everything_real_is_taken_from_the_environment_and_from_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BILLING_STRIPE_API_KEY", REAL["BILLING_STRIPE_API_KEY"])
    file = [f"{name}={value}" for name, value in REAL.items() if name != "BILLING_STRIPE_API_KEY"]
    (tmp_path / ".env").write_text("\n".join(file))
    assert not load_settings().sandbox


@pytest.mark.parametrize(
    ("key", "url", "is_refused"),
    [
        ("sk_live_x", "http://pay.example.com", True),
        ("rk_live_x", "http://10.0.0.7:12114", True),
        ("sk_live_x", "HTTP://pay.example.com", True),
        ("sk_live_x", "https://pay.example.com", False),
        ("sk_live_x", "http://127.0.0.1:12114", False),
        ("sk_live_x", "http://[::1]:12114", False),
        ("sk_test_x", "http://pay.example.com", False),
        ("sk_test_x", "pay.example.com", True),
        ("sk_test_x", "ftp://pay.example.com", True),
        ("sk_test_x", "https://", True),
    ],
)
def test_links_of_real_money_are_not_sent_over_the_network_in_the_open(
    monkeypatch: pytest.MonkeyPatch, key: str, url: str, is_refused: bool
) -> None:
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BILLING_LINK_SECRET", "x" * 32)
    monkeypatch.setenv("BILLING_STRIPE_API_KEY", key)
    monkeypatch.setenv("BILLING_CONSOLE_URL", url)
    if is_refused:
        with pytest.raises(InvalidInput, match="BILLING_CONSOLE_URL"):
            load_settings()
    else:
        assert load_settings().console_url == url


def test_a_proxy_that_there_must_be_and_nobody_trusts_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BILLING_LINK_SECRET", "x" * 32)
    monkeypatch.setenv("BILLING_CONSOLE_URL", "https://pay.example.com")
    assert load_settings().behind_unknown_proxy
    monkeypatch.setenv("BILLING_CONSOLE_TRUSTED_PROXIES", "10.0.0.7")
    assert not load_settings().behind_unknown_proxy


def test_a_misspelled_variable_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = set(unknown_variables())  # of whoever runs the tests
    monkeypatch.setenv("BILLING_DECIMAL_SEPARATOR", ",")
    monkeypatch.setenv("BILLING_REVIEWERS_EMAL", "ann@acme.example")
    (tmp_path / ".env").write_text("BILLING_DECIMAL_SEPERATOR=,\nTEMPORAL_ADDRESS=127.0.0.1:7233\n")
    assert set(unknown_variables()) - before == {"BILLING_DECIMAL_SEPERATOR", "BILLING_REVIEWERS_EMAL"}


def test_variables_of_the_command_line_are_no_misspelled_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = set(unknown_variables())
    monkeypatch.setenv("BILLING_BY", "ann")
    assert set(unknown_variables()) == before
    monkeypatch.delenv("BILLING_BY")
    (tmp_path / ".env").write_text("BILLING_BY=ann\n")
    assert set(unknown_variables()) - before == {"BILLING_BY"}, "it has no effect there"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_SALES_FOLDER", "")
    monkeypatch.setenv("BILLING_SMTP_PORT", "")
    assert load_settings().sandbox


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BILLING_SMTP_PORT", "sk_live_1"),
        ("BILLING_MAIL_FROM", "sk_live_1"),
        ("BILLING_MAIL_FROM", 'it\'s "sk_live_1"'),
        ("BILLING_SMTP_TLS", "sk_live_1"),
        ("BILLING_DEFAULT_CURRENCY", "sk_live_1"),
        ("BILLING_DEFAULT_TIMEZONE", "sk_live_1"),
        ("BILLING_CONSOLE_TRUSTED_PROXIES", "10.0.0.7, sk_live_1"),
        ("BILLING_CONSOLE_SSO_HEADER", "sk_live_1 "),
        ("BILLING_SPREAD_MINUTES", "sk_live_1"),
        ("BILLING_COMPANY", "sk_live_1" * 100),
        ("BILLING_STRIPE_API_KEY", "sk_live_1" * 1000),
    ],
)
def test_a_wrong_value_is_named_without_being_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("BILLING_SMTP_PASSWORD", "hunter2")
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as refused:
        load_settings()
    assert name.removeprefix("BILLING_").lower() in str(refused.value).lower()
    assert "hunter2" not in str(refused.value)
    assert "sk_live" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("BILLING_COMPANY", "Acme\r\nBcc: bob@example.com", r"contains a control character \(U\+000D\)"),
        ("BILLING_COMPANY", "Ac\u200bme", r"contains ZERO WIDTH SPACE \(U\+200B\)"),
        ("BILLING_COMPANY", "x" * 101, "at most 100 characters"),
        ("BILLING_MAIL_FROM", "kas\u2060se@example.com", r"contains WORD JOINER \(U\+2060\)"),
        ("BILLING_MAIL_FROM", "ünal@example.com", "needs ASCII before the @"),
        ("BILLING_REVIEWERS_EMAIL", "ann\u00ad@example.com", r"contains SOFT HYPHEN \(U\+00AD\)"),
    ],
)
def test_names_and_addresses_in_mails_are_what_they_look_like(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput, match=why):
        load_settings()


def test_the_sender_may_have_a_domain_beyond_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_MAIL_FROM", "Kasse@Straße.example")
    assert (load_settings().mail_from, load_settings().mail_domain) == ("Kasse@Straße.example", "xn--strae-oqa.example")


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BILLING_LEDGER_URL", "postgresql://billing:hunter2@db/ledger")
    monkeypatch.setenv("BILLING_STRIPE_WEBHOOK_SECRET", "whsec_hunter2")
    monkeypatch.setenv("BILLING_LINK_SECRET", "hunter2" * 8)
    monkeypatch.setenv("BILLING_ALERT_URLS", "slack://hunter2/hunter2/hunter2")
    shown = repr(load_settings())
    assert "secret" not in re.sub(r"\w+_secret=", "", shown)
    assert "hunter2" not in shown


def test_digests_are_ten_minutes_apart_and_a_second_in_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().digest_interval == timedelta(seconds=1)
    monkeypatch.setenv("BILLING_DIGEST_MINUTES", "0.5")
    assert load_settings().digest_interval == timedelta(seconds=30)
    monkeypatch.delenv("BILLING_DIGEST_MINUTES")
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    assert load_settings().digest_interval == timedelta(minutes=10)


def test_twenty_are_charged_a_second_and_in_the_sandbox_as_many_as_come(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().charge_rate is None
    monkeypatch.setenv("BILLING_CHARGES_PER_SECOND", "8")
    assert load_settings().charge_rate == 8
    monkeypatch.delenv("BILLING_CHARGES_PER_SECOND")
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    assert load_settings().charge_rate == 20


@pytest.mark.parametrize("months", ["0", "-1", "many"])
def test_a_worker_keeps_at_least_one_month_at_hand(monkeypatch: pytest.MonkeyPatch, months: str) -> None:
    assert load_settings().cached_workflows is None
    monkeypatch.setenv("BILLING_CACHED_WORKFLOWS", months)
    with pytest.raises(InvalidInput, match="BILLING_CACHED_WORKFLOWS"):
        load_settings()


def test_newcomers_are_spread_over_an_hour_and_not_in_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().spread == 0
    monkeypatch.setenv("BILLING_SPREAD_MINUTES", "30")
    assert load_settings().spread == 30
    monkeypatch.delenv("BILLING_SPREAD_MINUTES")
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    assert load_settings().spread == 60


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    text = (Path(__file__).parents[2] / ".env.example").read_text()
    documented = {
        line.lstrip("# ").split("=")[0] for line in text.splitlines() if line.lstrip("# ").startswith("BILLING_")
    }
    assert documented == set(NAMES)


@pytest.mark.parametrize("given", ["BILLING_DEFAULT_CURRENCY", "BILLING_DEFAULT_TIMEZONE"])
def test_newcomers_need_currency_and_zone(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    values = {"BILLING_DEFAULT_CURRENCY": "NZD", "BILLING_DEFAULT_TIMEZONE": "Pacific/Auckland"}
    monkeypatch.setenv(given, values[given])
    with pytest.raises(InvalidInput, match="set both BILLING_DEFAULT_CURRENCY and BILLING_DEFAULT_TIMEZONE"):
        load_settings()
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert load_settings().newcomers == ("nzd", "Pacific/Auckland")


def test_without_them_nobody_registers_without_an_invitation(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().newcomers is not None, "the sandbox"
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    assert load_settings().newcomers is None


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_CONSOLE_TRUSTED_PROXIES", "10.0.0.7, 10.1.0.0/24,fd00::/8")
    assert [str(each) for each in load_settings().console_trusted_proxies] == ["10.0.0.7/32", "10.1.0.0/24", "fd00::/8"]


@pytest.mark.parametrize("value", ["0.0.0.0/0", "::/0", "10.0.0.7/24", "proxy.example", "*"])
def test_proxies_are_neither_everybody_nor_a_typing_error(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BILLING_CONSOLE_TRUSTED_PROXIES", value)
    with pytest.raises(InvalidInput, match="BILLING_CONSOLE_TRUSTED_PROXIES"):
        load_settings()


def test_single_sign_on_without_trusted_proxies_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_CONSOLE_SSO_HEADER", "X-Forwarded-User")
    with pytest.raises(InvalidInput, match="BILLING_CONSOLE_TRUSTED_PROXIES"):
        load_settings()
    monkeypatch.setenv("BILLING_CONSOLE_TRUSTED_PROXIES", "127.0.0.1")
    assert load_settings().console_sso_header == "X-Forwarded-User"


@pytest.mark.parametrize(
    ("is_real", "url", "secret", "words"),
    [
        (True, "https://erp.example.com/events", "x" * 32, ""),
        (True, "https://erp.example.com/events", f"{'x' * 32} {'y' * 32}", ""),
        (False, "http://127.0.0.1:8080/events", "x" * 32, ""),
        (False, "https://erp.example.com/events", "x" * 32, "tells this machine only"),
        (True, "http://erp.example.com/events", "x" * 32, "has to begin with https://"),
        (True, "erp.example.com/events", "x" * 32, "is not a web address"),
        (True, "https://user:secret@erp.example.com/events", "x" * 32, "is not a web address"),
        (True, "https://erp.example.com/events", "", "BILLING_EVENTS_SECRET"),
        (True, "https://erp.example.com/events", "x" * 31, "BILLING_EVENTS_SECRET"),
        (True, "https://erp.example.com/events", f"{'x' * 32} old", "BILLING_EVENTS_SECRET"),
        (True, "https://erp.example.com/events", " ".join(letter * 32 for letter in "xyz"), "BILLING_EVENTS_SECRET"),
    ],
)
def test_events_go_to_one_safe_address_and_are_signed(
    monkeypatch: pytest.MonkeyPatch, is_real: bool, url: str, secret: str, words: str
) -> None:
    for name, value in REAL.items() if is_real else ():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BILLING_EVENTS_URL", url)
    monkeypatch.setenv("BILLING_EVENTS_SECRET", secret)
    if words:
        with pytest.raises(InvalidInput, match=words):
            load_settings()
    else:
        assert Destination.RECEIVER in load_settings().destinations
        assert load_settings().events_secrets == secret.split()


@pytest.mark.parametrize(
    ("is_real", "url", "secret", "words"),
    [
        (True, "https://shop.example.com/releases", "x" * 32, ""),
        (False, "http://127.0.0.1:8080/releases", "x" * 32, ""),
        (True, "mailto:workshop@example.com", "", ""),
        (True, "ntfys://your-topic", "", ""),
        (False, "https://shop.example.com/releases", "x" * 32, "tells this machine only"),
        (True, "http://shop.example.com/releases", "x" * 32, "has to begin with https://"),
        (True, "https://shop.example.com/releases", "", "BILLING_PRODUCTION_SECRET"),
        (True, "mailto:workshop", "", "BILLING_PRODUCTION_URL: write it as mailto:workshop@example.com"),
    ],
)
def test_releases_go_to_one_safe_address_and_are_signed(
    monkeypatch: pytest.MonkeyPatch, is_real: bool, url: str, secret: str, words: str
) -> None:
    for name, value in REAL.items() if is_real else ():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BILLING_PRODUCTION_URL", url)
    monkeypatch.setenv("BILLING_PRODUCTION_SECRET", secret)
    if words:
        with pytest.raises(InvalidInput, match=words):
            load_settings()
    else:
        assert load_settings().production_secrets == secret.split()


@pytest.mark.parametrize(
    ("secret", "is_taken"), [("x" * 32, True), (f"{'x' * 32} {'y' * 32}", True), ("x" * 31, False)]
)
def test_orders_are_signed_by_one_secret_or_by_two(
    monkeypatch: pytest.MonkeyPatch, secret: str, is_taken: bool
) -> None:
    monkeypatch.setenv("BILLING_ORDERS_SECRET", secret)
    if is_taken:
        assert load_settings().orders_secrets == secret.split()
    else:
        with pytest.raises(InvalidInput, match="BILLING_ORDERS_SECRET"):
            load_settings()


def test_without_an_address_no_receiver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_EVENTS_SECRET", "x" * 32)
    assert Destination.RECEIVER not in load_settings().destinations


SHOP = '{"merchant_account": "shop_example", "secret_key": "very-secret", "domain": "shop.example"}'
GATEWAYS = '{"wayforpay": {"kind": "gateway"}, "second": {"kind": "gateway"}}'


def _real(monkeypatch: pytest.MonkeyPatch, rails: str, shops: str) -> None:
    for name, value in (REAL | {"BILLING_RAILS": rails, "BILLING_WAYFORPAY": shops}).items():
        monkeypatch.setenv(name, value)


def test_a_shop_is_named_by_its_rail_and_its_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    _real(monkeypatch, '{"wayforpay": {"kind": "gateway"}}', f'{{"wayforpay": {SHOP}}}')
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
    _real(monkeypatch, rails, shops)
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


def test_sales_come_from_one_place_or_from_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BILLING_SALES", "none")
    with pytest.raises(InvalidInput, match="set one of BILLING_SALES_SHEET_ID"):
        load_settings()
    monkeypatch.delenv("BILLING_SALES_SHEET_ID")
    assert load_settings().sales == "none"
    monkeypatch.delenv("BILLING_SALES")
    monkeypatch.setenv("BILLING_SALES_URL", "https://erp.example.com/sales")
    with pytest.raises(InvalidInput, match="set BILLING_SALES_SECRET too"):
        load_settings()
    monkeypatch.setenv("BILLING_SALES_SECRET", "s" * 32)
    assert load_settings().sales_url == "https://erp.example.com/sales"
    monkeypatch.setenv("BILLING_SALES_URL", "http://erp.example.com/sales")
    with pytest.raises(InvalidInput, match="BILLING_SALES_URL has to begin with https://"):
        load_settings()


def test_the_sandbox_can_do_without_a_sheet_or_ask_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_SALES", "none")
    assert load_settings().sandbox
    monkeypatch.delenv("BILLING_SALES")
    monkeypatch.setenv("BILLING_SALES_URL", "http://127.0.0.1:8000/sales")
    monkeypatch.setenv("BILLING_SALES_SECRET", "s" * 32)
    assert load_settings().sandbox


def test_ladder_and_contact_hours_are_read_from_their_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_LADDER", "1 remind, 7 warn, 14 suspend")
    monkeypatch.setenv("BILLING_CONTACT_HOURS", "mon-sat 08:00-21:00")
    settings = load_settings()
    assert ladder_text(settings.ladder) == "1 remind, 7 warn, 14 suspend"
    assert str(settings.contact_hours) == "mon-sat 08:00-21:00"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("BILLING_LADDER", "14 suspend", "needs a warning on an earlier day, such as '7 warn'"),
        ("BILLING_LADDER", "remind", "is no rung; write day, action and channels"),
        ("BILLING_CONTACT_HOURS", "at night", "write weekdays, then from when to when"),
    ],
)
def test_ladder_and_contact_hours_that_cannot_be_read_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, problem: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(InvalidInput, match=re.escape(problem)):
        load_settings()
