"""Every page and mail says that no money moves, where none does; and a payment leads to its page at Stripe."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from billing.payments.mode import MoneyMode
from console.web.pages import Pages
from console.web.processor_links import payment_url
from settings import Settings
from tests.console.login_fixtures import behind_tls
from tests.console.people import browser_at, office, signed_in_at

STRIP = 'class="strip"'


@pytest.mark.parametrize(
    ("key", "mode"),
    [
        ("", MoneyMode.SANDBOX),
        ("sk_test_x", MoneyMode.TEST),
        ("rk_test_x", MoneyMode.TEST),
        ("sk_live_x", MoneyMode.LIVE),
        ("rk_live_test_x", MoneyMode.LIVE),
        ("anything", MoneyMode.LIVE),
    ],
)
def test_the_mode_is_that_of_the_key(key: str, mode: MoneyMode) -> None:
    assert MoneyMode.of_key(key) is mode


async def test_pages_of_the_sandbox_say_so(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    async with office(settings) as here, signed_in_at(here.url, here.ledger) as ann, browser_at(here.url) as stranger:
        for path in ("/desk/brake", "/desk/2026-11", "/desk/money"):
            assert "Sandbox: stand-ins only, and no money moves." in (await ann.get(path)).text
        for path in ("/login", "/register", "/pay/x.y.z"):
            assert "This is a test: no money moves." in (await stranger.get(path)).text


async def test_pages_with_a_test_key_say_so(tmp_path: Path) -> None:
    async with office(behind_tls(tmp_path)) as here, browser_at(here.url) as stranger:
        page = (await stranger.get("/login", headers={"Host": "billing.example"})).text
    assert "This is a test: no money moves." in page


async def test_with_a_live_key_no_page_has_a_strip(tmp_path: Path) -> None:
    live = behind_tls(tmp_path).model_copy(update={"stripe_api_key": SecretStr("sk_live_x")})
    async with office(live) as here, browser_at(here.url) as stranger:
        page = (await stranger.get("/login", headers={"Host": "billing.example"})).text
    assert "Sign in" in page
    assert STRIP not in page
    assert STRIP not in bytes(Pages("Acme", "a@b.example").message("T", "x", status=400).body).decode()


def test_a_payment_leads_to_its_page_at_stripe() -> None:
    assert payment_url(MoneyMode.LIVE, "pi_1") == "https://dashboard.stripe.com/payments/pi_1"
    assert payment_url(MoneyMode.TEST, "pi_1") == "https://dashboard.stripe.com/test/payments/pi_1"
    assert payment_url(MoneyMode.SANDBOX, "pi_1") == ""
    assert payment_url(MoneyMode.LIVE, "OUT-1") == ""
    assert payment_url(MoneyMode.LIVE, "pi_/../x?y").endswith("/payments/pi_%2F..%2Fx%3Fy")
