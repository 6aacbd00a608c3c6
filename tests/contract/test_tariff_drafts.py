"""The month's draft from tariffs and the sheet together, on SQLite and PostgreSQL alike."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from activities.sales import SalesActivities
from adapters.sheets.csv_sales import CsvSales
from adapters.sql.ledger import SqlLedger
from billing.completeness.snapshots import CustomerSnapshot
from billing.errors import InvalidInput
from billing.invoices.commands import Edit
from billing.invoices.invoice import Invoice, RemoveLine
from billing.invoices.month import Month
from billing.subscribers.service import Change, NewService, ServiceCause, ServiceState
from billing.tariffs.changes import AddFee
from billing.tariffs.lines import lines_of
from services import clock
from services.alerts import Alerts
from services.shared_sales import SharedSales
from services.sheet_comparison import SheetComparer
from tests.contract.event_fixtures import Waker
from tests.contract.ledger_fixtures import ACME, AT, NOVEMBER, opened
from tests.contract.test_ledger_tariffs import FEE, NUMBER, SUBSCRIBE, WHO, with_account
from tests.unit.months import decided


class Office:
    def __init__(self, ledger: SqlLedger, folder: Path) -> None:
        self._folder = folder
        self.sales = SharedSales(CsvSales(folder), ledger)
        self.comparer = SheetComparer(self.sales, ledger)
        alerts = Alerts(ledger, Waker(), enabled=False)
        self.activities = SalesActivities(self.sales, self.comparer, ledger, alerts)

    def sells(self, *rows: str) -> None:
        (self._folder / f"{NOVEMBER}.csv").write_text("\n".join(("email,amount,description", *rows)))

    async def draft(self, month: Month) -> Invoice:
        imported = await self.activities.import_sales(month)
        assert imported.invoice is not None
        return imported.invoice


@pytest.fixture
async def office(ledger: SqlLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(clock, "now", lambda: AT)
    await with_account(ledger)
    await ledger.agree(SUBSCRIBE, *WHO)
    return Office(ledger, tmp_path)


def amounts(invoice: Invoice) -> list[tuple[str, int, str]]:
    def source(line: object) -> str:
        return "sheet" if getattr(line, "source", None) else "tariff" if getattr(line, "tariff", None) else "hand"

    return [(line.line_id, line.amount_minor, source(line)) for line in invoice.lines]


async def test_a_draft_has_the_tariffs_and_the_rows_of_the_sheet_each_with_its_source(
    ledger: SqlLedger, office: Office
) -> None:
    office.sells("ann@acme.example,12.50,Calls")
    month = opened()
    invoice = await office.draft(month)
    assert amounts(invoice) == [(f"fee-{NUMBER}-16", 1500, "tariff"), ("row-2", 1250, "sheet")]
    assert invoice.total_minor == 2750
    with pytest.raises(InvalidInput, match="has its draft already"):
        await ledger.agree(FEE, *WHO)
    [account] = [each async for page in ledger.accounts(NOVEMBER) for each in page]
    assert isinstance(account, CustomerSnapshot)
    assert account.month is not None
    assert [line.tariff_minor for line in account.month.tariffs] == [1500]
    assert [line.line_id for line in account.month.lines] == ["row-2"]
    assert account.agreed is not None
    assert account.agreed.items == (await ledger.agreed("acme")).items


async def test_the_sheet_does_not_take_a_tariff_for_a_row_that_somebody_added(office: Office) -> None:
    office.sells("ann@acme.example,12.50,Calls")
    month = opened()
    month = month.drafted(await office.draft(month))
    office.sells("ann@acme.example,12.50,Calls", "ann@acme.example,15,Tea")
    comparison = await office.comparer.compare(month, AT.replace(year=2027))
    assert comparison is not None
    assert [(change.kind, change.amount_minor) for change in comparison.changes] == [("added", 1500)]
    assert comparison.by_hand == ()


async def test_a_line_that_a_reviewer_removes_is_remembered_as_waived(ledger: SqlLedger, office: Office) -> None:
    office.sells()
    month = opened()
    month = month.drafted(await office.draft(month))
    await ledger.record(month, AT)
    removed = RemoveLine(line_id=f"fee-{NUMBER}-16")
    edit = Edit(by="ann", reason="goodwill", period=NOVEMBER, version=1, changes=(removed,))
    month, decision = decided(month, edit, AT, "update")
    assert decision.accepted, decision.result
    await ledger.record(month, AT)
    [account] = [each async for page in ledger.accounts(NOVEMBER) for each in page]
    assert isinstance(account, CustomerSnapshot)
    assert account.month is not None
    assert (account.month.tariffs, account.month.waived) == ((), (f"fee-{NUMBER}-16",))


async def test_in_manual_review_tariffs_are_drafted_and_people_enter_the_rest(office: Office) -> None:
    office.sells("ann@acme.example,12.50,Calls")
    manual = opened(terms=ACME.terms.evolve(review_mode="manual"))
    assert amounts(await office.draft(manual)) == [(f"fee-{NUMBER}-16", 1500, "tariff")]


async def test_a_change_while_the_draft_is_made_is_in_it(
    ledger: SqlLedger, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import fails once, as any step that is tried again, and the next try reads what was agreed anew."""
    office.sells()
    own_emails = ledger.own_emails

    async def slow(customer_id: str) -> list[str]:
        await ledger.agree(AddFee(**FEE.model_dump()), *WHO)
        return await own_emails(customer_id)

    monkeypatch.setattr(ledger, "own_emails", slow)
    month = opened()
    with pytest.raises(Exception, match="is read again"):
        await office.draft(month)
    assert [amount for _, amount, _ in amounts(await office.draft(month))] == [1500, 500]


