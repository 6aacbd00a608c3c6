"""Settings of addresses: nothing is sent in the open or trusted unnamed, and what is signed has its secret."""

import pytest

from billing.errors import InvalidInput
from billing.events.event import Destination
from settings import load_settings
from tests.unit.settings_fixtures import REAL, nothing_configured

__all__ = ["nothing_configured"]  # fixture


def test_a_proxy_that_there_must_be_and_nobody_trusts_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BILLING_LINK_SECRET", "x" * 32)
    monkeypatch.setenv("BILLING_CONSOLE_URL", "https://pay.example.com")
    assert load_settings().behind_unknown_proxy
    monkeypatch.setenv("BILLING_CONSOLE_TRUSTED_PROXIES", "10.0.0.7")
    assert not load_settings().behind_unknown_proxy


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
