"""What a rehearsal reads of the real world, and that it leaves it as it was."""

import csv
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.sheets.csv_sales import CsvSales
from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput, SalesUnavailable
from billing.invoices.invoice import SalesSeen
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeStatus
from billing.period import Period
from sandbox.rehearsal.book import RehearsalRequest, read_book
from sandbox.rehearsal.ledger import PrivateLedger
from sandbox.rehearsal.sheets import read_worksheets
from sandbox.rehearsal.stage import begin
from sandbox.stack.ports import free_port
from sandbox.stand_ins.sheets_api import sheets_app
from services.sheet_comparison import SheetComparer
from settings import Settings
from tests.contract.test_ledger_tariffs import NET, NUMBER, SUBSCRIBE
from tests.unit.months import announced, charged, drafted

SEPTEMBER, OCTOBER, NOVEMBER = Period("2026-09"), Period("2026-10"), Period("2026-11")
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def _worksheet(folder: Path, period: str, *rows: tuple[str, str, str], header: bool = True) -> None:
    path = folder / "sheets" / "sales" / f"{period}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([*([("email", "amount", "description")] if header else []), *rows])


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """The data of a company: acme has paid October, globex is about to be charged for it."""
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    await ledger.migrate()
    await ledger.record(charged(ChargeStatus.SUCCEEDED, 1000), NOW)
    other = {"customer_id": "globex", "email": "globex@example.com"}
    await ledger.record(announced(2000, payment_method=CardOnFile(payer_id="cus_2", card_id="pm_2"), **other), NOW)
    await ledger.close()
    _worksheet(tmp_path, "2026-10", ("acme@example.com", "10", "Sale"), ("globex@example.com", "20", "Sale"))
    return tmp_path


def _settings(folder: Path) -> Settings:
    """No sandbox that somebody runs on this machine answers there."""
    return Settings(_env_file=None, data_dir=folder, sandbox_sheets_port=free_port())


def _dump(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "ledger.db") as connection:
        return list(connection.iterdump())


async def test_chains_begin_where_they_are_and_nothing_is_written(folder: Path) -> None:
    before = _dump(folder)
    book = await read_book(_settings(folder), RehearsalRequest(months=3), NOW)
    acme, globex = book.entries
    assert (acme.month.period, acme.month.outcome, acme.month.first) == (NOVEMBER, None, False)
    assert acme.before is not None
    assert acme.before.period == OCTOBER
    assert globex.month.period == OCTOBER
    assert globex.month.announced
    assert book.periods == (OCTOBER, NOVEMBER, Period("2026-12"))  # where most are; of equals, the earlier
    assert book.sheets.used[NOVEMBER] == OCTOBER
    assert _dump(folder) == before


async def test_a_real_month_is_begun_as_it_began_and_compared(folder: Path) -> None:
    book = await read_book(_settings(folder), RehearsalRequest(months=1, against=OCTOBER), NOW)
    assert [(each.month.period, each.month.invoice) for each in book.entries] == [(OCTOBER, None)] * 2
    assert book.real is not None
    assert {name: (each.stage, each.total_minor) for name, each in book.real.items()} == {
        "acme": ("Paid", 1000),
        "globex": ("open", 2000),
    }


@pytest.mark.parametrize("amount_minor", [-300, 20])
async def test_the_private_books_begin_with_what_the_last_month_left(tmp_path: Path, amount_minor: int) -> None:
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    await ledger.migrate()
    month = drafted(amount_minor)
    await ledger.record(month.announcing(month.notice_at), NOW)
    await ledger.close()
    _worksheet(tmp_path, "2026-10", ("acme@example.com", "10", "Sale"))
    private = await PrivateLedger.connect(f"sqlite:///{tmp_path / 'private.db'}")
    await private.migrate()
    await begin(await read_book(_settings(tmp_path), RehearsalRequest(months=1), NOW), private)
    assert (await private.balance("acme")).credits == {"eur": amount_minor}
    assert (await private.balance("acme")).owed == ()
    await private.close()


async def test_the_private_ledger_has_what_was_agreed_for_accounts(folder: Path) -> None:
    who = "ann", "contract 17", NOW
    ledger = await SqlLedger.connect(f"sqlite:///{folder / 'ledger.db'}")
    await ledger.add_tariff(NET, *who)
    await ledger.open_number("acme", NUMBER, *who)
    agreed = await ledger.agree(SUBSCRIBE, *who)
    await ledger.close()
    private = await PrivateLedger.connect(f"sqlite:///{folder / 'private.db'}")
    await private.migrate()
    await begin(await read_book(_settings(folder), RehearsalRequest(months=1), NOW), private)
    kept = await private.agreed("acme")
    assert (kept.items, kept.tariffs) == (agreed.items, agreed.tariffs)
    assert kept.revision > 0
    assert (await private.agreed("globex")).items == ()
    await private.close()


