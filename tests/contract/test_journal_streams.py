"""The invariants of money, over random streams: bills, payments on three rails, reversals, voids, skips, erasures."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.sql.ledger import SqlLedger
from billing.payments.payment import ReversalStatus
from tests.contract.money_streams import STEPS, Stream

MOVED = next(status for status in ReversalStatus if status.has_moved)


@pytest.fixture(scope="module")
def ledger_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('streams') / 'ledger.db'}"

    async def migrate() -> None:
        ledger = await SqlLedger.connect(url)
        await ledger.migrate()
        await ledger.close()

    asyncio.run(migrate())
    return url


@settings(max_examples=40, deadline=timedelta(minutes=1), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14))
@example([("bill", 1000), ("charge", True), ("leave and be erased", None), ("bank", 300), ("reverse", (500, MOVED))])
@example([("bill", 2500), ("bank", 300), ("leave and be erased", None), ("cash for the last bill", 9000)])
def test_whatever_happens_no_money_is_lost_and_none_is_counted_twice(
    ledger_url: str, steps: list[tuple[str, object]]
) -> None:
    async def live() -> None:
        ledger = await SqlLedger.connect(ledger_url)
        stream = Stream(ledger)
        for name, value in steps:
            await stream.step(name, value)
            await stream.check()
        await ledger.close()

    asyncio.run(live())
