"""``customers show``: what a customer owes, their credit, and every movement of their money."""

import json
from collections.abc import Callable

from tests.unit import months
from tests.unit.command_line import Run, ledger, run

__all__ = ["ledger", "run"]  # fixtures


def test_what_is_owed_is_shown_with_its_due_date_and_the_statement_on_request(
    run: Run, ledger: Callable[..., None]
) -> None:
    ledger(months.announced(1250))
    shown = run("customers", "show", "acme").stdout
    assert "12.50 EUR owed for 2026-10, due 2026-11-08 09:00 UTC" in shown
    assert "Statement" not in shown
    statement = run("customers", "show", "acme", "--statement").stdout
    (owed,) = [line for line in statement.splitlines() if "notice" in line and "receivable month 2026-10" in line]
    assert "12.50 EUR" in owed
    found = json.loads(run("customers", "show", "acme", "--json").stdout)
    assert [item["amount_minor"] for item in found["balance"]["owed"]] == [1250]
    assert [transaction["cause"] for transaction in found["statement"]] == ["notice"]


def test_credit_is_shown_and_a_debt_that_is_too_small_to_be_charged(run: Run, ledger: Callable[..., None]) -> None:
    for amount_minor, words in ((-300, "3.00 EUR of credit for"), (20, "0.20 EUR carried forward to")):
        month = months.drafted(amount_minor, customer_id=f"c{amount_minor}", email=f"c{amount_minor}@example.com")
        ledger(month.announcing(month.notice_at))
        assert f"{words} the next draft" in run("customers", "show", f"c{amount_minor}").stdout


def test_who_owes_nothing_is_told_so(run: Run, ledger: Callable[..., None]) -> None:
    ledger(months.drafted(1250))
    assert "Nothing is owed on either side." in run("customers", "show", "acme", "--statement").stdout