async def test_who_is_behind_goes_on_where_they_stand(folder: Path) -> None:
    ledger = await SqlLedger.connect(f"sqlite:///{folder / 'ledger.db'}")
    real = [await ledger.month(name, OCTOBER) for name in ("acme", "globex")]
    await ledger.close()
    for wanted in (RehearsalRequest(months=1, period=NOVEMBER), RehearsalRequest(months=1, against=NOVEMBER)):
        acme, globex = (await read_book(_settings(folder), wanted, NOW)).entries
        assert (acme.month.period, acme.before) == (NOVEMBER, real[0])  # October is closed and not billed again
        assert globex.month == real[1]


async def test_only_some_customers_may_be_rehearsed(folder: Path) -> None:
    book = await read_book(_settings(folder), RehearsalRequest(months=2, only=("globex",)), NOW)
    assert [each.month.customer.customer_id for each in book.entries] == ["globex"]
    assert (book.source, book.others) == ("1 of 2 customers of the ledger", frozenset({"acme"}))
    with pytest.raises(InvalidInput, match="no customer nobody"):
        await read_book(_settings(folder), RehearsalRequest(months=2, only=("nobody",)), NOW)


async def test_only_those_who_are_rehearsed_are_compared(folder: Path) -> None:
    book = await read_book(_settings(folder), RehearsalRequest(months=1, only=("globex",), against=OCTOBER), NOW)
    assert book.real is not None
    assert [*book.real] == ["globex"]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (RehearsalRequest(months=1, period=Period("2027-02")), "has begun"),
        (RehearsalRequest(months=1, period=NOVEMBER, against=OCTOBER), "is not rehearsed"),
        (RehearsalRequest(months=1, sales="sheet"), "BILLING_SALES_SHEET_ID"),
    ],
)
async def test_what_cannot_be_rehearsed_is_said(folder: Path, wanted: RehearsalRequest, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        await read_book(_settings(folder), wanted, NOW)


async def test_a_draft_is_not_compared_with_a_copy_of_another_month(tmp_path: Path) -> None:
    draft = drafted(2000)
    assert draft.invoice is not None
    seen = SalesSeen(sheet=OCTOBER, digest="d", emails=("acme@example.com",))
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    await ledger.migrate()
    await ledger.record(draft.evolve(invoice=draft.invoice.evolve(sales=seen)), NOW)
    late = []
    for sheet in ("2026-09", "2026-10"):
        _worksheet(tmp_path, sheet, ("acme@example.com", "7", "Sale"))
        book = await read_book(_settings(tmp_path), RehearsalRequest(months=2), NOW)
        month = book.entries[0].month
        assert month.invoice is not None
        assert month.invoice.digest == draft.invoice.digest
        late.append(await SheetComparer(book.sheets, ledger).compare(month, NOW))
    await ledger.close()
    assert late[0] is None
    assert late[1] is not None
    assert [drift.amount_minor for drift in late[1].changes] == [-1300]


async def test_without_anything_configured_it_is_the_sample_company(tmp_path: Path) -> None:
    book = await read_book(_settings(tmp_path), RehearsalRequest(months=2), NOW)
    assert len(book.entries) == 12
    assert book.cards["denver"] == "decline:generic_decline"
    assert not (tmp_path / "ledger.db").exists()


@pytest.mark.parametrize("hour", range(0, 48, 6))
async def test_the_sample_company_has_sales_wherever_a_month_turns(tmp_path: Path, hour: int) -> None:
    now = datetime(2026, 10, 31, tzinfo=UTC) + timedelta(hours=hour)
    book = await read_book(_settings(tmp_path), RehearsalRequest(months=2), now)
    for entry in book.entries:
        assert {*book.months_of(entry)} <= {*book.sheets.used}


async def test_a_month_without_a_worksheet_gets_the_newest_readable_one(tmp_path: Path) -> None:
    _worksheet(tmp_path, "2026-09", ("acme@example.com", "1", ""))
    _worksheet(tmp_path, "2026-10", ("acme@example.com", "2", ""))
    _worksheet(tmp_path, "2026-11", header=False)  # made in advance, and empty
    source = CsvSales(tmp_path / "sheets" / "sales")
    found = await read_worksheets(source, await source.ping(), [SEPTEMBER, OCTOBER, NOVEMBER])
    assert found.used == {SEPTEMBER: SEPTEMBER, OCTOBER: OCTOBER, NOVEMBER: OCTOBER}
    assert "empty" in found.unread[0]
    chosen = await read_worksheets(source, await source.ping(), [NOVEMBER], SEPTEMBER)
    assert chosen.used == {NOVEMBER: SEPTEMBER}
    with pytest.raises(InvalidInput, match="no worksheet"):
        await read_worksheets(source, [], [NOVEMBER])


async def test_sales_are_those_of_the_real_worksheet_cell_by_cell(tmp_path: Path) -> None:
    _worksheet(tmp_path, "2026-10", ("a@example.com", "'00123", "x"), ("", "", ""), ("b@example.com", "1,5", "'y"))
    source = CsvSales(tmp_path / "sheets" / "sales")
    real = await source.read(OCTOBER)
    found = await read_worksheets(source, await source.ping(), [OCTOBER, NOVEMBER])
    assert await found.read(OCTOBER, NOW) == real
    assert await found.read(NOVEMBER, NOW) == real.evolve(sheet=NOVEMBER)
    with pytest.raises(SalesUnavailable, match="2026-09"):
        await found.read(SEPTEMBER, NOW)


async def test_rows_of_nobody_and_what_is_not_read_are_named(folder: Path) -> None:
    path = folder / "sheets" / "sales" / "2026-10.csv"
    path.write_text(
        "VAT,email,amount,description\n"
        "20%,acme@example.com,10,Sale\n"
        "20%,globex@example.com,20,Sale\n"
        "20%,globx@example.com,30,Late\n"
        ",,40,merged\n"
        ",no sale,100,Total\n"
        ",,,just words\n"
    )
    book = await read_book(_settings(folder), RehearsalRequest(months=2, only=("acme",)), NOW)
    assert [tuple(each) for each in book.unclaimed] == [
        ("2026-10", 4, "globx@example.com", "30", "Late"),
        ("2026-10", 5, "", "40", "merged"),
    ]
    assert book.sheets.ignored() == ["worksheet 2026-10 has columns that are not read: VAT; rows that say 'no sale': 6"]


async def test_rows_under_a_former_address_are_the_customers_as_in_the_real_month(folder: Path) -> None:
    ledger = await SqlLedger.connect(f"sqlite:///{folder / 'ledger.db'}")
    globex = await ledger.month("globex", OCTOBER)
    assert globex is not None
    renamed = globex.evolve(customer=globex.customer.evolve(email="new@globex.example"), revision=globex.revision + 1)
    await ledger.record(renamed, NOW)
    await ledger.close()
    book = await read_book(_settings(folder), RehearsalRequest(months=2, only=("acme", "globex")), NOW)
    assert book.unclaimed == ()
    private = await PrivateLedger.connect(f"sqlite:///{folder / 'private.db'}")
    await private.migrate()
    await begin(book, private)
    assert await private.own_emails("globex") == ["globex@example.com", "new@globex.example"]
    assert await private.own_emails("acme") == ["acme@example.com"]
    await private.close()


async def test_a_google_sheet_is_read_once_for_all_and_never_written(tmp_path: Path, serve: Any) -> None:
    folder = tmp_path / "google"
    _worksheet(folder, "2026-10", ("billing@acme.example", "10.50", "Sale"), ("billing@quito.example", "'12,50", ""))
    _worksheet(folder, "2026-09", ("billing@acme.example", "9", "Sale"))
    methods: list[str] = []
    app = sheets_app(folder / "sheets")

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        methods.append(scope.get("method", ""))
        await app(scope, receive, send)

    port = int((await serve(watched)).rpartition(":")[2])
    settings = Settings(_env_file=None, data_dir=tmp_path, sandbox_sheets_port=port)
    book = await read_book(settings, RehearsalRequest(months=12, sales="sheet", period=OCTOBER), NOW)
    assert [*filter(None, methods)] == ["GET", "GET"]  # what there is; and the newest of it
    assert set(book.sheets.used.values()) == {OCTOBER}
    for period in book.periods:
        sales = await book.sheets.read(period, NOW)
        assert [(row.email, row.amount) for row in sales.rows] == [
            ("billing@acme.example", 10.5),
            ("billing@quito.example", "12,50"),
        ]
    assert len([*filter(None, methods)]) == 2
