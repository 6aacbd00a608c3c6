"""What a collection is told is still owed, as the journal says; on SQLite and on PostgreSQL alike."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from activities.collections import CollectionActivities
from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables import journal
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.errors import NotFound
from billing.events.event import Destination
from billing.invoices.month import Month
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.receivables.events import PaymentData
from billing.receivables.incoming import PaymentKind
from billing.receivables.journal import Subject
from services import clock
from tests.contract.event_fixtures import listed
from tests.contract.incoming_fixtures import UNKNOWN
from tests.contract.journal_fixtures import announced, balances, drafted, record
from tests.contract.ledger_fixtures import AT, NOVEMBER

_MEET_SECONDS = 1.0


class Begun:
    """Collections of which the test sees what began, and whether it was told to count."""

    collection: Collection
    counts = 0

    async def begin(self, collection: Collection, debt: Debt) -> None:
        self.collection = collection

    async def count_again(self, customer_id: str, reason: str) -> bool:
        self.counts += 1
        return True


async def unpaid(ledger: SqlLedger) -> tuple[Month, Month]:
    """A month of 10.00 EUR while its card is being charged, and once that is declined."""
    month = await record(ledger, announced(drafted(1000)))
    charging = month.begin_charge(month.charge_at)
    await ledger.record(charging, month.charge_at)
    return charging, charging.charged(ChargeResult(status=ChargeStatus.DECLINED, at=month.charge_at))


def activities_of(ledger: SqlLedger, collections: Begun) -> CollectionActivities:
    nobody: Any = None
    begun: Any = collections
    return CollectionActivities(nobody, ledger, nobody, nobody, begun)


PART = UNKNOWN.evolve(amount_minor=400, customer_id="acme", subject=Subject.month(NOVEMBER))


@pytest.mark.parametrize("is_early", [True, False], ids=["before the due date", "while the card is charged"])
async def test_a_part_that_came_before_the_close_counts_for_the_collection_at_once(
    ledger: SqlLedger, is_early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    month, closed = await unpaid(ledger)
    await ledger.book(PART, AT if is_early else month.charge_at + timedelta(seconds=1))
    monkeypatch.setattr(clock, "now", lambda: month.charge_at + timedelta(seconds=2))
    collections = Begun()
    activities = activities_of(ledger, collections)
    for count in (1, 2):  # the second is a repeat
        await activities.begin_collection(closed)
        assert await balances(ledger) == ({NOVEMBER: 600}, 0)
        assert collections.counts == count
    assert (await activities.count_owed(collections.collection)).owed_minor == {NOVEMBER: 600}
    await ledger.record(closed, month.charge_at)  # as the close does then
    assert await balances(ledger) == ({NOVEMBER: 600}, 0)


@pytest.mark.parametrize("counted_minor", [0, 400, 600], ids=["not counted yet", "counted", "more was counted"])
@pytest.mark.parametrize("goes_back", [True, False])
async def test_more_is_owed_than_before_if_money_went_back_and_else_a_person_is_called_for_the_ledger_lacks_some(
    ledger: SqlLedger, counted_minor: int, goes_back: bool
) -> None:
    month, closed = await unpaid(ledger)
    await ledger.record(closed, month.charge_at)
    if goes_back:
        await ledger.book(PART, month.charge_at)
        back = {"reference": "7732", "kind": PaymentKind.CHARGEBACK, "amount_minor": -400, "original": PART.name}
        await ledger.book(PART.evolve(**back, subject=None), month.charge_at)
    debt = Debt.of(closed).evolve(by_card=False, paid_otherwise_minor=counted_minor)
    collection = Collection.open(closed).with_debt(debt)
    activities = activities_of(ledger, Begun())
    if goes_back:
        assert (await activities.count_owed(collection)).owed_minor == {NOVEMBER: 1000}
    else:
        with pytest.raises(NotFound, match="record what has been paid since; then resume"):
            await activities.count_owed(collection)


@asynccontextmanager
async def telling(url: str) -> AsyncIterator[SqlLedger]:
    """The ledger as processes have it who tell collections."""
    ledger = await SqlLedger.connect(url, (Destination.COLLECTION,))
    yield ledger
    await ledger.close()


async def test_money_for_a_month_wakes_nobody_until_somebody_collects_it(ledger: SqlLedger, url: str) -> None:
    month, closed = await unpaid(ledger)
    async with telling(url) as teller:
        await teller.book(PART, AT)
        assert await listed(teller) == []
        await ledger.record(closed, month.charge_at)
        await teller.book(PART.evolve(reference="7732", amount_minor=100), month.charge_at)
        (event,) = await listed(teller)
    assert (event.destination, event.type) == (Destination.COLLECTION, "payment.booked")
    assert PaymentData.model_validate(event.payload["data"]).reference == "7732"


async def test_money_for_another_month_wakes_the_collection_that_the_ledger_has(ledger: SqlLedger, url: str) -> None:
    month, closed = await unpaid(ledger)
    await ledger.record_collection(Collection.open(closed).with_debt(Debt.of(closed)), month.charge_at)
    later = announced(drafted(700, period=NOVEMBER.next()))
    await record(ledger, later)
    async with telling(url) as teller:
        await teller.book(PART.evolve(amount_minor=700, subject=Subject.month(later.period)), later.charge_at)
        assert len(await listed(teller)) == 1


async def test_money_that_is_being_booked_while_its_month_closes_counts_for_the_collection(
    ledger: SqlLedger, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    month, closed = await unpaid(ledger)
    looked, is_closed, look = threading.Event(), threading.Event(), journal._is_collected

    def and_wait(*of: Any) -> bool:
        is_collected = look(*of)
        looked.set()
        is_closed.wait(_MEET_SECONDS)  # in vain: the close waits for the lock
        return is_collected

    monkeypatch.setattr(journal, "_is_collected", and_wait)
    monkeypatch.setattr(clock, "now", lambda: month.charge_at + timedelta(seconds=2))
    collections = Begun()
    async with telling(url) as teller:
        booking = asyncio.create_task(teller.book(PART, month.charge_at))
        await asyncio.to_thread(looked.wait, 10)
        await activities_of(ledger, collections).begin_collection(closed)
        is_closed.set()
        await booking
        assert await listed(teller) == []
    assert collections.counts == 1
