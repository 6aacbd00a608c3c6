"""Another process that does one thing to many orders, one after the other: two of them race for each order.

It says when it is ready, waits for a line, and prints what became of each.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput
from billing.events.event import Destination
from tests.ordering import AT, BUYER, LATER, amend, cancel, payment, request

ORDERS = 15
ALL = (Destination.COLLECTION, Destination.RECEIVER, Destination.ORDER, Destination.PRODUCTION)


def name(place: int) -> str:
    return f"order-{place}"


def wanted(place: int, **changes: Any) -> Any:
    buyer = BUYER.evolve(customer_id=f"buyer-{place}")
    return request(name(place), buyer=buyer, expires_at=LATER, **changes)


def _pays(rail: str, amount_minor: int) -> Callable[[SqlLedger, int], Awaitable[object]]:
    def pay(ledger: SqlLedger, place: int) -> Awaitable[object]:
        number = name(place)
        given = payment(amount_minor, f"{number} by {rail}", number, customer_id=f"buyer-{place}", rail=rail)
        return ledger.book(given, LATER)

    return pay


ACTIONS: dict[str, Callable[[SqlLedger, int], Awaitable[object]]] = {
    "pay by a": _pays("a", 10000),
    "pay by b": _pays("b", 10000),
    "half by a": _pays("a", 5000),
    "half by b": _pays("b", 5000),
    "cancel": lambda ledger, place: ledger.change_order(name(place), cancel(), LATER),
    "amend": lambda ledger, place: ledger.change_order(name(place), amend(12000), LATER),
    "expire": lambda ledger, place: ledger.expire_order(name(place), LATER),
    "open": lambda ledger, place: ledger.open_order(wanted(place), AT),
    "open another": lambda ledger, place: ledger.open_order(wanted(place, price_minor=9000), AT),
}


async def main(url: str, action: str) -> None:
    ledger = await SqlLedger.connect(url, ALL)
    await ledger.ping()
    print("ready", flush=True)
    await asyncio.to_thread(input)
    outcomes = []
    for place in range(ORDERS):
        try:
            outcomes.append(getattr(await ACTIONS[action](ledger, place), "is_new", True))
        except InvalidInput as error:
            outcomes.append(str(error))
    print(json.dumps(outcomes))
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
