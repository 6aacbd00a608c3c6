"""Another process that does one thing to many service orders, one after the other: two of them race for each order.

It says when it is ready, waits for a line, and prints what became of each.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput
from billing.events.event import Destination
from orders.service.service_order import ServiceRequest
from tests.ordering import cancel
from tests.service_ordering import AT, CONNECT, DAN, LATER, YES, done, payment, request

ORDERS = 12
EXPIRED = LATER + timedelta(days=14)


def name(place: int) -> str:
    return f"order-{place}"


def customer(place: int) -> str:
    return f"customer-{place}"


def wanted(place: int) -> ServiceRequest:
    return request(name(place), buyer=DAN.evolve(customer_id=customer(place)))


def _pay(ledger: SqlLedger, place: int) -> Awaitable[object]:
    return ledger.book(payment(reference=name(place), customer_id=customer(place)), EXPIRED)


ACTIONS: dict[str, Callable[[SqlLedger, int], Awaitable[Any]]] = {
    "possible by a": lambda ledger, place: done(ledger, name(place), possible=YES),
    "possible by b": lambda ledger, place: done(ledger, name(place), possible=YES),
    "pay": _pay,
    "expire": lambda ledger, place: ledger.pass_time(name(place), EXPIRED),
    "cancel": lambda ledger, place: ledger.change_service_order(name(place), cancel(), LATER),
    "open": lambda ledger, place: ledger.open_service_order(wanted(place), CONNECT, AT),
}


async def main(url: str, action: str) -> None:
    ledger = await SqlLedger.connect(url, tuple(Destination))
    await ledger.ping()
    print("ready", flush=True)
    await asyncio.to_thread(input)
    outcomes = []
    for place in range(ORDERS):
        try:
            outcomes.append(getattr(await ACTIONS[action](ledger, place), "is_new", True))
        except (InvalidInput, ValueError) as error:  # ValueError: the other has done the only task
            outcomes.append(str(error))
    print(json.dumps(outcomes))
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
