"""A register that is taken in again: longer, shorter, older, mapped wrongly, for another rail or day."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput, NotFound
from billing.registers.register import LineState
from tests.contract.register_fixtures import (
    BY,
    DAY,
    FIRST,
    NOW,
    NUMBER,
    OTHER,
    RAIL,
    SECOND,
    TERMS,
    THIRD,
    csv,
    desk_of,
    line,
    states,
    taken,
    texts,
    with_account,
)


async def test_the_same_and_a_longer_file_change_nothing_twice(ledger: SqlLedger) -> None:
    await with_account(ledger)
    first = await taken(ledger, line(FIRST), line(SECOND))
    again = await desk_of(ledger).take(RAIL, DAY, "renamed.csv", csv(line(FIRST), line(SECOND)), "bob", NOW)
    assert (again.is_new, again.day) == (False, first)
    await desk_of(ledger).confirm(RAIL, FIRST, *BY)
    longer = await taken(ledger, line(FIRST), line(SECOND), line(THIRD, "3.00"), name="longer.csv")
    assert states(longer) == {"confirmed": (1, 10_000, 10_000), "missing": (2, 10_300, 0)}
    assert len(await texts(ledger)) == 2
    assert longer.files == 2


async def test_a_shorter_file_takes_no_line_away(ledger: SqlLedger) -> None:
    await taken(ledger, line(FIRST), line(SECOND))
    shorter = await taken(ledger, line(FIRST), name="shorter.csv")
    assert (states(shorter), shorter.files) == ({"missing": (2, 20_000, 0)}, 2)


async def test_an_older_file_that_is_taken_in_again_undoes_no_correction_and_no_decision(ledger: SqlLedger) -> None:
    await taken(ledger, line(FIRST, "10.00"))
    await taken(ledger, line(FIRST, "12.00"), name="corrected.csv")
    row = await desk_of(ledger).reject(RAIL, FIRST, *BY)
    assert states(await taken(ledger, line(FIRST, "10.00"))) == {"rejected": (1, 1_200, 0)}
    page = await ledger.register_lines(TERMS, DAY, everything=True)
    assert page.rows == (row,)


async def test_a_file_that_was_mapped_wrongly_is_taken_in_again_by_another_mapping(ledger: SqlLedger) -> None:
    content = f"txn_id,account,sum,fee,txn_date\n{FIRST},{NUMBER},100.00,1.00,2026-11-27\n".encode()
    desk = desk_of(ledger)
    await desk.take(RAIL, DAY, "r.csv", content, "ann", NOW, ["amount=fee"])
    corrected = await desk.take(RAIL, DAY, "r.csv", content, "ann", NOW, ["amount=sum"])
    assert (corrected.is_new, states(corrected.day)) == (False, {"missing": (1, 10_000, 0)})


async def test_the_same_payments_are_not_taken_in_for_another_rail_or_day(ledger: SqlLedger) -> None:
    await taken(ledger, line())
    for rail, day in ((OTHER, DAY), (RAIL, DAY - timedelta(days=1))):
        with pytest.raises(InvalidInput, match=r"as the register of bank-app of 2026-11-27|and none of 2026-11-26"):
            await desk_of(ledger).take(rail, day, "r.csv", csv(line()), "ann", NOW)
    assert [day.day for day in await desk_of(ledger).days()] == [DAY]
    empty = [(await desk_of(ledger).take(rail, DAY, "e.csv", csv(), None, NOW)).is_new for rail in (RAIL, OTHER)]
    assert empty == [True, True], "days without payments look alike"


async def test_a_file_that_was_taken_in_for_another_rail_is_withdrawn_and_taken_in_for_its_own(
    ledger: SqlLedger,
) -> None:
    desk, content = desk_of(ledger), csv(line(FIRST), line(SECOND))
    await desk.take(OTHER, DAY, "r.csv", content, "ann", NOW)
    await desk.reject(OTHER, SECOND, *BY)
    with pytest.raises(InvalidInput, match="payments register reject terminals --day 2026-11-27"):
        await desk.take(RAIL, DAY, "r.csv", content, "ann", NOW)
    assert await desk.withdraw(OTHER, DAY, *BY) == 1
    with pytest.raises(NotFound, match="nothing to withdraw"):
        await desk.withdraw(OTHER, DAY, *BY)
    taken_in = await desk.take(RAIL, DAY, "r.csv", content, "ann", NOW)
    assert states(taken_in.day) == {"missing": (2, 20_000, 0)}
    rows = (await ledger.register_lines(TERMS._replace(rail=OTHER), DAY, everything=True)).rows
    assert [row.state for row in rows] == [LineState.REJECTED], "what a person has said stays"
    assert await texts(ledger, "ann withdraws the register of terminals, 2026-11-27 (1 files)")
