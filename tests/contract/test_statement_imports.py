"""Imports of statements: repeated, renamed, in other formats, killed, at once: each line counts once."""

import asyncio
from datetime import date

import pytest
from sqlalchemy import text

from adapters.sql.ledger import SqlLedger
from adapters.statements.files import StatementFiles
from billing.errors import InvalidInput
from services.statements import PAGE_LINES, Statements, Upload
from tests import statement_samples as samples
from tests.contract.ledger_fixtures import read, run
from tests.contract.statement_fixtures import BANK, NOW, RAILS, clearing, outcomes, owed, owing, paid, statements, taken


async def test_the_same_file_a_renamed_one_and_a_longer_one_change_nothing_twice(ledger: SqlLedger) -> None:
    await owing(ledger)
    await taken(ledger, paid(amount="20.00", text="order 1042"))
    assert (await taken(ledger, paid(amount="20.00", text="order 1042"), name="other.txt")).known == 1
    assert await owed(ledger) == 8000
    longer = [paid(amount="20.00", text="order 1042")] * 2
    report = await taken(ledger, *longer)
    assert (outcomes(report), report.known) == ({"booked": 1}, 1)
    assert await owed(ledger) == 6000
    files = await ledger.statement_files("bank")
    assert [(file.lines, file.name, file.by) for file in files] == [(2, "day.txt", "ann"), (1, "day.txt", "ann")]


async def test_a_file_cannot_say_that_it_covers_days_that_are_still_to_come(ledger: SqlLedger) -> None:
    """After which no day would be missed."""
    content = samples.one_c(paid("1", "5.00")).replace("ДатаКонца=30.11.2026", "ДатаКонца=31.12.2099")
    content = content.replace("КонечныйОстаток=1279.50", "КонечныйОстаток=1005.00")
    await statements(ledger).take(Upload("x", content.encode()), "ann", NOW)
    assert [file.until for file in await ledger.statement_files()] == [date(2026, 12, 1)]


async def test_the_same_day_in_another_format_changes_nothing_twice(ledger: SqlLedger) -> None:
    await owing(ledger, amount_minor=15000)
    bank = BANK.evolve(currency="kzt")
    service = Statements(StatementFiles(), ledger, {"bank": bank}, RAILS)
    files = (samples.camt_054(), samples.MT940, samples.CAMT_053, samples.ONE_C)
    totals = [outcomes(await service.take(Upload("x", content.encode()), "ann", NOW)) for content in files]
    first, second, *others = totals
    assert first == {"booked": 1}
    assert second == {"unmatched": 2, "returned": 1, "outgoing": 1}
    assert others == [{"repeated": 2}, {"repeated": 5}]  # two without a reference: texts differ by format
    sums = await ledger.statement_balance("bank", "kzt")
    assert sums.clearing_minor == sums.lines_minor == 45000 - 15000


async def test_two_notifications_without_a_reference_are_two_payments(ledger: SqlLedger) -> None:
    service = Statements(StatementFiles(), ledger, {"bank": BANK.evolve(currency="kzt")}, RAILS)
    for notification in ("N1", "N2", "N1"):
        content = samples.camt_054(notification, "").replace("order 1042", f"order {notification}").encode()
        await service.take(Upload("x", content), "ann", NOW)
    assert await clearing(ledger) == 30000


async def test_a_rehearsal_tells_what_would_be_and_leaves_no_trace(ledger: SqlLedger) -> None:
    await owing(ledger)
    report = await taken(ledger, paid(text="order 1042"), is_rehearsal=True)
    assert (outcomes(report), report.is_rehearsed) == ({"booked": 1}, True)
    assert (await owed(ledger), await ledger.statement_files()) == (10000, [])


