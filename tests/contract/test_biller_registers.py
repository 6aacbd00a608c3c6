"""The registers of a month beside the clearing account of their rail, as the daily reconciliation looks at them."""

from datetime import datetime, timedelta

import pytest

from activities.registers.billers import BillerRegister
from activities.registers.processors import RegisterResult
from adapters.sql.ledger import SqlLedger
from billing.accounting.discrepancy import DiscrepancyKind
from services import clock
from tests.contract.ledger_fixtures import NOVEMBER
from tests.contract.register_fixtures import BY, DAY, NOW, RAIL, TERMS, TXNS, csv, desk_of, line, told, with_account
from wording.remedies import command_line


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, NOW)


def set_to(monkeypatch: pytest.MonkeyPatch, instant: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: instant)


async def compared(ledger: SqlLedger) -> RegisterResult:
    return await BillerRegister(TERMS, ledger).compare(NOVEMBER)


def sums(result: RegisterResult) -> list[tuple[int | None, int]]:
    return [(total.register_minor, total.clearing_minor) for total in result.rails]


async def test_a_month_without_money_or_registers_has_no_findings(ledger: SqlLedger) -> None:
    assert await compared(ledger) == RegisterResult([], ())


async def test_registers_and_clearing_account_agree(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await told(ledger)
    await desk_of(ledger).take(RAIL, DAY, "r.csv", csv(line()), "ann", NOW)
    result = await compared(ledger)
    assert (result.findings, sums(result)) == ([], [(10_000, 10_000)])


async def test_a_day_without_a_register_is_a_finding_once_it_is_overdue(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_account(ledger)
    await told(ledger)
    (finding,) = (await compared(ledger)).findings
    assert finding.kind is DiscrepancyKind.UNCONFIRMED
    assert finding.text == "no register of bank-app for 2026-11-27 has come; ask the bank for it"
    command = "python starter.py payments register take FILE --rail bank-app --day 2026-11-27"
    assert command_line(finding.remedies[0]) == command
    set_to(monkeypatch, NOW - timedelta(hours=2))
    assert (await compared(ledger)).findings == []


async def test_what_is_open_is_a_finding_for_each_state_of_a_day_until_it_is_decided(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await told(ledger, TXNS[0], 500)
    await told(ledger, "77", 700)
    desk = desk_of(ledger)
    lines = (line(TXNS[0], "6.00"), line(TXNS[1], "1.00"), line(TXNS[2], "2.00"), line(TXNS[2], "-2.00"))
    await desk.take(RAIL, DAY, "r.csv", csv(*lines), "ann", NOW)
    result = await compared(ledger)
    assert [finding.kind for finding in result.findings] == [
        DiscrepancyKind.MISSING,
        DiscrepancyKind.REVERSAL,
        DiscrepancyKind.AMOUNT,
        DiscrepancyKind.MISSING,
    ]
    assert "2 missing (3.00 KZT)" in result.findings[0].text
    assert "1 extra (7.00 KZT): the journal has them, the bank does not" in result.findings[3].text
    assert sums(result) == [(700, 1_200)]
    async for row in desk.to_book(RAIL, DAY):
        await desk.confirm(RAIL, row.reference, *BY)
    await desk.reject(RAIL, TXNS[0], "ann", "the bank corrects it", NOW)
    (finding,) = (await compared(ledger)).findings
    assert "extra" in finding.text
