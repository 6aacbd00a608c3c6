"""Months that are recorded by several at once: the newest stays, and so does the whole trail."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from adapters.sql.ledger import SqlLedger
from billing.errors import StaleRun
from tests.contract.ledger_fixtures import ACME, AT, LATER, NOVEMBER, drafted, driver, halted, read, succeed
from tests.forks import Fork

RECORD_ALL = """
import asyncio, json, random, sys
from datetime import datetime
from adapters.sql.ledger import SqlLedger
from billing.errors import StaleRun
from billing.invoices.month import Month
print("ready", flush=True)
input()
async def main(url, file, seed, at):
    months = [Month.model_validate(month) for month in json.load(open(file))]
    random.Random(seed).shuffle(months)
    ledger = await SqlLedger.connect(url)
    recording = (ledger.record(month, datetime.fromisoformat(at)) for month in months)
    answers = await asyncio.gather(*recording, return_exceptions=True)
    assert all(answer is None or isinstance(answer, StaleRun) for answer in answers), answers
    await ledger.close()
asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_record_at_once_leave_the_newest_month_and_the_whole_trail(
    ledger: SqlLedger, url: str, tmp_path: Path
) -> None:
    months = [drafted()]
    while len(months) < 30:
        months.append(halted(months[-1]))
    everybody = [
        month.evolve(customer=ACME.evolve(customer_id=customer_id)).model_dump(mode="json")
        for month in months
        for customer_id in ("acme", "bolt")
    ]
    (tmp_path / "months.json").write_text(json.dumps(everybody))
    arguments = url, str(tmp_path / "months.json")
    await succeed(*(Fork(RECORD_ALL, *arguments, seed, AT.isoformat()) for seed in "123"))
    for customer_id in ("acme", "bolt"):
        recorded = await ledger.month(customer_id, NOVEMBER)
        assert recorded is not None
        assert recorded.revision == months[-1].revision
        assert await ledger.decisions(customer_id, NOVEMBER) == list(months[-1].decisions)
    assert read(url, "SELECT count(*) FROM lines") == [(6,)]


async def test_a_record_that_waited_for_another_one_looks_again_which_is_newer(ledger: SqlLedger, url: str) -> None:
    await ledger.record(drafted(), AT)
    engine = create_engine(make_url(url).set(drivername=driver(url)))
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE" if "sqlite" in url else "SELECT 1 FROM customers FOR UPDATE")
        waiting = asyncio.create_task(ledger.record(halted(drafted()), LATER))
        await asyncio.sleep(0.3)
        other.exec_driver_sql("UPDATE invoices SET revision = 99")
        other.commit()
    engine.dispose()
    with pytest.raises(StaleRun):
        await waiting
    assert await ledger.month("acme", NOVEMBER) == drafted()