async def test_an_import_that_was_killed_goes_on_and_ends_the_same(ledger: SqlLedger, url: str) -> None:
    await owing(ledger, amount_minor=12000)
    documents = [paid(str(number), "1.00", "order 1042") for number in range(120)]
    calls = 0

    class Killed(BaseException): ...

    def advance(done: int, _: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Killed

    with pytest.raises(Killed):
        await taken(ledger, *documents, advance=advance)
    assert (await ledger.statement_files())[0].done_at is None
    assert await owed(ledger) == 12000 - 200 * PAGE_LINES
    report = await taken(ledger, *documents)
    assert (report.known, outcomes(report)) == (2 * PAGE_LINES, {"booked": 120 - 2 * PAGE_LINES})
    assert (await owed(ledger), await clearing(ledger)) == (0, 12000)
    assert (await ledger.statement_files())[0].done_at == NOW
    assert len(read(url, "SELECT 1 FROM statement_lines")) == 120


async def test_two_people_who_import_the_same_file_at_once_book_it_once(ledger: SqlLedger) -> None:
    await owing(ledger, amount_minor=12000)
    documents = [paid(str(number), "1.00", "order 1042") for number in range(60)]
    reports = await asyncio.gather(*(taken(ledger, *documents) for _ in range(3)))
    assert sum(report.known for report in reports) == 120
    assert (await owed(ledger), await clearing(ledger)) == (6000, 6000)


async def test_a_bank_that_uses_a_reference_again_has_two_payments(ledger: SqlLedger) -> None:
    bank = BANK.evolve(currency="kzt")
    service = Statements(StatementFiles(), ledger, {"bank": bank}, RAILS)
    await service.take(Upload("x", samples.camt_054().encode()), "ann", NOW)
    await service.take(Upload("x", samples.camt_054("N2").replace("150.00", "50.00").encode()), "ann", NOW)
    assert await clearing(ledger) == 20000


async def test_files_of_others_are_refused_before_anything_is_kept(ledger: SqlLedger) -> None:
    foreign = samples.one_c(paid()).replace(samples.OWN, samples.OTHER).encode()
    with pytest.raises(InvalidInput, match="not of KZ00"):
        await statements(ledger).take(Upload("x", foreign), "ann", NOW)
    with pytest.raises(InvalidInput, match="is no bank account"):
        await statements(ledger).take(Upload("x", foreign, rail="cash"), "ann", NOW)
    assert await ledger.statement_files() == []


async def test_lines_are_found_by_indexes(ledger: SqlLedger, url: str) -> None:
    await taken(ledger, paid())
    if "sqlite" not in url:
        return
    queries = (
        "SELECT key FROM statement_lines WHERE payment IS NOT NULL AND payment_rail = 'a' AND payment = 'b'",
        "SELECT key FROM statement_lines WHERE rail = 'a' AND (booked_on, amount_minor) IN (VALUES ('x', 1))",
        "SELECT key FROM statement_lines WHERE rail = 'a' AND file = 'b' ORDER BY position",
        "SELECT key FROM statement_lines WHERE rail = 'a' AND entry_minor IS NOT NULL "
        "AND (booked_on, entry_minor) IN (VALUES ('x', 1), ('y', 2))",
        "SELECT key FROM statement_lines WHERE rail = 'a' AND twin IS NOT NULL AND twin IN ('b', 'c')",
        "SELECT key FROM statement_lines WHERE rail = 'a' AND (booked_on, amount_minor) IN (VALUES ('x', 1), ('y', 1)) "
        "AND substr(bank_reference, 1, 16) IN ('b')",
    )
    for query in queries:
        plan = run(url, lambda connection, query=query: connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
        assert all("USING" in row[3] and "INDEX" in row[3] for row in plan if "statement_lines" in row[3]), plan


async def test_the_sums_of_days_agree_with_the_payments(ledger: SqlLedger) -> None:
    await owing(ledger)
    await taken(ledger, paid("1", "40.00", "order 1042"), paid("2", "5.00"), paid("3", "7.00", is_in=False))
    assert await ledger.statement_sums("bank", "eur", date(2026, 11, 1), date(2026, 12, 1)) == (4500, 4500)
    assert await ledger.statement_sums("bank", "eur", date(2026, 12, 1), date(2027, 1, 1)) == (0, 0)
