"""``doctor`` says everything that is wrong, and whether money moves."""

import json
from collections.abc import Callable

import pytest

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
        "Temporal": False,
        "ledger": True,
        "payments": False,
        "sales": False,
        "mail": False,
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
