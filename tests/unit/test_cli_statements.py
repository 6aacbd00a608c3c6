"""``payments import`` and ``imports``, from a file to the books."""

import json
from pathlib import Path

import pytest

from billing.statements.statement import FILE_MAX_BYTES
from bootstrap_statements import SANDBOX_ACCOUNT
from tests import statement_samples as samples
from tests.unit.command_line import Run, drafted, ledger, one_line, run

__all__ = ["ledger", "run"]  # fixtures


def write(name: str, *documents: str, opening: str = "100.00", closing: str = "157.50") -> None:
    text = samples.one_c(*documents, opening=opening, closing=closing).replace(samples.OWN, SANDBOX_ACCOUNT)
    Path(name).write_bytes(text.encode("cp1251"))


@pytest.fixture
def payments(run: Run, ledger) -> Run:
    ledger(drafted())
    write("day.txt", samples.one_c_document("77", "50.00", "acme"), samples.one_c_document("78", "7.50", "who is it"))
    return lambda *words: run("payments", *words)


def test_a_statement_is_imported_listed_and_known_the_next_time(payments: Run) -> None:
    rehearsed = payments("import", "day.txt", "--dry-run")
    assert "nothing was booked: leave out --dry-run to do so" in rehearsed.stdout, rehearsed.stderr
    assert "no statement was imported" in payments("imports").stdout
    done = payments("import", "day.txt", "--by", "ann")
    assert done.exit_code == 0, done.stderr
    assert "100.00 EUR before, 157.50 EUR after" in done.stdout
    assert "unmatched: whose is it?" in done.stdout
    Path("day.txt").rename("other.txt")
    again = json.loads(payments("import", "other.txt", "--json").stdout)
    assert (again["known"], again["totals"], again["rows"]) == (2, [], [])
    (file,) = json.loads(payments("imports", "--json").stdout)["files"]
    assert (file["name"], file["by"], file["lines"], file["closing_minor"]) == ("day.txt", "ann", 2, 15750)
    assert "day.txt" in payments("imports", "--rail", "bank").stdout
    listed = json.loads(payments("list", "--rail", "bank", "--json").stdout)["payments"]
    assert [row["customer_id"] for row in listed] == [None, "acme"]


def test_an_account_that_has_paid_is_listed_and_forgotten(payments: Run) -> None:
    assert "no account has paid" in payments("payers").stdout
    payments("import", "day.txt")
    (known,) = json.loads(payments("payers", "--json").stdout)["payers"]
    assert (known["account"], known["customer_id"], known["confirmed_by"]) == (samples.PAYER, "acme", None)
    assert samples.PAYER in payments("payers", "--rail", "bank").stdout
    assert "name it with --rail" in one_line(payments("payers", "--forget", samples.PAYER))
    assert samples.PAYER not in payments("payers", "--rail", "bank", "--forget", samples.PAYER).stdout


def test_money_of_nobody_is_settled_of_a_rail_that_has_taken_it(payments: Run) -> None:
    report = json.loads(payments("import", "day.txt", "--json").stdout)
    asked = (report["rows"][1]["key"], "--by", "bob", "--reason", "two days")
    rails = ("--of", "bank-app")
    assert "has 0.00 EUR that it has not handed over" in one_line(payments("settle", "bank", *asked, *rails))
    assert "is no bank account" in one_line(payments("settle", "cash", *asked, *rails, "--fee", "1.00"))
    assert "'1.0.0' is not an amount" in one_line(payments("settle", "bank", *asked, *rails, "--fee", "1.0.0"))
    assert "hands over nothing to bank" in one_line(payments("settle", "bank", *asked, "--of", "transfer"))
    negative = one_line(payments("settle", "bank", *asked, *rails, "--fee", "-1.00"))
    assert "cannot be below zero" in negative


def test_totals_are_by_outcome(payments: Run) -> None:
    report = json.loads(payments("import", "day.txt", "--json").stdout)
    assert [(total["outcome"], total["lines"], total["amount_minor"]) for total in report["totals"]] == [
        ("booked", 1, 5000),
        ("unmatched", 1, 750),
    ]


def test_columns_of_a_csv_file_are_said_once(payments: Run) -> None:
    Path("first.csv").write_text("day;sum;why\n2026-11-28;12,00;acme\n")
    Path("second.csv").write_text("day;sum;why\n2026-11-29;13,00;acme\n")
    mapped = ("--map", "date=day", "--map", "amount=sum", "--map", "text=why", "--map", "decimal=,")
    assert "Say once which columns" not in payments("import", "first.csv", *mapped).stderr
    second = json.loads(payments("import", "second.csv", "--json").stdout)
    assert [row["amount_minor"] for row in second["rows"]] == [1300]


def test_money_of_a_statement_is_given_back_by_hand_and_its_outgoing_line_is_the_same_money(payments: Run) -> None:
    report = json.loads(payments("import", "day.txt", "--json").stdout)
    reference = report["rows"][0]["key"]
    by = ("--by", "ann", "--reason", "paid twice")
    assert "name the refund by the bank's reference" in payments("refund", "bank", reference, *by).stderr
    refund = payments("refund", "bank", reference, "--amount", "20", "--refund-reference", "9021", *by)
    assert "given back as 9021" in refund.stdout, refund.stderr
    out = samples.one_c_document("9021", "20.00", "refund", is_in=False)
    write("next.txt", out, opening="157.50", closing="137.50")
    assert json.loads(payments("import", "next.txt", "--json").stdout)["totals"][0]["outcome"] == "matched"
    assert (
        "payments on 'bank' are not recorded by hand"
        in payments("record", "bank", "1", "--amount", "5", "--currency", "eur", *by).stderr
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("import", "no-such-file"), "no-such-file is no file"),
        (("import", "."), "is no file"),
        (("import", "empty"), "the file is empty"),
        (("import", "large"), "the file has 200 MB, and a statement 20 MB at most"),
        (("import", "foreign"), "not of FR00SANDBOX"),
        (("import", "wrong"), "do not add up"),
        (("import", "plain.csv"), "--map date=Date"),
        (("import", "plain.csv", "--map", "amount=b"), "the mapping is wrong or lacks something: date"),
        (("import", "plain.csv", "--map", "date=a"), "map one column of amounts"),
        (("import", "plain.csv", "--map", "date=a", "--map", "amount=b", "--map", "color=c"), "color"),
        (("import", "plain.csv", "--map", "date=a", "--map", "amount=b"), "line 2: '1' is no day"),
        (("import", "day.txt", "--rail", "cash"), "'cash' is no bank account with statements; name one of: bank"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_line(payments: Run, words: tuple[str, ...], why: str) -> None:
    Path("empty").touch()
    with Path("large").open("wb") as large:
        large.truncate(200_000_000)  # takes no space; it is never read
    assert Path("large").stat().st_size > FILE_MAX_BYTES
    Path("foreign").write_text(samples.one_c(samples.one_c_document("1", "5.00", "x")))
    write("wrong", samples.one_c_document("1", "5.00", "x"), closing="1.00")
    Path("plain.csv").write_text("a;b\n1;2\n")
    result = payments(*words)
    assert result.exit_code == 2
    assert why in one_line(result)
    assert "no statement was imported" in payments("imports").stdout
