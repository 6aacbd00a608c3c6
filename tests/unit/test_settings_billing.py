"""Settings of how months are billed: where sales come from, how fast, how newcomers are spread, which ladder."""

import re
from datetime import timedelta

import pytest

from billing.customers.ladder import ladder_text
from billing.errors import InvalidInput
from settings import load_settings
from tests.unit.settings_fixtures import REAL, nothing_configured

__all__ = ["nothing_configured"]  # fixture


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


def test_without_them_nobody_registers_without_an_invitation(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().newcomers is not None, "the sandbox"
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    assert load_settings().newcomers is None


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
