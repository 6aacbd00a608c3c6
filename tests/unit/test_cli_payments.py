"""``payments``: money that people record, list, assign and give back; every bad input gets an answer that helps."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from tests.unit import months
from tests.unit.command_line import Run, ledger, one_line, run

__all__ = ["ledger", "run"]  # fixtures

ANN = ("--by", "ann", "--reason", "statement")
BOB = ("--by", "bob", "--reason", "compared")


def record(run: Run, reference: str = "7731", amount: str = "12.50", *more: str, currency: str = "eur") -> Any:
    return run("payments", "record", "transfer", reference, "--amount", amount, "--currency", currency, *ANN, *more)


def alerts(folder: Path) -> list[str]:
    async def read() -> list[str]:
        ledger = await SqlLedger.connect(f"sqlite:///{folder}/data/ledger.db")
        found = [alert.text for alert in await ledger.alerts()]
        await ledger.close()
        return found

    return asyncio.run(read())


@pytest.fixture
def owing(ledger: Callable[..., None]) -> None:
    """acme owes 12.50 for October."""
    ledger(months.announced(1250))


@pytest.mark.usefixtures("owing")
def test_a_payment_is_recorded_shown_and_listed_and_a_repeat_changes_nothing(run: Run) -> None:
    shown = record(run, "7731", "12.50", "--customer", "acme", "--month", "2026-10", "--payer", "Acme SA").stdout
    assert "7731 (transfer): 12.50 EUR, booked" in shown
    assert "12.50 EUR receivable acme month 2026-10" in shown
    assert "booked before" in record(run, "7731", "12.50", "--customer", "acme", "--month", "2026-10").stdout
    for words in (("--search", "12.5"), ("--search", "acm"), ("--customer", "acme"), ("--rail", "transfer")):
        (row,) = json.loads(run("payments", "list", *words, "--json").stdout)["payments"]
        assert (row["reference"], row["amount_minor"]) == ("7731", 1250)
    assert json.loads(run("payments", "list", "--unmatched", "--json").stdout) == {"payments": []}
    assert "booked" in run("payments", "show", "transfer", "7731").stdout


# -- bad input: a clear answer, the money in the books, a person told


@pytest.mark.usefixtures("owing")
@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("0", "0 is no payment; what went back is recorded as a refund"),
        (str(2**53 + 1), "9007199254740993 EUR is more than any amount"),
        ("99999999999.00", "is more than the 9999999999.99 EUR limit"),
        ("12,50", "'12,50' is not an amount in EUR; write it like 1234.50"),
    ],
)
def test_an_amount_that_cannot_be_is_refused(run: Run, amount: str, said: str) -> None:
    result = record(run, "7731", amount)
    assert result.exit_code == 2
    assert said in one_line(result)
    assert json.loads(run("payments", "list", "--json").stdout) == {"payments": []}


@pytest.mark.usefixtures("owing")
def test_money_in_another_currency_is_credit_and_a_person_is_told(run: Run, tmp_path: Path) -> None:
    result = record(run, "7731", "12.50", "--customer", "acme", currency="usd")
    assert result.exit_code == 0
    assert "12.50 USD credit acme" in result.stdout
    assert "who is billed in EUR: no draft will use it" in result.stderr
    assert [text for text in alerts(tmp_path) if "billed in EUR" in text]


@pytest.mark.usefixtures("owing")
def test_the_same_money_under_another_reference_is_booked_and_a_person_is_told(run: Run, tmp_path: Path) -> None:
    record(run, "7731", "12.50", "--customer", "acme")
    result = record(run, "7732", "12.50", "--customer", "acme")
    assert result.exit_code == 0
    assert "is equal to 7731 (transfer), booked before" in result.stderr
    assert len(json.loads(run("payments", "list", "--json").stdout)["payments"]) == 2
    assert [text for text in alerts(tmp_path) if "is equal to 7731" in text]


@pytest.mark.usefixtures("owing")
def test_money_for_what_the_customer_does_not_owe_is_credit_and_a_person_is_told(run: Run, tmp_path: Path) -> None:
    result = record(run, "7731", "12.50", "--customer", "acme", "--month", "2026-12")
    assert result.exit_code == 0
    assert "acme owes nothing for the month 2026-12" in result.stderr
    assert [text for text in alerts(tmp_path) if "owes nothing" in text]


@pytest.mark.usefixtures("owing")
def test_money_from_nobody_knows_whom_is_unmatched_and_a_person_is_told(run: Run, tmp_path: Path) -> None:
    assert "12.50 EUR unmatched transfer" in record(run).stdout
    assert alerts(tmp_path) == ["12.50 EUR has arrived as 7731 (transfer), and nobody knows whose it is"]
    result = record(run, "7733", "12.50", "--customer", "nobody")
    assert result.exit_code == 1
    assert "without a customer, the money is kept as unmatched" in one_line(result)
    result = record(run, "7731", "13")
    assert result.exit_code == 2
    assert "7731 (transfer) is another payment already, of 12.50 EUR" in one_line(result)


@pytest.mark.usefixtures("owing")
def test_coverage_lists_unmatched_money_and_what_to_type(run: Run) -> None:
    record(run)
    found = json.loads(run("coverage", "--period", "2026-10", "--json").stdout)["findings"]
    (finding,) = [each for each in found if each["kind"] == "unmatched money"]
    assert finding["text"] == "12.50 EUR of payment 7731 (transfer) is unmatched"
    assert finding["commands"] == [
        "python starter.py payments assign transfer 7731 --by YOU --reason WHY --customer CUSTOMER",
        "python starter.py payments refund transfer 7731 --by YOU --reason WHY",
    ]


@pytest.mark.usefixtures("owing")
def test_the_journals_export_names_each_payment_by_its_reference(run: Run) -> None:
    record(run, "7731", "12.50", "--customer", "acme")
    booked = f"{datetime.now(UTC):%Y-%m}"
    rows = json.loads(run("export", "--period", booked, "--format", "json", "--journal").stdout)["journal"]
    assert {(row["cause"], row["reference"]) for row in rows if row["rail"]} == {("payment", "7731")}
    assert {row["reference"] for row in rows if row["cause"] == "notice"} <= {None}


# -- assign, refund, four eyes


@pytest.mark.usefixtures("owing")
def test_unmatched_money_is_assigned_and_a_command_id_takes_effect_once(run: Run) -> None:
    record(run, "7731", "20")
    assign = ("payments", "assign", "transfer", "7731", "--customer", "acme", "--amount", "12.50", *ANN)
    for _ in range(2):
        assert "assigned to acme" in run(*assign, "--command-id", "c1").stdout
    (row,) = json.loads(run("payments", "list", "--json").stdout)["payments"]
    assert (row["unmatched_minor"], row["assigned_to"]) == (750, ["acme"])
    too_much = run(*assign)
    assert too_much.exit_code == 2
    assert "12.50 EUR cannot be assigned: 7.50 EUR of payment 7731 (transfer) are unmatched" in one_line(too_much)


@pytest.mark.usefixtures("owing")
def test_a_refund_by_hand_takes_a_reference_and_no_more_than_is_left(run: Run) -> None:
    record(run, "7731", "12.50", "--customer", "acme")
    refund = ("payments", "refund", "transfer", "7731", *ANN)
    assert "name the refund by the bank's reference" in one_line(run(*refund))
    larger = run(*refund, "--amount", "12.51", "--refund-reference", "9021")
    assert larger.exit_code == 2
    assert "12.51 EUR cannot be given back: of payment 7731 (transfer) are left: 12.50 EUR acme" in one_line(larger)
    assert "given back as 9021" in run(*refund, "--amount", "2.50", "--refund-reference", "9021").stdout
    assert "2.50 EUR went back" in run("payments", "show", "transfer", "7731").stdout
    assert "nothing is left" not in run(*refund, "--refund-reference", "9022").stdout
    assert "nothing is left of payment 7731" in one_line(run(*refund, "--refund-reference", "9023"))


@pytest.mark.usefixtures("owing")
def test_above_the_limit_the_command_line_proposes_and_somebody_else_confirms(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_FOUR_EYES_ABOVE", "10 EUR")
    record(run)
    proposed = run("payments", "assign", "transfer", "7731", "--customer", "acme", *ANN, "--json")
    instruction_id = json.loads(proposed.stdout)["instruction_id"]
    assert json.loads(proposed.stdout)["state"] == "proposed"
    assert instruction_id in run("payments", "proposals").stdout
    mine = run("payments", "confirm", instruction_id, *ANN)
    assert mine.exit_code == 2
    assert "ann has proposed it; somebody else has to confirm it" in one_line(mine)
    assert "assigned to acme" in run("payments", "confirm", instruction_id, *BOB).stdout
    assert "nothing waits for anybody" in run("payments", "proposals").stdout
    other = run("payments", "refund", "transfer", "7731", "--refund-reference", "9", *ANN, "--json")
    assert "rejected" in run("payments", "reject", json.loads(other.stdout)["instruction_id"], *ANN).stdout


@pytest.mark.parametrize("value", ["much", "10", "10 XXX", "-1 EUR"])
def test_a_limit_that_cannot_be_read_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BILLING_FOUR_EYES_ABOVE", value)
    result = run("payments", "list")
    assert result.exit_code == 2
    assert "BILLING_FOUR_EYES_ABOVE" in one_line(result)
