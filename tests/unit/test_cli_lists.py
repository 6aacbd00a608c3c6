"""What the command line shows of months and customers: in lists and one by one, in words and as JSON."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from billing.commands import Halt
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.invoices.stages import Stage
from billing.payments.methods import CardOnFile
from billing.period import Period
from tests.unit.command_line import ACME, NOW, Run, drafted, ledger, one_line, run, unreadable
from wording.plain import relative

__all__ = ["ledger", "run"]  # fixtures


def test_list_shows_the_current_month_of_each_customer(run: Run, ledger: Callable[..., None]):
    closed = drafted("2026-09").close(Stage.SKIPPED, NOW)
    ledger(closed, drafted("2026-10", unreadable()))
    shown = run("list").stdout
    assert "2026-10  Halted, 1 unreadable" in shown
    assert "12.50 EUR" in shown
    assert "2026-09" not in shown
    assert "Skipped" in run("list", "--stage", "skipped").stdout
    assert "2026-09" in run("list", "--period", "2026-09").stdout
    assert "\x1b" not in shown


def test_list_as_json_has_totals_per_currency_and_counts_per_stage(run: Run, ledger: Callable[..., None]):
    ledger(drafted())
    listed = json.loads(run("list", "--json").stdout)
    assert "1 month · 1 Monitoring" in run("list").stdout
    assert listed["totals_minor"] == {"eur": 1250}
    assert listed["stages"] == {"Monitoring": 1}
    assert [row["customer_id"] for row in listed["invoices"]] == ["acme"]


def test_empty_list_says_what_to_do_and_is_json_on_request(run: Run, ledger: Callable[..., None]):
    ledger()
    assert "python starter.py start" in run("list").stdout
    assert json.loads(run("list", "--json").stdout)["invoices"] == []


def test_show_tells_lines_problems_decisions_and_what_is_next(run: Run, ledger: Callable[..., None]):
    halt = Halt(by="ann", reason="too\x1b[2J high", command_id="1")
    halted, *_ = decide(drafted("2026-10", unreadable()), halt, NOW, "update")
    refused, *_ = decide(halted, halt.evolve(command_id="2"), NOW, "update")
    ledger(refused)
    shown = run("show", "acme").stdout
    for part in (
        "acme · 2026-10 · Halted",
        "Acme [bold]Bakery <billing@acme.example>",
        "row-2  Bread [red]",
        "2026-10, row 2  12.50 EUR",
        "(for approve --digest: exactly these lines)",
        "--change row-7=AMOUNT or --remove row-7",
        "A person is needed: halted by ann",
        "done: halted",
        "refused: already halted by ann",
        "workflow monthly-billing-v1-acme",
    ):
        assert part in shown
    assert "\x1b" not in shown


def test_show_as_json_has_the_month_and_what_follows_from_it(run: Run, ledger: Callable[..., None]):
    ledger(drafted())
    shown = json.loads(run("show", "acme", "--period", "2026-10", "--json").stdout)
    assert shown["stage"] == "Monitoring"
    assert shown["total_minor"] == 1250
    assert shown["next"]["what"] == "send the charge notice"
    assert (shown["decisions"], shown["messages"], shown["charges"]) == ([], [], [])


def test_show_of_a_period_that_is_not_there_names_those_that_are(run: Run, ledger: Callable[..., None]):
    ledger(drafted())
    result = run("show", "acme", "--period", "2026-01")
    assert result.exit_code == 1
    assert "acme has no month 2026-01 in the ledger; there are: 2026-10" in one_line(result)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(days=3, hours=4, minutes=5), "in 3 d 4 h"),
        (timedelta(days=2, minutes=59), "in 2 d"),
        (timedelta(hours=5, minutes=7), "in 5 h 7 min"),
        (timedelta(minutes=59, seconds=59), "in 59 min"),
        (timedelta(seconds=-59), "now"),
        (timedelta(days=-1, hours=-2), "1 d 2 h ago"),
    ],
)
def test_relative_instants_have_two_units(distance: timedelta, words: str):
    assert relative(NOW + distance, NOW) == words


def several(names: str = "abc") -> list[Month]:
    return [
        Month.open(
            ACME.evolve(
                customer_id=f"c-{name}",
                email=f"{name}@example.com",
                payment_method=CardOnFile(payer_id=f"cus_{name}", card_id=f"pm_{name}"),
            ),
            Period("2026-10"),
        )
        for name in names
    ]


def test_of_very_many_rows_the_first_are_shown_and_json_has_all(
    run: Run, ledger: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    ledger(*several())
    monkeypatch.setattr("cli.customers.customers.SHOWN", 1)
    monkeypatch.setattr("cli.invoices.invoices.SHOWN", 1)
    shown = run("customers", "list").stdout
    assert ("c-a" in shown, "c-b" in shown) == (True, False)
    assert "… 2 more; --json has them all" in shown
    assert "3 customers" in shown
    listed = json.loads(run("customers", "list", "--json").stdout)
    assert [each["customer_id"] for each in listed["customers"]] == ["c-a", "c-b", "c-c"]
    shown = run("list").stdout
    assert ("c-a" in shown, "c-b" in shown) == (True, False)
    assert "… 2 more; --json has them all" in shown
    assert "3 months" in shown
    assert len(json.loads(run("list", "--json").stdout)["invoices"]) == 3


def test_a_list_of_nobody_is_json_too(run: Run, ledger: Callable[..., None]):
    ledger()
    assert json.loads(run("customers", "list", "--json").stdout) == {"customers": []}
    assert run("customers", "export").stdout.startswith("customer_id,email")


def test_lists_have_the_name_beside_the_id(run: Run, ledger: Callable[..., None]):
    ledger(drafted())
    assert "Acme" in next(line for line in run("list").stdout.splitlines() if line.startswith("acme "))


def test_without_a_period_the_last_month_that_is_closed_for_all_is_exported(run: Run, ledger: Callable[..., None]):
    ledger(drafted("2026-09").close(Stage.SKIPPED, NOW), drafted("2026-10"))
    result = run("export", "--format", "json")
    assert json.loads(result.stdout)["period"] == "2026-09"
    assert result.stderr.startswith("2026-09: the last month that is closed for all customers; for another one")


def test_without_a_period_the_month_under_way_is_looked_at(run: Run, ledger: Callable[..., None]):
    ledger(drafted("2026-09").close(Stage.SKIPPED, NOW), drafted("2026-10"))
    result = run("coverage")
    assert "2026-10: the month under way" in result.stderr
    assert "2026-10: 1 customer;" in result.stdout


def test_payments_of_the_last_month_of_the_calendar_are_exported_unless_days_are_named(
    run: Run, ledger: Callable[..., None]
):
    ledger()
    exported = json.loads(run("payments", "export", "--format", "json").stdout)
    assert exported["since"] == str(Period.of_day(NOW.date()).previous().first_day)


def test_a_narrow_terminal_folds_what_is_long_and_cuts_nothing_off(
    run: Run, ledger: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    month = drafted("2026-10", unreadable())
    ledger(month.evolve(customer=ACME.evolve(customer_id="c-0123456789ab", name="Bergson & Söhne Gesellschaft")))
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("list").stdout
    assert "…" not in shown
    assert all(word in shown for word in ("c-0123456789ab", "Bergson", "Gesellschaft", "unreadable"))
