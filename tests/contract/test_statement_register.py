"""Statements beside the clearing account: what agrees finds nothing, what differs or is missing is found."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from activities.registers.statements import StatementsRegister
from adapters.sql.ledger import SqlLedger
from billing.period import Period
from services import clock
from services.statements import Upload
from tests import statement_samples as samples
from tests.contract.ledger_fixtures import run
from tests.contract.statement_fixtures import NOW as IMPORTED
from tests.contract.statement_fixtures import owing, paid, statements, taken

NOVEMBER, DECEMBER = Period("2026-11"), Period("2026-12")


@pytest.fixture(autouse=True)
def in_december(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: IMPORTED)


async def found(ledger: SqlLedger, period: Period = NOVEMBER) -> tuple[list[str], list[tuple[Any, ...]]]:
    result = await StatementsRegister("bank", "eur", ledger).compare(period)
    totals = [(total.currency, total.register_minor, total.clearing_minor) for total in result.rails]
    return [finding.text for finding in result.findings], totals


async def test_a_month_of_statements_agrees_with_its_clearing_account(ledger: SqlLedger) -> None:
    await owing(ledger)
    await taken(ledger, paid("1", "40.00", "order 1042"), paid("2", "5.00"), paid("3", "7.00", is_in=False))
    assert await found(ledger) == ([], [("eur", 4500, 4500)])
    assert await found(ledger, DECEMBER) == ([], [])


async def test_a_payment_that_somebody_has_changed_is_found(ledger: SqlLedger, url: str) -> None:
    await taken(ledger, paid("1", "40.00"))

    def change(connection: Connection) -> None:
        connection.execute(text("UPDATE incoming_payments SET amount_minor = 1 WHERE rail = 'bank'"))
        connection.execute(text("UPDATE entries SET amount_minor = 1 WHERE kind = 'clearing'"))

    run(url, change)
    (text_of_month,), _ = await found(ledger)
    assert "the statements of bank have 40.00 EUR of 2026-11, and its payments 0.01 EUR" in text_of_month
    (whole,), _ = await found(ledger, DECEMBER)
    assert "the clearing account of bank has 0.01 EUR" in whole


async def test_an_import_that_was_interrupted_is_found_until_it_is_gone_on_with(ledger: SqlLedger) -> None:
    class Killed(BaseException): ...

    def die(_done: int, _all: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        await taken(ledger, paid("1", "5.00"), advance=die)
    (text_of_file,), _ = await found(ledger, DECEMBER)
    assert "the import of day.txt (bank) was interrupted" in text_of_file
    await taken(ledger, paid("1", "5.00"))
    assert (await found(ledger, DECEMBER))[0] == []


async def test_a_day_without_a_statement_is_found_in_the_month_of_the_next(ledger: SqlLedger) -> None:
    for day, opening, closing in (("28", "0.00", "5.00"), ("30", "7.00", "12.00")):
        content = samples.one_c(paid("1", "5.00"), opening=opening, closing=closing).replace(
            "30.11.2026", f"{day}.11.2026"
        )
        await statements(ledger).take(Upload("x", content.encode()), "ann", IMPORTED)
    (gap,), _ = await found(ledger)
    assert "between 2026-11-28 and 2026-11-30 statements of bank are missing" in gap
    assert (await found(ledger, Period("2026-10")))[0] == []
