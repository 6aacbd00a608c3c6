"""Many customers started at once: killed, interrupted and repeated, everyone is started once; a repeat is quick."""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from billing.customers.customer import Customer
from billing.customers.roster import write_roster
from billing.errors import PaymentBusy
from billing.keys import workflow_id
from cli.customers.outcomes import CustomerOutcome, start_all
from clients import start as starting
from clients.start import StartBatch, StartStatus
from sandbox.stack.stack import ROOT
from sandbox.stack.temporal_server import TemporalServer
from tests.bed import Bed, prepared_bed

COUNT = 80  # twenty at a time: some are left when one start is killed and another interrupted
SLOW_CARDS = {"path": "/v1/payment_methods", "method": "GET", "kind": "slow", "seconds": 0.3, "times": None}


async def book(bed: Bed, prefix: str, count: int) -> list[Customer]:
    customers = list(await asyncio.gather(*(bed.customer(f"{prefix}-{number:03}") for number in range(count))))
    bed.started += [each.customer_id for each in customers]
    return customers


async def start(bed: Bed, customers: list[Customer]) -> list[CustomerOutcome]:
    return await start_all("starting", bed.client, bed.adapters, [(None, each) for each in customers])


async def runs(bed: Bed, prefix: str) -> Counter[str]:
    """How many workflows, running or not, each customer has."""
    query = f"WorkflowId STARTS_WITH '{workflow_id(prefix)}'"
    return Counter([each.id async for each in bed.client.list_workflows(query)])


async def there_are(bed: Bed, customers: list[Customer]) -> int:
    """How many of them have a workflow, by the server itself: its list is a moment late."""
    asked = [bed.handle(each.customer_id).describe() for each in customers]
    return sum(not isinstance(answer, BaseException) for answer in await asyncio.gather(*asked, return_exceptions=True))


async def until_there_are(bed: Bed, customers: list[Customer], some: int) -> None:
    async with asyncio.timeout(60):
        while await there_are(bed, customers) < some:
            await asyncio.sleep(0.02)


async def until_some_run(bed: Bed, prefix: str, some: int) -> None:
    async with asyncio.timeout(60):
        while sum((await runs(bed, prefix)).values()) < some:
            await asyncio.sleep(0.02)


async def test_killed_interrupted_and_repeated_everyone_is_started_once(
    server: TemporalServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with prepared_bed(server, tmp_path, with_worker=False) as bed:
        customers = await book(bed, "crowd", COUNT)
        (tmp_path / "customers.csv").write_text(write_roster(customers))
        await bed.stripe_fault(**SLOW_CARDS)
        command = (sys.executable, str(ROOT / "starter.py"), "start", "--from", "customers.csv")
        process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=bed.environment)
        await until_there_are(bed, customers, 1)
        process.kill()
        await process.wait()
        assert await bed.ledger.customers() == []  # those who run already are told by the repeat

        original, some_run = StartBatch.start, asyncio.Semaphore(0)

        async def counted(*arguments: Any) -> Any:
            result = await original(*arguments)
            some_run.release()
            return result

        monkeypatch.setattr(StartBatch, "start", counted)
        interrupted = asyncio.create_task(start(bed, customers))
        async with asyncio.timeout(60):
            for _ in range(5):
                await some_run.acquire()
        interrupted.cancel()
        with pytest.raises(asyncio.CancelledError):
            await interrupted
        told = {each.customer_id for each in await bed.ledger.customers()}
        assert 0 < len(told) < COUNT
        assert "repeat the command to go on" in capsys.readouterr().err

        await bed.stripe_clear_faults()
        outcomes = await start(bed, customers)
        assert [each.customer_id for each in outcomes] == [each.customer_id for each in customers]
        assert [each for each in outcomes if each.status not in list(StartStatus)] == []
        assert {each.customer_id for each in outcomes if each.status == StartStatus.ALREADY_RUNNING} >= told
        await until_some_run(bed, "crowd", COUNT)  # the list is a moment late
        found = await runs(bed, "crowd")
        assert (len(found), set(found.values())) == (COUNT, {1})
        assert {row.customer_id for row in await bed.ledger.invoices()} == {each.customer_id for each in customers}


async def test_a_repeat_asks_neither_stripe_nor_for_each_workflow(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.customers.outcomes._FEW", 2)
    monkeypatch.setattr("cli.customers.outcomes._BATCH", 2)
    customers = await book(bed, "again", 5)
    await start(bed, customers)
    await until_some_run(bed, "again", len(customers))
    await bed.stripe_fault(path="/v1/payment_methods", kind="status", status=500, times=None)
    monkeypatch.setattr(starting, "chain_status", None)
    assert {each.status for each in await start(bed, customers)} == {StartStatus.ALREADY_RUNNING}


async def test_one_who_cannot_be_started_does_not_keep_the_others_of_the_lot(bed: Bed) -> None:
    good, twin = await book(bed, "pair", 2)
    await bed.start(good)
    bad = twin.evolve(email=good.email)
    other = await bed.customer("pair-other")
    bed.started.append("pair-other")
    outcomes = await start(bed, [bad, other])
    assert [each.status for each in outcomes] == ["refused", "started"]
    assert "pair-000 has the same email" in outcomes[0].reason


async def test_a_busy_stripe_is_asked_again(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "_BUSY_PAUSES_SECONDS", (0, 0))
    (customer,) = await book(bed, "busy", 1)
    await bed.stripe_fault(path="/v1/payment_methods", kind="rate_limit", times=2)
    assert (await bed.start(customer)).status is StartStatus.STARTED
    (another,) = await book(bed, "never", 1)
    await bed.stripe_fault(path="/v1/payment_methods", kind="rate_limit", times=3)
    with pytest.raises(PaymentBusy):
        await bed.start(another)
