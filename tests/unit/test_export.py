"""The export as accounting gets it: files and JSON from the command line, amounts exact, no formulas."""

import csv
import io
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from billing.accounting.export import ExportRecord
from billing.accounting.export_rows import TABLES, Row, rows_of
from billing.cells import cell
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from tests.unit.command_line import ACME, NOW, Run, ledger, one_line, run

__all__ = ["ledger", "run"]  # fixtures


def month(outcome: Stage, *lines: tuple[str, int], currency: str = "eur", customer_id: str = "acme") -> Month:
    customer = ACME.evolve(customer_id=customer_id, currency=currency, email=f"{customer_id}@example.com")
    items = tuple(
        LineItem(line_id=f"added-{number}", description=text, amount_minor=amount)
        for number, (text, amount) in enumerate(lines, start=1)
    )
    invoice = Invoice(currency=currency, imported_at=NOW, lines=items)
    return Month.open(customer, Period("2026-10")).drafted(invoice).close(outcome, NOW)


EVIL = '=HYPERLINK("http://evil")'


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_is_a_folder_with_a_file_for_each_table(run: Run, ledger: Callable[..., None], tmp_path: Path) -> None:
    ledger(
        month(Stage.SKIPPED, (EVIL, 1250), ("Credit", -1000)),
        month(Stage.SKIPPED, ("Tea", 120000), currency="jpy", customer_id="tanaka"),
    )
    result = run("export", "--period", "2026-10", "--format", "csv", "--output", "out/2026-10")
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "out" / "2026-10"
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.csv" for name in TABLES)
    tables = {name: read((folder / f"{name}.csv").read_text("utf-8-sig")) for name in TABLES}
    assert [(row["total"], row["total_minor"]) for row in tables["invoices"]] == [("2.50", "250"), ("120000", "120000")]
    assert [(row["description"], row["amount"]) for row in tables["lines"]][:2] == [
        (f"'{EVIL}", "12.50"),
        ("Credit", "-10.00"),
    ]
    assert [(row["currency"], row["invoiced"], row["net"]) for row in tables["totals"]] == [
        ("eur", "2.50", "0.00"),
        ("jpy", "120000", "0"),
    ]


def test_csv_on_standard_output_has_each_table_below_its_name(run: Run, ledger: Callable[..., None]) -> None:
    ledger(month(Stage.SKIPPED, ("Tea", 1250)))
    shown = run("export", "--period", "2026-10", "--format", "csv").stdout
    parts = dict(part.split("]\n", 1) for part in shown.strip().removeprefix("[").split("\n\n["))
    assert list(parts) == list(TABLES)
    assert read(parts["lines"])[0]["amount"] == "12.50"


def test_json_is_one_document_by_customer(run: Run, ledger: Callable[..., None]) -> None:
    ledger(month(Stage.SKIPPED, (EVIL, 1250)))
    result = run("export", "--period", "2026-10", "--format", "json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    (acme,) = found["customers"]
    assert (acme["customer_id"], acme["invoice"]["total"], acme["collection"]) == ("acme", "12.50", None)
    assert acme["lines"][0]["description"] == EVIL  # only spreadsheets run it
    assert (found["period"], found["totals"][0]["invoiced"], found["problems"]) == ("2026-10", "12.50", [])


def test_what_does_not_agree_is_said_in_words_and_the_export_is_complete(run: Run, ledger: Callable[..., None]) -> None:
    ledger(month(Stage.PAID, ("Tea", 1250)))
    result = run("export", "--period", "2026-10", "--format", "json")
    assert result.exit_code == 1
    assert "acme: paid, but without a charge" in result.stderr
    assert "python starter.py reconcile --period 2026-10" in result.stderr
    assert json.loads(result.stdout)["problems"] == ["acme: paid, but without a charge"]


def test_a_month_that_the_ledger_has_nothing_of_is_an_empty_export(run: Run, ledger: Callable[..., None]) -> None:
    ledger()
    found = json.loads(run("export", "--period", "2026-10", "--format", "json").stdout)
    assert (found["customers"], found["totals"]) == ([], [])


def test_a_folder_that_cannot_be_written_to_is_one_line(run: Run, ledger: Callable[..., None], tmp_path: Path) -> None:
    ledger(month(Stage.SKIPPED, ("Tea", 1250)))
    (tmp_path / "occupied").touch()
    result = run("export", "--period", "2026-10", "--format", "csv", "--output", "occupied")
    assert result.exit_code == 2
    assert "occupied cannot be written to" in one_line(result)
    assert os.listdir(tmp_path / "data")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\N{FULLWIDTH EQUALS SIGN}1"]
)
def test_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(("value", "shown"), [(Decimal("-12.50"), "-12.50"), (-3, "-3"), (None, ""), ("a-b", "a-b")])
def test_numbers_and_plain_text_stay_as_they_are(value: object, shown: str) -> None:
    assert cell(value) == shown  # type: ignore[arg-type]


