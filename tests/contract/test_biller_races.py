"""Two processes are told of one payment at once, a hundred times over: it is booked once, and both give one answer."""

import json

from adapters.sql.ledger import SqlLedger
from billing.receivables.payment_list import PaymentFilter
from tests.contract.biller_fixtures import numbered
from tests.contract.ledger_fixtures import read, succeed
from tests.forks import Fork

PAYMENTS = 100
CODE = """
import asyncio, json, sys
from adapters.sql.ledger import SqlLedger
from billing.billers.biller import Asked, Contract, Dialect
from billing.events.event import Destination
from inbound.billers.dialects import Osmp
from services.biller import Biller
from tests.contract.biller_fixtures import CONTRACTS, NUMBER, PERSONAL_SECRET
from tests.contract.gateway_fixtures import NOW

async def main(url, total):
    ledger = await SqlLedger.connect(url, [Destination.COLLECTION, Destination.RECEIVER])
    await ledger.ping()
    contract = CONTRACTS[1]
    biller = Biller(contract, ledger, PERSONAL_SECRET, lambda: NOW)
    print("ready", flush=True)
    input()
    paid = [biller.pay(Asked(NUMBER, total, str(10**19 + number)), Osmp(contract).render) for number in range(100)]
    print(json.dumps([answer.content.decode() for answer in await asyncio.gather(*paid)]))
    await ledger.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def race(ledger: SqlLedger, url: str, *totals: str) -> list[list[str]]:
    await numbered(ledger)
    return [json.loads(output) for output in await succeed(*(Fork(CODE, url, total) for total in totals))]


async def test_one_payment_told_twice_at_once_is_booked_once_and_answered_alike(ledger: SqlLedger, url: str) -> None:
    one, other = await race(ledger, url, "1.00", "1.00")
    assert one == other
    assert len(set(one)) == PAYMENTS
    assert all("<result>0</result>" in answer for answer in one)
    assert (await ledger.incoming_payments(PaymentFilter())).count == PAYMENTS
    balance = await ledger.balance("acme")
    assert sum(item.amount_minor for item in balance.owed) + balance.carried_minor("eur") == 1000 - 100 * PAYMENTS
    (count,) = read(url, "SELECT count(*) FROM biller_answers WHERE payment IS NOT NULL")[0]
    assert count == PAYMENTS


async def test_of_two_sums_told_at_once_the_first_is_booked_and_a_person_is_told_of_each_other(
    ledger: SqlLedger, url: str
) -> None:
    one, other = await race(ledger, url, "1.00", "2.00")
    assert one == other
    page = await ledger.incoming_payments(PaymentFilter(), 1000)
    assert sorted({row.amount_minor for row in page.rows}) in ([100], [100, 200], [200])
    assert page.count == PAYMENTS
    assert len([alert for alert in await ledger.alerts() if "repeats payment" in alert.text]) == PAYMENTS