async def test_a_customer_whose_currency_has_changed_waits_for_a_person(ledger: SqlLedger, office: Office) -> None:
    office.sells()
    dollars = opened(currency="USD")
    with pytest.raises(InvalidInput, match="has tariff net in EUR, and its customer is billed in USD"):
        await office.draft(dollars)
    assert (await ledger.agreed("acme")).subscriptions(NUMBER)[0].starts_on == date(2026, 11, 16)


async def test_days_that_were_suspended_from_midnight_to_midnight_are_not_drafted(
    ledger: SqlLedger, office: Office
) -> None:
    office.sells()
    await ledger.register_service(
        NewService(customer_id="acme", key="c1", number=NUMBER, by="ann", reason="contract"), AT
    )
    states = [
        (ServiceState.ACTIVE, ServiceCause.CONNECTED, 16),
        (ServiceState.SUSPENDED, ServiceCause.REQUEST, 20),
        (ServiceState.ACTIVE, ServiceCause.REQUEST, 24),
    ]
    for state, cause, day in states:
        at = datetime(2026, 11, day, 12, tzinfo=UTC)
        await ledger.change_service(NUMBER, Change(state, cause, f"day {day}", at, "ann", "a break"))
    assert await ledger.suspended_days("acme", NOVEMBER) == {NUMBER: {date(2026, 11, day) for day in (21, 22, 23)}}
    invoice = await office.draft(opened())
    assert amounts(invoice) == [(f"fee-{NUMBER}-16", 1200, "tariff")]
    [account] = [each async for page in ledger.accounts(NOVEMBER) for each in page]
    assert isinstance(account, CustomerSnapshot)
    assert account.agreed is not None
    assert lines_of(NOVEMBER, account.agreed, "eur", account.suspended) == invoice.lines


async def test_a_disconnected_account_costs_nothing_from_the_next_day_on(ledger: SqlLedger, office: Office) -> None:
    office.sells()
    wanted = NewService(customer_id="acme", key="c1", number=NUMBER, by="ann", reason="contract")
    await ledger.register_service(wanted, AT)
    for state, cause, day in (
        (ServiceState.ACTIVE, ServiceCause.CONNECTED, 16),
        (ServiceState.DISCONNECTED, ServiceCause.TERMINATED, 20),
    ):
        at = datetime(2026, 11, day, 12, tzinfo=UTC)
        await ledger.change_service(NUMBER, Change(state, cause, f"day {day}", at, "ann", "moves away"))
    assert amounts(await office.draft(opened())) == [(f"fee-{NUMBER}-16", 500, "tariff")]
    december = await ledger.suspended_days("acme", NOVEMBER.next())
    assert lines_of(NOVEMBER.next(), await ledger.agreed("acme"), "eur", december) == ()
