"""A collection begins once the journal says what its month has left unpaid; on SQLite and on PostgreSQL alike."""

from datetime import timedelta
from typing import Any

import pytest

from activities.collections import CollectionActivities
from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.receivables.journal import Subject
from services import clock
from tests.contract.ledger_fixtures import AT, NOVEMBER, ledger, postgresql, url
from tests.contract.test_ledger_incoming import UNKNOWN
from tests.contract.test_ledger_journal import announced, balances, drafted, record

__all__ = ["ledger", "postgresql", "url"]  # fixtures


class Begun:
    """Collections of which the test sees what began, and whether it was told to count."""

    collection: Collection
    counts = 0

    async def begin(self, collection: Collection, debt: Debt) -> None:
        self.collection = collection

    async def count_again(self, customer_id: str, reason: str) -> bool:
        self.counts += 1
        return True


@pytest.mark.parametrize("is_early", [True, False], ids=["before the due date", "while the card is charged"])
async def test_a_part_that_came_before_the_close_counts_for_the_collection_at_once(
    ledger: SqlLedger, is_early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = await record(ledger, announced(drafted(1000)))
    charging = month.begin_charge(month.charge_at)
    await ledger.record(charging, month.charge_at)
    part = UNKNOWN.evolve(amount_minor=400, customer_id="acme", subject=Subject.month(NOVEMBER))
    await ledger.book(part, AT if is_early else month.charge_at + timedelta(seconds=1))
    closed = charging.charged(ChargeResult(status=ChargeStatus.DECLINED, at=month.charge_at))
    monkeypatch.setattr(clock, "now", lambda: month.charge_at + timedelta(seconds=2))
    nobody: Any = None
    collections: Any = Begun()
    activities = CollectionActivities(nobody, ledger, nobody, nobody, collections)
    for count in (1, 2):  # the second is a repeat
        await activities.begin_collection(closed)
        assert await balances(ledger) == ({NOVEMBER: 600}, 0)
        assert collections.counts == count
    assert (await activities.count_owed(collections.collection)).owed_minor == {NOVEMBER: 600}
    await ledger.record(closed, month.charge_at)  # as the close does then
    assert await balances(ledger) == ({NOVEMBER: 600}, 0)