# -- the journal


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_journal_comes_with_a_trial_balance_that_adds_up_to_zero(
    run: Run, ledger: Callable[..., None], form: str
) -> None:
    ledger(
        month(Stage.PAST_DUE, ("Tea", 1250), (EVIL, 100)),
        month(Stage.CARRIED_FORWARD, ("Credit", -300), customer_id="bolt"),
    )
    booked = f"{NOW:%Y-%m}"
    shown = run("export", "--period", booked, "--format", form, "--journal").stdout
    if form == "csv":
        parts = dict(part.split("]\n", 1) for part in shown.strip().removeprefix("[").split("\n\n["))
        found = {name: read(text) for name, text in parts.items()}
    else:
        found = json.loads(shown)
    entries = [
        (row["customer_id"], row["cause"], row["kind"], row["subject"] or "", row["amount"]) for row in found["journal"]
    ]
    assert entries == [
        ("acme", "notice", "receivable", "month 2026-10", "13.50"),
        ("acme", "notice", "billed", "month 2026-10", "-13.50"),
        ("bolt", "notice", "receivable", "month 2026-10", "-3.00"),
        ("bolt", "notice", "billed", "month 2026-10", "3.00"),
        ("bolt", "carry", "credit", "", "-3.00"),
        ("bolt", "carry", "receivable", "month 2026-10", "3.00"),
    ]
    totals = {
        row["kind"]: (row["opening"], row["debited"], row["credited"], row["closing"]) for row in found["trial_balance"]
    }
    assert totals == {
        "receivable": ("0.00", "16.50", "3.00", "13.50"),
        "credit": ("0.00", "0.00", "3.00", "-3.00"),
        "billed": ("0.00", "3.00", "13.50", "-10.50"),
    }
    later = json.loads(run("export", "--period", "2027-03", "--format", "json", "--journal").stdout)
    assert later["journal"] == []
    assert [row["opening"] for row in later["trial_balance"]] == ["13.50", "-3.00", "-10.50"]


# -- one of three cannot be exported


def three(ledger: Callable[..., None]) -> None:
    ledger(*(month(Stage.SKIPPED, ("Tea", 1000), customer_id=name) for name in ("acme", "bolt", "coal")))


def unforeseen(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(dossier: ExportRecord) -> Iterator[tuple[str, Row]]:
        for number, row in enumerate(rows_of(dossier)):
            if dossier.customer_id == "bolt" and number:  # the first row would be there without the others
                raise RuntimeError("unforeseen")
            yield row

    monkeypatch.setattr("cli.accounting.export.rows_of", rows)


def unreadable(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "data" / "ledger.db")) as connection, connection:
        connection.execute(
            "INSERT INTO debts (customer_id, period, collection, stage, currency, amount_minor, outstanding_minor,"
            " opened_at, is_tried, updated_at) VALUES ('bolt', '2026-10', '2026-10', 'nonsense', 'eur', 1, 1,"
            " '2026-10-01 00:00:00', 0, '2026-10-01 00:00:00')"
        )


@pytest.mark.parametrize("how", ["unforeseen", "unreadable"])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_who_cannot_be_exported_is_said_everywhere_and_the_others_are_there_whole(
    run: Run, ledger: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, form: str
) -> None:
    three(ledger)
    unforeseen(monkeypatch) if how == "unforeseen" else unreadable(tmp_path)
    result = run("export", "--period", "2026-10", "--format", form)
    assert result.exit_code == 1, result.stdout
    assert "bolt: NOT EXPORTED: " in result.stderr
    assert "THE EXPORT IS INCOMPLETE: 1 not exported; book nothing by it" in " ".join(result.stderr.split())
    if form == "json":
        found = json.loads(result.stdout)
        assert [each["customer_id"] for each in found["customers"]] == ["acme", "coal"]
        assert [len(each["lines"]) for each in found["customers"]] == [1, 1]
        assert found["not_exported"] == ["bolt"]
        (problem,), (totals,) = found["problems"], found["totals"]
    else:
        parts = dict(part.split("]\n", 1) for part in result.stdout.strip().removeprefix("[").split("\n\n["))
        assert [row["customer_id"] for row in read(parts["invoices"])] == ["acme", "coal"]
        assert [row["customer_id"] for row in read(parts["lines"])] == ["acme", "coal"]
        (row,), (totals,) = read(parts["problems"]), read(parts["totals"])
        problem = row["problem"]
    assert problem.startswith("bolt: NOT EXPORTED: ")
    assert (totals["invoiced"], int(totals["not_exported"])) == ("20.00", 1)
