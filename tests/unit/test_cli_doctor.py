"""``doctor`` says everything that is wrong, and whether money moves."""

import json
from collections.abc import Callable

import pytest

from cli import operate
from tests.unit.command_line import Run, ledger, run

__all__ = ["ledger", "run"]  # fixtures


def test_doctor_reports_everything_that_is_wrong_and_exits_with_1(run: Run, ledger: Callable[..., None]):
    ledger()
    result = run("doctor", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["mode"].startswith("SANDBOX")
    assert {check["name"]: check["ok"] for check in report["checks"]} == {
        "settings": True,
        "procedures": True,
        "Temporal": False,
        "ledger": True,
        "payments": False,
        "sales": False,
        "mail": False,
        "texts": False,
        "production": False,
        "provisioning": False,
        "wayforpay": False,
        "bank-app": False,
        "terminals": False,
        "local-bank": False,
    }


@pytest.mark.parametrize(
    ("key", "mode"), [("sk_live_x", "REAL MONEY"), ("rk_live_x", "REAL MONEY"), ("sk_test_x", "STRIPE TEST MODE")]
)
def test_doctor_says_whether_money_moves(run: Run, monkeypatch: pytest.MonkeyPatch, key: str, mode: str):
    monkeypatch.setenv("BILLING_STRIPE_API_KEY", key)
    monkeypatch.setenv("BILLING_SALES_FOLDER", "sales")
    monkeypatch.setenv("BILLING_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("BILLING_MAIL_FROM", "billing@acme.example")
    monkeypatch.setenv("BILLING_LEDGER_URL", "mysql://billing:secret@db/billing")
    result = run("doctor")
    assert result.exit_code == 1
    assert result.stdout.startswith(mode)
    assert "secret" not in result.output


def test_a_check_that_fails_unexpectedly_is_a_line_among_the_others(
    run: Run, ledger: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    ledger()

    async def fails(*_: object) -> str:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(operate, "newest_worksheet", fails)
    result = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 1
    assert checks["ledger"]["ok"]
    assert checks["sales"]["detail"].startswith("RuntimeError: unforeseen (")


def test_a_proxy_that_the_settings_do_not_know_is_a_line_of_its_own(run: Run, monkeypatch: pytest.MonkeyPatch):
    values = {"STRIPE_API_KEY": "sk_test_x", "SALES_FOLDER": "sales", "SMTP_HOST": "127.0.0.1"}
    values |= {"MAIL_FROM": "billing@acme.example", "CONSOLE_URL": "https://pay.example", "LINK_SECRET": "s" * 32}
    for name, value in values.items():
        monkeypatch.setenv(f"BILLING_{name}", value)
    result = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 1
    assert "set BILLING_CONSOLE_TRUSTED_PROXIES to its address" in checks["console"]["detail"]
    monkeypatch.setenv("BILLING_CONSOLE_TRUSTED_PROXIES", "10.0.0.1")
    assert "console" not in [check["name"] for check in json.loads(run("doctor", "--json").stdout)["checks"]]
