"""What ``doctor`` says of the newest worksheet, before anybody is billed from it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.sheets.csv_sales import CsvSales
from billing.apart import Failed
from billing.customers.customer import Customer
from billing.errors import LedgerUnavailable, SalesUnavailable
from billing.period import Period
from billing.sales.sales import lines_for
from billing.sales.worksheet import read_worksheet
from cli.completeness import worksheet
from cli.completeness.worksheet import newest_worksheet, understood
from tests.unit.months import customer

OCTOBER = Period("2026-10")
ACME = customer()


def told(*rows: list[Any], decimal_separator: str = ".") -> str:
    return "; ".join(understood(read_worksheet(OCTOBER, rows), OCTOBER, [ACME], decimal_separator))


def test_the_columns_and_rows_are_named_and_what_is_not_read() -> None:
    header = ["E-Mail", "Menge", "Betrag", "Währung"]
    rows = [[ACME.mailbox, 2, "12,50", ""], ["who@elsewhere.org", 1, 7, ""], ["no sale", 3, 19, ""]]
    assert told(header, *rows).split("; ") == [
        "2 rows",
        "email: 'E-Mail', amount: 'Betrag', currency: 'Währung'",
        "columns that are not read: Menge",
        "rows that say 'no sale': 4",
        "1 cannot be read, row 2 for instance: '12,50' is not an amount in EUR",
        "write it like 1234.50",
        "or set BILLING_DECIMAL_SEPARATOR if all amounts are written so",
        "1 row under no customer's present address: python starter.py coverage --period 2026-10",
    ]
    assert "cannot be read" not in told(header, *rows, decimal_separator=",")


def test_a_worksheet_without_a_header_says_so() -> None:
    assert told([ACME.mailbox, 1, "Tea"]) == "1 row; no header; columns by place: email, amount, description"


async def test_it_is_the_newest_one_that_has_begun(tmp_path: Path) -> None:
    async def customers(_: list[Failed]) -> list[Customer]:
        raise LedgerUnavailable("another line of the report says so")

    adapters = cast(Any, SimpleNamespace(sales=CsvSales(tmp_path), ledger=SimpleNamespace(customers=customers)))
    assert (await newest_worksheet(adapters, ".")).startswith("0 worksheets, none of ")
    for name in ("2025-01", "2025-02", "2999-01", "notes"):
        (tmp_path / f"{name}.csv").write_text("email,amount\n")
    assert (await newest_worksheet(adapters, ".")).startswith("4 worksheets; 2025-02: 0 rows; email: 'email'")
    (tmp_path / "2025-02.csv").write_text("Sales of February\n")
    with pytest.raises(SalesUnavailable, match="neither a header nor a sale"):
        await newest_worksheet(adapters, ".")


def test_a_customer_whose_rows_fail_unexpectedly_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bolt, coal = (customer(customer_id=name, email=f"{name}@example.com") for name in ("bolt", "coal"))
    original = lines_for

    def fails(customer: Customer, *others: Any) -> Any:
        if customer == bolt:
            raise RuntimeError("unforeseen")
        return original(customer, *others)

    monkeypatch.setattr(worksheet, "lines_for", fails)
    read = read_worksheet(OCTOBER, [["email", "amount"], *([each.email, "x"] for each in (bolt, coal))])
    told = list(understood(read, OCTOBER, [bolt, ACME, coal], "."))
    assert told[2].startswith("1 cannot be read, row 3 for instance")
    assert told[3].startswith("bolt: RuntimeError: unforeseen (")


async def test_a_customer_whom_the_ledger_cannot_read_is_named_beside_the_others_rows(tmp_path: Path) -> None:
    async def customers(failed: list[Failed]) -> list[Customer]:
        failed.append(Failed(customer_id="bolt", reason="Mars is no time zone"))
        return [ACME]

    (tmp_path / f"{OCTOBER}.csv").write_text(f"email,amount\n{ACME.mailbox},x\n")
    adapters = cast(Any, SimpleNamespace(sales=CsvSales(tmp_path), ledger=SimpleNamespace(customers=customers)))
    told = await newest_worksheet(adapters, ".")
    assert "1 cannot be read, row 2 for instance" in told
    assert told.endswith("; bolt cannot be read: Mars is no time zone")
