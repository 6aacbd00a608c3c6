"""Nothing configured, or all that is real."""

from pathlib import Path

import pytest

from settings import Settings

REAL = {
    "BILLING_STRIPE_API_KEY": "sk_live_very_secret",
    "BILLING_SALES_SHEET_ID": "1abc",
    "BILLING_SMTP_HOST": "smtp.example.com",
    "BILLING_MAIL_FROM": "billing@acme.example",
    "BILLING_SMTP_PASSWORD": "hunter2",
}
NAMES = [f"BILLING_{name.upper()}" for name in Settings.model_fields]


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
