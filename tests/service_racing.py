"""Another process that does one thing to many subscribers, one after the other: two of them race for each account.

It says when it is ready, waits for a line, and prints what became of each.
"""

import asyncio
import json
import sys

from adapters.sql.ledger import SqlLedger
from billing.errors import DebtChanged
from billing.events.event import Destination
from billing.receivables.incoming import IncomingPayment
from billing.subscribers.service import ServiceState
from tests.contract.ledger_fixtures import AT
from tests.contract.service_fixtures import DUE, WHY

SUBSCRIBERS, BILL_MINOR = 100, 1000
TOLD = (Destination.RECEIVER, Destination.PROVISIONING, Destination.COLLECTION)


def customer(place: int) -> str:
    return f"subscriber-{place}"


def paid_minor(place: int) -> int:
    """Every fifth pays a part of the bill only."""
    return BILL_MINOR if place % 5 else BILL_MINOR - 1


async def pay(ledger: SqlLedger, place: int) -> object:
    payment = IncomingPayment(
        rail="bank",
        reference=f"{place}",
        customer_id=customer(place),
        amount_minor=paid_minor(place),
        currency="eur",
        paid_at=AT,
    )
    return await ledger.book(payment, DUE)


async def suspend(ledger: SqlLedger, place: int) -> object:
    try:
        return len(await ledger.restrict(customer(place), ServiceState.SUSPENDED, "rung 14", DUE, *WHY))
    except DebtChanged:
        return 0


def _order(action: str) -> list[int]:
    """They come towards each other, so that some pay first, some are suspended first, and in the middle they meet."""
    return sorted(range(SUBSCRIBERS), reverse=action == "suspend")


ACTIONS = {"pay": pay, "suspend": suspend}


async def main(url: str, action: str) -> None:
    ledger = await SqlLedger.connect(url, TOLD)
    await ledger.ping()
    print("ready", flush=True)
    await asyncio.to_thread(input)
    outcomes = {place: await ACTIONS[action](ledger, place) for place in _order(action)}
    print(json.dumps([outcomes[place] for place in range(SUBSCRIBERS)]))
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
