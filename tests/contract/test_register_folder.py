"""The folder of registers: what is taken in, what is told, and that nothing is twice."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sql.ledger import SqlLedger
from sandbox.timeline import until
from services.registers.desk import FILE_MAX_BYTES
from services.registers.folder import RegisterFolder
from tests.contract.register_fixtures import (
    DAY,
    NOW,
    OTHER,
    RAIL,
    TERMS,
    TXNS,
    csv,
    desk_of,
    line,
    texts,
    told,
    with_account,
)

AFTER = DAY + timedelta(days=1)


class Folder:
    """The folder of a worker, whose clock a test sets."""

    def __init__(self, ledger: SqlLedger, root: Path) -> None:
        self.ledger = ledger
        self.root = root
        self.now = NOW - timedelta(hours=3)  # before the hour of the contract
        self.reader = self.restarted()

    def restarted(self) -> RegisterFolder:
        self.reader = RegisterFolder(self.root, desk_of(self.ledger), self.ledger, lambda: self.now)
        return self.reader

    async def put(self, name: str, content: bytes, rail: str = RAIL, age: float = 60) -> Path:
        path = self.root / rail / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written = path.stat().st_mtime - age
        os.utime(path, (written, written))
        await self.reader.look()
        return path

    async def states(self) -> list[tuple[str, int]]:
        day = await self.ledger.register_day(TERMS, DAY)
        return [(str(tally.state), tally.count) for tally in day.tallies]


@pytest.fixture
def folder(ledger: SqlLedger, tmp_path: Path) -> Folder:
    return Folder(ledger, tmp_path / "registers")


async def test_a_file_is_taken_in_once_by_its_content_and_stays_where_it_is(folder: Folder) -> None:
    path = await folder.put(f"{DAY}.csv", csv(line()))
    await folder.put(f"renamed {DAY}.csv", csv(line()))
    folder.restarted()
    await folder.reader.look()
    assert (await folder.states(), path.exists()) == ([("missing", 1)], True)
    assert (await folder.ledger.register_day(TERMS, DAY)).files == 1
    assert len(await texts(folder.ledger)) == 1


async def test_a_worker_looks_by_itself(folder: Folder) -> None:
    async with RegisterFolder(
        folder.root, desk_of(folder.ledger), folder.ledger, lambda: folder.now, timedelta(milliseconds=20)
    ).open():
        folder.reader = RegisterFolder(None, desk_of(folder.ledger), folder.ledger, lambda: folder.now)
        await folder.put(f"{DAY}.csv", csv(line()))

        async def look() -> bool:
            return await folder.states() == [("missing", 1)]

        await until(look, 30)


async def test_a_longer_file_of_the_same_name_is_taken_in_too(folder: Folder) -> None:
    await folder.put(f"{DAY}.csv", csv(line()))
    await folder.put(f"{DAY}.csv", csv(line(), line(TXNS[1])), age=30)
    assert await folder.states() == [("missing", 2)]


async def test_a_file_that_may_still_be_written_is_left_for_the_next_look(folder: Folder) -> None:
    path = await folder.put(f"{DAY}.csv", csv(line()), age=0)
    await folder.put(f"{DAY}.csv.part", csv(line()))
    await folder.put(f".{DAY}.csv", csv(line()))
    assert await folder.states() == []
    os.utime(path, (1, 1))
    await folder.reader.look()
    assert await folder.states() == [("missing", 1)]


async def test_a_file_that_is_named_by_the_day_after_is_taken_in_for_its_payments_day(folder: Folder) -> None:
    await folder.put(f"QIWI_77_{DAY + timedelta(days=1):%Y%m%d}1.csv", csv(line()))
    assert await folder.states() == [("missing", 1)]


async def test_a_file_of_the_day_after_is_of_the_day_that_most_of_its_payments_have(folder: Folder) -> None:
    late = f"txn_id,account,sum,txn_date\n{line()},{DAY}\n{line(TXNS[1])},{DAY}\n{line(TXNS[2])},{AFTER} 00:05:00\n"
    await folder.put(f"{AFTER}.csv", late.encode())
    assert await folder.states() == [("missing", 3)]
    assert (await folder.ledger.register_day(TERMS, AFTER)).files == 0


async def test_a_file_without_payments_is_of_the_day_whose_register_is_missing(folder: Folder) -> None:
    await with_account(folder.ledger)
    await told(folder.ledger)
    folder.now += timedelta(days=1)
    for day in (AFTER, AFTER + timedelta(days=1)):
        await folder.put(f"{day}.csv", csv())
    folder.restarted()
    await folder.reader.look()
    days = [day.day for day in await desk_of(folder.ledger).days()]
    assert days == [AFTER, DAY]


async def test_neither_an_odd_name_nor_a_broken_folder_stops_the_others(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = os.fsdecode(f"Реестр {DAY}.csv".encode("cp1251"))
    await folder.put(odd, csv(line()))
    assert await folder.states() == [("missing", 1)]
    listed = Path.iterdir

    def broken(path: Path) -> Iterator[Path]:
        if path.name == RAIL:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", broken)
    await folder.put(f"{DAY}.csv", csv(line(TXNS[1])), OTHER)
    assert (await folder.ledger.register_day(TERMS._replace(rail=OTHER), DAY)).files == 1
    (text,) = await texts(folder.ledger, "cannot be taken in")
    assert "registers of bank-app, cannot be taken in: it cannot be read (PermissionError)" in text


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        (f"{DAY}.csv", csv(line(amount="x")), "line 2: 'x' is not an amount"),
        ("today.csv", csv(line()), "its name has no day"),
        ("2026-11-29.csv", csv(line()), "2026-11-29 is still to come"),
        (f"{DAY}.csv", b" " * (FILE_MAX_BYTES + 1), "larger than 20 MB"),
    ],
    ids=["letters", "no day", "future", "too large"],
)
async def test_what_cannot_be_taken_in_is_told_once_and_stops_no_other(
    folder: Folder, name: str, content: bytes, why: str
) -> None:
    await folder.put(name, content)
    folder.restarted()
    await folder.put(f"good {DAY}.csv", csv(line()))
    (text,) = await texts(folder.ledger, "cannot be taken in")
    assert why in text
    assert text.startswith(f"{name}, in the folder of registers of bank-app")
    assert await folder.states() == [("missing", 1)]


async def test_a_register_of_another_rail_is_refused(folder: Folder) -> None:
    await folder.put(f"{DAY}.csv", csv(line()))
    await folder.put(f"{DAY}.csv", csv(line()), rail=OTHER)
    (text,) = await texts(folder.ledger, "cannot be taken in")
    assert "taken in already, as the register of bank-app" in text


async def test_a_register_that_has_not_come_by_its_hour_is_told_once_and_the_next_ones_each(folder: Folder) -> None:
    await with_account(folder.ledger)
    await told(folder.ledger)
    await folder.reader.look()
    assert await texts(folder.ledger, "has come by") == []
    folder.now = datetime(2026, 11, 28, 7, 0, 30, tzinfo=UTC)  # noon in Almaty
    await folder.reader.look()
    folder.restarted()
    await folder.reader.look()
    (text,) = await texts(folder.ledger, "has come by")
    assert text.startswith("no register of bank-app for 2026-11-27 has come by 12:00: ask the bank for it")
    folder.now += timedelta(days=1)
    await folder.reader.look()
    assert len(await texts(folder.ledger, "has come by")) == 2


async def test_a_register_that_has_come_is_not_missed(folder: Folder) -> None:
    await with_account(folder.ledger)
    await told(folder.ledger)
    await folder.put(f"{DAY}.csv", csv(line()))
    folder.now = NOW
    await folder.reader.look()
    assert await texts(folder.ledger) == []


async def test_without_a_folder_registers_that_have_not_come_are_told_all_the_same(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await told(ledger)
    await RegisterFolder(None, desk_of(ledger), ledger, lambda: NOW).look()
    assert len(await texts(ledger, "has come by")) == 1
