"""``payments register``, ``registers`` and ``export``, from a file to the books and to accounting."""

# ruff: noqa: RUF001 - what 1C reads
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.unit.command_line import NOW, Run, drafted, ledger, one_line, run

__all__ = ["ledger", "run"]  # fixtures

DAY = f"{NOW.astimezone(ZoneInfo('Europe/Paris')):%Y-%m-%d}"
BY = ("--by", "ann", "--reason", "by the register")
TXN = "20261127000000000017"


@pytest.fixture
def register(run: Run, ledger, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``payments`` commands beside a customer who has an account number and a contract with a bank."""
    monkeypatch.setenv("BILLING_RAILS", '{"bank-app": {"kind": "biller"}, "cash": {"kind": "by_hand"}}')
    ledger(drafted())
    assert run("numbers", "open", "acme", "--number", "1000009", *BY).exit_code == 0
    Path("register.csv").write_text(
        f"txn_id,account,sum,txn_date\n{TXN},1000009,100.50,{DAY} 00:30:00\n18,1000009,2.00,{DAY} 00:31:00\n"
    )
    return lambda *words: run("payments", *words)


def take(register: Run, *more: str, file: str = "register.csv"):
    return register("register", file, "--rail", "bank-app", "--day", DAY, *more)


def test_a_register_is_taken_in_shown_booked_and_listed(register: Run) -> None:
    first = take(register)
    assert f"bank-app, {DAY}: taken in; 2 missing (102.50 EUR)" in first.stdout, first.stderr
    assert "taken in before" in take(register).stdout
    shown = register("registers", "--rail", "bank-app", "--day", DAY)
    assert TXN in shown.stdout
    booked = register("register", "confirm", "bank-app", TXN, *BY, "--json")
    (row,) = json.loads(booked.stdout)["lines"]
    assert (row["state"], row["booked_minor"], row["decided_by"]) == ("confirmed", 10050, "ann")
    rejected = register("register", "reject", "bank-app", "18", "--by", "ann", "--reason", "a test", "--json")
    assert json.loads(rejected.stdout)["lines"][0]["state"] == "rejected"
    assert register("register", "confirm", "bank-app", "--day", DAY, *BY).stdout == "nothing is left to be booked\n"
    (day,) = json.loads(register("registers", "--json").stdout)["registers"]
    assert [(tally["state"], tally["count"]) for tally in day["tallies"]] == [("confirmed", 1), ("rejected", 1)]
    assert "confirmed" in register("registers").stdout
    everything = register("registers", "--rail", "bank-app", "--day", DAY, "--all", "--json")
    assert json.loads(everything.stdout)["count"] == 2


def test_a_whole_day_is_booked_at_once_and_the_day_may_stand_in_the_name(register: Run) -> None:
    Path("register.csv").rename(f"{DAY}.csv")
    assert register("register", "--rail", "bank-app", f"{DAY}.csv").exit_code == 0
    result = register("register", "confirm", "bank-app", "--day", DAY, *BY, "--json")
    assert [row["state"] for row in json.loads(result.stdout)["lines"]] == ["confirmed", "confirmed"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("register", "none.csv", "--rail", "bank-app", "--day", DAY), "none.csv cannot be read"),
        (("register", "register.csv", "--rail", "cash", "--day", DAY), "'cash' has no registers"),
        (("register", "register.csv", "--rail", "bank-app", "--day", "2999-01-01"), "is still to come"),
        (("register", "register.csv", "--rail", "bank-app", "--day", "tomorrow"), "is no day; write it like"),
        (("register", "register.csv", "--rail", "bank-app"), "its name has no day"),
        (("register", "large.csv", "--rail", "bank-app", "--day", DAY), "is larger than 20 MB"),
        (("register", "confirm", "bank-app", *BY), "name payments, or a day"),
        (("register", "confirm", "bank-app", "4711", *BY), "no register of bank-app has 4711"),
        (("registers", "--day", DAY), "name the rail of the day"),
        (("export", "--format", "1c", "--since", DAY, "--period", "2026-11"), "name the month with --period"),
        (("export", "--format", "1c", "--since", DAY, "--until", "2000-01-01"), "is before --since"),
        (("export", "--format", "1c", "--since", DAY, "--timezone", "Mars"), "'Mars' is no time zone"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(register: Run, words: tuple[str, ...], why: str) -> None:
    with Path("large.csv").open("wb") as file:
        file.truncate(200_000_000)
    result = register(*words)
    assert result.exit_code in (1, 2)
    assert why in one_line(result)


def export(register: Run, format: str, *more: str) -> str:
    result = register("export", "--format", format, "--since", DAY, "--timezone", "Europe/Paris", *more)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_what_arrived_is_exported_with_its_account_number_as_csv_json_and_for_1c(register: Run) -> None:
    take(register)
    register("register", "confirm", "bank-app", "--day", DAY, *BY)
    document = json.loads(export(register, "json"))
    assert [(row["amount"], row["accounts"], row["customer_id"]) for row in document["payments"]] == [
        ("100.50", "1000009", "acme"),
        ("2.00", "1000009", "acme"),
    ]
    (total,) = document["totals"]
    assert (total["opening"], total["received"], total["went_back"], total["closing"]) == (
        "0.00",
        "102.50",
        "0.00",
        "102.50",
    )
    assert f"bank-app,{TXN},payment," in export(register, "csv")
    out = Path("out")
    export(register, "1c", "--account", "KZ123", "--output", str(out))
    (file,) = out.iterdir()
    text = file.read_bytes().decode("cp1251")
    assert text.startswith("1CClientBankExchange\r\nВерсияФормата=1.03\r\nКодировка=Windows\r\n")
    assert "ВсегоПоступило=102.50\r\nВсегоСписано=0.00\r\nКонечныйОстаток=102.50\r\nКонецРасчСчет\r\n" in text
    assert f"НазначениеПлатежа=Оплата, лицевой счет 1000009, клиент acme, bank-app {TXN}\r\n" in text
    assert text.count("СекцияДокумент=") == text.count("КонецДокумента\r\n") == 2
    assert text.endswith("КонецФайла\r\n")
    assert export(register, "1c", "--encoding", "utf-8").startswith("1CClientBankExchange")
    before = file.read_bytes()
    export(register, "1c", "--account", "KZ123", "--output", str(out))
    changing = ("ВремяСоздания=", "ДатаСоздания=")
    same = [
        [line for line in content.decode("cp1251").splitlines() if not line.startswith(changing)]
        for content in (before, file.read_bytes())
    ]
    assert same[0] == same[1]


def test_two_currencies_are_not_mixed_in_one_file_of_1c(register: Run) -> None:
    take(register)
    register("register", "confirm", "bank-app", "--day", DAY, *BY)
    assert register("record", "cash", "7", "--amount", "5", "--currency", "kzt", *BY).exit_code == 0
    refused = register("export", "--format", "1c", "--since", DAY)
    assert "there are eur, kzt: name one with --currency" in one_line(refused)
    assert "РасчСчет=bank-app" in export(register, "1c", "--currency", "eur", "--encoding", "utf-8")
    assert "РасчСчет=cash" in export(register, "1c", "--rail", "cash", "--encoding", "utf-8")


def test_nothing_arrived_is_an_export_with_nothing_in_it(register: Run) -> None:
    assert json.loads(export(register, "json"))["payments"] == []
    assert "КонецФайла" in export(register, "1c", "--encoding", "utf-8")
