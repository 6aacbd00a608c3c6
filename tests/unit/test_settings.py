"""Settings: what is documented, what is refused, what is never shown."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billing.errors import InvalidInput
from settings import load_settings, unknown_variables
from tests.unit.settings_fixtures import NAMES, REAL, nothing_configured

__all__ = ["nothing_configured"]  # fixture


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
