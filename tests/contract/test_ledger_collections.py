"""The ledger's collections, on SQLite and on PostgreSQL alike: what is written, and what never changes again."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.stages import CollectionStage
from billing.errors import OutcomeConflict, StaleRun
from billing.payments.payment import ChargeResult, ChargeStatus
from tests.contract.ledger_fixtures import ACME, AT, DECEMBER, LATER, NOVEMBER, OCTOBER, driver, read, succeed
from tests.debts import settled, with_fields
from tests.forks import Fork

DEBT = Debt(
    period=NOVEMBER,
    amount_minor=2**40,
    currency="EUR",
    opened_at=AT,
    method=ACME.card_on_file,
    answer=ChargeResult(status=ChargeStatus.DECLINED, at=AT, decline_code="insufficient_funds", attempt_id="ch_1"),
)
OWED = Collection(customer=ACME, period=NOVEMBER, debts=(DEBT,), since=AT)
RECOVERED, WRITTEN_OFF = CollectionStage.RECOVERED, CollectionStage.WRITTEN_OFF


def noted(collection: Collection, times: int = 1) -> Collection:
    """The collection with as many more lines in its diary; each is a revision of its own."""
    for _ in range(times):
        collection = collection.noted(AT, "ann", "halt (test)", f"line {collection.entry_count + 1}", accepted=False)
    return collection


def of(customer_id: str, period: str = NOVEMBER) -> Collection:
    customer = ACME.evolve(customer_id=customer_id)
    return OWED.evolve(customer=customer, period=period, debts=(DEBT.evolve(period=period),))


async def test_a_collection_comes_back_as_it_was_recorded_with_or_without_its_month(ledger: SqlLedger) -> None:
    collection = noted(with_fields(OWED, paid_otherwise_minor=2**39), 2)
    await ledger.record_collection(collection, AT)
    assert await ledger.collection("acme", NOVEMBER) == collection
    assert await ledger.collection("acme", OCTOBER) is None
    assert await ledger.diary("acme", NOVEMBER) == list(collection.entries)
    assert await ledger.diary("acme", OCTOBER) == []
    (row,) = await ledger.debts()
    assert row.model_dump() == {
        "customer_id": "acme",
        "period": NOVEMBER,
        "stage": CollectionStage.COLLECTING,
        "currency": "EUR",
        "amount_minor": 2**40,
        "outstanding_minor": 2**39,
        "opened_at": AT,
        "next_at": collection.next_contact,
        "closed_at": None,
        "updated_at": AT,
    }


async def test_a_repeat_changes_nothing_but_what_time_has_changed(ledger: SqlLedger) -> None:
    told = {"alerted_at": OWED.give_up_at, "told_exhausted": True}
    last = OWED.evolve(contacts=len(ACME.terms.dunning_days), **told)
    await ledger.record_collection(last, AT)
    (before,) = await ledger.debts()
    assert before.next_at == last.give_up_at
    await ledger.record_collection(last, last.give_up_at)
    exhausted = {"stage": CollectionStage.EXHAUSTED, "next_at": None, "updated_at": last.give_up_at}
    assert await ledger.debts() == [before.evolve(**exhausted)]
    assert await ledger.collection("acme", NOVEMBER) == last


async def test_an_older_revision_is_refused_and_changes_nothing(ledger: SqlLedger) -> None:
    newer = noted(OWED, 2)
    await ledger.record_collection(newer, AT)
    with pytest.raises(StaleRun, match="revision 2 of the collection of acme, 2026-11, not 1"):
        await ledger.record_collection(noted(OWED), LATER)
    assert await ledger.collection("acme", NOVEMBER) == newer
    assert await ledger.diary("acme", NOVEMBER) == list(newer.entries)


async def test_another_story_of_as_many_revisions_is_refused(ledger: SqlLedger) -> None:
    """A run that was reset comes to the same number by other steps."""
    halted = noted(OWED)
    await ledger.record_collection(halted, AT)
    await ledger.record_collection(halted.recorded(halted.entry_count), LATER)
    other = OWED.delayed("SalesUnavailable", "the processor is down").evolve(revision=halted.revision)
    with pytest.raises(StaleRun, match="not another one"):
        await ledger.record_collection(other, LATER)
    assert await ledger.collection("acme", NOVEMBER) == halted


async def test_collections_are_listed_by_customer_and_period_and_found_by_each(ledger: SqlLedger) -> None:
    closed = settled(of("acme", OCTOBER), WRITTEN_OFF, AT)
    for collection in (of("acme", DECEMBER), of("bolt"), of("acme"), closed):
        await ledger.record_collection(collection, AT)

    async def keys(**wanted: Any) -> list[tuple[str, str]]:
        return [(row.customer_id, row.period) for row in await ledger.debts(**wanted)]

    everything = [("acme", OCTOBER), ("acme", NOVEMBER), ("acme", DECEMBER), ("bolt", NOVEMBER)]
    assert await keys() == everything
    assert await keys(period=NOVEMBER) == [everything[1], everything[3]]
    assert await keys(customer_id="acme") == everything[:3]
    assert await keys(open_only=True) == everything[1:]
    assert await keys(open_only=True, customer_id="acme") == everything[1:3]
    assert await keys(open_only=True, period=OCTOBER) == []


# -- outcomes


async def test_an_outcome_is_never_replaced(ledger: SqlLedger) -> None:
    recovered = settled(noted(OWED), RECOVERED, AT)
    await ledger.record_collection(recovered, AT)
    for other in (OWED, noted(OWED, 9), settled(noted(OWED, 9), WRITTEN_OFF, LATER)):
        with pytest.raises(OutcomeConflict, match=r"collection of acme, 2026-11 is closed as Recovered .* end it"):
            await ledger.record_collection(other, LATER)
    assert await ledger.collection("acme", NOVEMBER) == recovered
    assert await ledger.diary("acme", NOVEMBER) == list(recovered.entries)


async def test_a_record_from_before_the_close_that_comes_late_is_ignored(ledger: SqlLedger) -> None:
    recovered = settled(OWED, RECOVERED, LATER)
    await ledger.record_collection(recovered, LATER)
    await ledger.record_collection(noted(OWED), AT)
    assert await ledger.collection("acme", NOVEMBER) == recovered
    assert await ledger.diary("acme", NOVEMBER) == []


async def test_an_outcome_counts_whatever_the_run_that_came_to_it_had_forgotten(ledger: SqlLedger) -> None:
    await ledger.record_collection(noted(OWED, 9), AT)
    recovered = settled(OWED, RECOVERED, LATER)
    await ledger.record_collection(recovered, LATER)
    assert await ledger.collection("acme", NOVEMBER) == recovered
    assert len(await ledger.diary("acme", NOVEMBER)) == 9


async def test_the_same_outcome_again_changes_nothing_unless_more_was_said_since(ledger: SqlLedger) -> None:
    recovered = settled(noted(OWED), RECOVERED, AT)
    await ledger.record_collection(recovered, AT)
    before = await ledger.debts()
    for repeat in (recovered, settled(OWED, RECOVERED, AT)):
        await ledger.record_collection(repeat, LATER)
    assert await ledger.debts() == before
    told_since = noted(recovered)
    await ledger.record_collection(told_since, LATER)
    assert await ledger.collection("acme", NOVEMBER) == told_since
    assert await ledger.diary("acme", NOVEMBER) == list(told_since.entries)


# -- the diary


async def test_the_diary_keeps_what_the_collection_no_longer_carries(ledger: SqlLedger) -> None:
    collection = noted(OWED, 60)
    await ledger.record_collection(collection, AT)
    collection = noted(collection.recorded(60))
    await ledger.record_collection(collection, LATER)
    assert len(collection.entries) < collection.entry_count == 61
    assert [entry.number for entry in await ledger.diary("acme", NOVEMBER)] == list(range(1, 62))


async def test_a_line_of_the_diary_is_never_changed_or_deleted(ledger: SqlLedger) -> None:
    collection = noted(OWED, 2)
    await ledger.record_collection(collection, AT)
    forged = tuple(entry.evolve(by="mallory", text="nothing") for entry in collection.entries)
    await ledger.record_collection(collection.evolve(entries=forged, revision=50), LATER)
    await ledger.record_collection(collection.evolve(entries=(), revision=51), LATER)
    assert await ledger.diary("acme", NOVEMBER) == list(collection.entries)


async def test_a_sign_that_postgresql_cannot_store_does_not_stop_a_collection(ledger: SqlLedger) -> None:
    collection = OWED.noted(AT, "ann", "halt (test)", "a\0b")
    await ledger.record_collection(collection, AT)
    assert await ledger.collection("acme", NOVEMBER) == collection
    assert [entry.text for entry in await ledger.diary("acme", NOVEMBER)] == ["a\N{REPLACEMENT CHARACTER}b"]


# -- several at once

RECORD_ALL = """
import asyncio, json, random, sys
from datetime import datetime
from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.errors import StaleRun
print("ready", flush=True)
input()
async def main(url, file, seed, at):
    collections = [Collection.model_validate(each) for each in json.load(open(file))]
    random.Random(seed).shuffle(collections)
    ledger = await SqlLedger.connect(url)
    recording = (ledger.record_collection(each, datetime.fromisoformat(at)) for each in collections)
    answers = await asyncio.gather(*recording, return_exceptions=True)
    assert all(answer is None or isinstance(answer, StaleRun) for answer in answers), answers
    await ledger.close()
asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_record_at_once_leave_the_newest_collection_and_the_whole_diary(
    ledger: SqlLedger, url: str, tmp_path: Path
) -> None:
    newest = noted(OWED, 20)
    states = [noted(OWED, times).model_dump(mode="json") for times in range(21)]
    (tmp_path / "collections.json").write_text(json.dumps(states))
    arguments = url, str(tmp_path / "collections.json")
    await succeed(*(Fork(RECORD_ALL, *arguments, seed, AT.isoformat()) for seed in "12"))
    assert await ledger.collection("acme", NOVEMBER) == newest
    assert await ledger.diary("acme", NOVEMBER) == list(newest.entries)


async def test_a_record_that_waited_for_another_one_looks_again_which_is_newer(ledger: SqlLedger, url: str) -> None:
    await ledger.record_collection(OWED, AT)
    engine = create_engine(make_url(url).set(drivername=driver(url)))
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE" if "sqlite" in url else "SELECT 1 FROM collections FOR UPDATE")
        waiting = asyncio.create_task(ledger.record_collection(noted(OWED), AT + timedelta(minutes=1)))
        await asyncio.sleep(0.3)
        other.exec_driver_sql("UPDATE collections SET revision = 99")
        other.commit()
    engine.dispose()
    with pytest.raises(StaleRun):
        await waiting
    assert await ledger.collection("acme", NOVEMBER) == OWED
    assert read(url, "SELECT count(*) FROM collection_entries") == [(0,)]
