"""Which lines of a file are new: by parts of a day, other formats, mappings and days, on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.statements.files import StatementFiles
from billing.payments.rails import Rail, RailKind
from billing.receivables.journal import AccountKind
from billing.statements.bank_account import BankAccount
from billing.statements.mapping import mapping_of
from billing.statements.outcomes import ImportReport
from services.statements import Statements, Upload
from tests import statement_samples as samples

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
RAILS = {"bank": Rail(kind=RailKind.STATEMENTS)}
BANK = BankAccount(account=samples.OWN, currency="eur", timezone="Europe/Paris")
COLUMNS = ("date=Date", "amount=Amount", "text=Text")


async def taken(ledger: SqlLedger, content: str, *columns: str, **given: Any) -> ImportReport:
    mapping = mapping_of(columns) if columns else None
    service = Statements(StatementFiles(), ledger, {"bank": BANK}, RAILS)
    return await service.take(Upload("day.txt", content.encode(), mapping=mapping), "ann", NOW, **given)


def outcomes(report: ImportReport) -> dict[str, int]:
    found = {str(total.outcome): total.lines for total in report.totals}
    return found | ({"known": report.known} if report.known else {})


async def clearing(ledger: SqlLedger) -> int:
    totals = await ledger.trial_balance()
    return sum(row.closing_minor for row in totals if (row.kind, row.rail) == (AccountKind.CLEARING, "bank"))


def mt940(opening: int, *texts: str) -> str:
    """50.00 for each text, on 29 November."""
    entries = "".join(f":61:2611291129C50,00NTRFNONREF\n:86:{text}\n" for text in texts)
    closing = opening + 50 * len(texts)
    head = f":20:S1\n:25:{samples.OWN}\n:28C:1/1\n:60F:C261129EUR{opening},00\n"
    return f"{head}{entries}:62F:C261129EUR{closing},00\n-\n"


async def test_equal_payments_with_other_texts_are_several_whatever_part_of_the_day_has_them(ledger: SqlLedger) -> None:
    await taken(ledger, mt940(1000, "for Ann"))
    assert outcomes(await taken(ledger, mt940(1050, "for Bob"))) == {"unmatched": 1}
    assert await clearing(ledger) == 10000


async def test_equal_lines_of_another_part_of_the_day_are_payments_of_their_own(ledger: SqlLedger) -> None:
    first, second = mt940(1000, "for Ann"), mt940(1050, "for Ann", "for Ann")
    await taken(ledger, second)
    assert outcomes(await taken(ledger, first)) == {"unmatched": 1}, "the earlier part came later"
    third = mt940(1150, "for Ann")
    assert outcomes(await taken(ledger, third)) == {"unmatched": 1}
    whole = mt940(1000, *["for Ann"] * 4)
    assert outcomes(await taken(ledger, whole)) == {"known": 4}
    assert outcomes(await taken(ledger, first.replace("S1", "S2"))) == {"known": 1}
    assert outcomes(await taken(ledger, second.replace("S1", "S2"))) == {"known": 2}
    assert await clearing(ledger) == 20000


async def test_a_csv_with_the_newest_first_keeps_the_lines_apart(ledger: SqlLedger) -> None:
    await taken(ledger, "Date;Amount;Text\n2026-11-29;50;for Ann\n", *COLUMNS)
    report = await taken(ledger, "Date;Amount;Text\n2026-11-29;50;for Bob\n2026-11-29;50;for Ann\n", *COLUMNS)
    assert ([row.text for row in report.rows], report.known) == (["for Bob"], 1)


async def test_the_line_most_alike_is_the_twin_whatever_the_order(ledger: SqlLedger) -> None:
    await taken(ledger, mt940(1000, "for Ann"))
    report = await taken(ledger, "Date;Amount;Text\n2026-11-29;50;for Bob\n2026-11-29;50;rent for Ann\n", *COLUMNS)
    rows = [(row.text, str(row.outcome)) for row in report.rows]
    assert rows == [("for Bob", "unmatched"), ("rent for Ann", "repeated")]


CSV = "Date;Amount;Text;No\n2026-11-29;50.00;hello;77\n2026-11-29;50.00;hello;77\n"


async def test_a_file_read_by_another_mapping_changes_nothing(ledger: SqlLedger) -> None:
    await taken(ledger, CSV, *COLUMNS)
    for rehearsal in (True, False):
        assert outcomes(await taken(ledger, CSV, *COLUMNS, "number=No", is_rehearsal=rehearsal)) == {"known": 2}
    longer = f"{CSV}2026-11-29;50.00;hello;78\n"
    assert outcomes(await taken(ledger, longer, *COLUMNS, "number=No")) == {"repeated": 2, "unmatched": 1}
    assert await clearing(ledger) == 15000


async def test_an_interrupted_file_goes_on_by_another_mapping(ledger: SqlLedger) -> None:
    rows = "".join(f"2026-11-29;{number}.00;hello;{number}\n" for number in range(1, 41))
    with pytest.raises(KeyboardInterrupt):
        await taken(ledger, f"Date;Amount;Text;No\n{rows}", *COLUMNS, advance=interrupt)
    report = await taken(ledger, f"Date;Amount;Text;No\n{rows}", *COLUMNS, "number=No")
    assert outcomes(report) == {"known": 25, "unmatched": 15}
    assert await clearing(ledger) == 82000


def interrupt(done: int, of: int) -> None:
    raise KeyboardInterrupt
