"""A collection with several debts in the ledger: each is a row, and none that is settled becomes open again."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.stages import CollectionStage
from billing.errors import OutcomeConflict, StaleRun
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from tests.contract.ledger_fixtures import ACME, AT, DECEMBER, LATER, NOVEMBER, OCTOBER

RECOVERED, WRITTEN_OFF = CollectionStage.RECOVERED, CollectionStage.WRITTEN_OFF


def debt(period: Period) -> Debt:
    refused = ChargeResult(status=ChargeStatus.DECLINED, at=AT, decline_code="insufficient_funds")
    return Debt(
        period=period, amount_minor=1000, currency="eur", opened_at=AT, method=ACME.card_on_file, answer=refused
    )


def owing(*periods: Period) -> Collection:
    first, *others = map(debt, periods)
    collection = Collection(customer=ACME, period=first.period, debts=(first,), since=AT)
    for other in others:
        collection = collection.owing(other, AT)
    return collection


def settled(collection: Collection, period: Period, outcome: CollectionStage = RECOVERED) -> Collection:
    found = collection.debt(period)
    assert found is not None
    return collection.with_debt(found.settle(outcome, LATER))


async def test_each_month_is_a_row_and_finds_the_collection_that_has_it(ledger: SqlLedger) -> None:
    collection = settled(owing(OCTOBER, NOVEMBER), OCTOBER)
    await ledger.record_collection(collection, LATER)
    rows = [(row.period, row.stage, row.closed_at) for row in await ledger.debts()]
    assert rows == [(OCTOBER, RECOVERED, LATER), (NOVEMBER, CollectionStage.COLLECTING, None)]
    assert [row.period for row in await ledger.debts(open_only=True)] == [NOVEMBER]
    for period in (OCTOBER, NOVEMBER):
        assert await ledger.collection("acme", period) == collection
    assert await ledger.collection("acme", DECEMBER) is None


async def test_a_diary_of_a_month_has_what_is_about_it_and_about_the_account(ledger: SqlLedger) -> None:
    collection = owing(OCTOBER, NOVEMBER).noted(AT, "ann", "halt", "halted")
    collection = collection.noted(AT, None, "paid", "pi_1", month=OCTOBER).noted(AT, None, "paid", "pi_2", NOVEMBER)
    await ledger.record_collection(collection, AT)
    assert [entry.text for entry in await ledger.diary("acme", OCTOBER)] == ["halted", "pi_1"]
    assert [entry.text for entry in await ledger.diary("acme", NOVEMBER)] == ["halted", "pi_2"]


async def test_a_month_that_joins_opens_a_collection_that_was_recorded_as_closed(ledger: SqlLedger) -> None:
    closed = settled(owing(OCTOBER), OCTOBER)
    await ledger.record_collection(closed, LATER)
    joined = closed.owing(debt(NOVEMBER), AT)
    await ledger.record_collection(joined, LATER + timedelta(seconds=1))
    assert await ledger.collection("acme", OCTOBER) == joined
    assert [row.closed_at for row in await ledger.debts()] == [LATER, None]


async def test_a_month_joins_a_closed_collection_on_a_machine_whose_clock_is_behind(ledger: SqlLedger) -> None:
    closed = settled(owing(OCTOBER), OCTOBER)
    await ledger.record_collection(closed, LATER)
    joined = closed.owing(debt(NOVEMBER), AT)
    await ledger.record_collection(joined, LATER - timedelta(seconds=5))
    assert await ledger.collection("acme", NOVEMBER) == joined


@pytest.mark.parametrize("other", [owing(OCTOBER, NOVEMBER), settled(owing(OCTOBER, NOVEMBER), OCTOBER, WRITTEN_OFF)])
async def test_a_settled_month_never_becomes_open_again_or_another_outcome(
    ledger: SqlLedger, other: Collection
) -> None:
    known = settled(owing(OCTOBER, NOVEMBER), OCTOBER)
    await ledger.record_collection(known, LATER)
    with pytest.raises(OutcomeConflict, match=r"collection of acme, 2026-10 is closed as Recovered .* end it"):
        await ledger.record_collection(other.evolve(revision=50), LATER)
    assert await ledger.collection("acme", OCTOBER) == known


async def test_a_run_that_lacks_a_month_of_its_collection_is_stale_even_if_all_that_it_has_is_settled(
    ledger: SqlLedger,
) -> None:
    known = owing(OCTOBER, NOVEMBER)
    await ledger.record_collection(known, AT)
    with pytest.raises(StaleRun, match="lacks 2026-11"):
        await ledger.record_collection(settled(owing(OCTOBER), OCTOBER).evolve(revision=50), LATER)
    assert await ledger.collection("acme", NOVEMBER) == known


async def test_a_month_belongs_to_one_collection(ledger: SqlLedger) -> None:
    await ledger.record_collection(settled(owing(OCTOBER, NOVEMBER), NOVEMBER), LATER)
    with pytest.raises(OutcomeConflict):
        await ledger.record_collection(owing(NOVEMBER), LATER)
    with pytest.raises(StaleRun, match="began with 2026-10"):
        await ledger.record_collection(settled(owing(NOVEMBER, DECEMBER), NOVEMBER), LATER)
    assert [row.period for row in await ledger.debts()] == [OCTOBER, NOVEMBER]


async def test_a_month_that_the_collection_no_longer_carries_stays_on_record(ledger: SqlLedger) -> None:
    collection = settled(owing(OCTOBER, NOVEMBER), OCTOBER)
    await ledger.record_collection(collection, LATER)
    november = collection.debt(NOVEMBER)
    dropped = collection.evolve(debts=(november,), revision=50)
    await ledger.record_collection(dropped, LATER)
    assert await ledger.collection("acme", OCTOBER) == dropped
    assert [row.stage for row in await ledger.debts()] == [RECOVERED, CollectionStage.COLLECTING]
