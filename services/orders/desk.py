"""The order desk: what people do with orders, from the console and the command line, with what follows at once.

::

    desk = OrderDesk(ledger, checkouts, refunds)
    opened = await desk.open(request, "ann", "cli", now)
    done = await desk.change("1042", Cancel(change_id="c1", by="ann", reason="by mail", via="cli", refund=True), now)
"""

from datetime import datetime

from billing.errors import NotFound
from billing.model import Few, Model, Words
from orders.changes import Cancel, Change
from orders.order import EndKind, Order, OrderRequest, OrderStanding
from orders.ports import Opened, OrderStore
from services.checkouts import Checkouts
from services.orders.refunds import GivenBack, OrderRefunds


class Changed(Model):
    """How an order stands after a change, what the change did, and what was given back."""

    standing: OrderStanding
    effect: Words
    given_back: Few[GivenBack] = ()


class OrderDesk:
    """``checkouts`` None: there is no address to which payment links could lead back, so none was opened."""

    def __init__(self, ledger: OrderStore, checkouts: Checkouts | None, refunds: OrderRefunds) -> None:
        self._ledger = ledger
        self._checkouts = checkouts
        self._refunds = refunds

    async def open(self, request: OrderRequest, by: str, via: str, now: datetime) -> Opened:
        """Takes the order in, once for each number. Raises ``InvalidInput`` if the number is another order's."""
        return await self._ledger.open_order(request, now, by, via)

    async def change(self, number: str, change: Change, now: datetime) -> Changed:
        """Carries the change out. Links whose amount is not owed any more end at once; a cancelled order's money goes
        back, if that is asked for. A repeat with the same ``change_id`` goes on where it has stopped.

        Raises ``NotFound``, and ``InvalidInput``, which says what to do instead.
        """
        standing, effect = await self._changed(number, change, now)
        order = standing.order
        if self._checkouts is not None:
            await self._checkouts.end_outdated(order.customer_id, order.subject, now)
        if not (isinstance(change, Cancel) and change.refund):
            return Changed(standing=standing, effect=effect)
        given_back = await self._refunds.give_back(order, change, now)
        return Changed(standing=standing, effect=effect, given_back=given_back)

    async def _changed(self, number: str, change: Change, now: datetime) -> tuple[OrderStanding, str]:
        """An order that has ended before is not cancelled again, but its money can still be given back."""
        if isinstance(change, Cancel) and change.refund:
            known = await self.known(number)
            if known.order.end is not None:
                return known, _ended_before(known.order)
        return await self._ledger.change_order(number, change, now)

    async def is_known(self, number: str) -> bool:
        return await self._ledger.order(number) is not None

    async def known(self, number: str) -> OrderStanding:
        """Raises ``NotFound``."""
        standing = await self._ledger.order(number)
        if standing is None:
            raise NotFound(f"there is no order {number}; see: python starter.py orders list")
        return standing


def _ended_before(order: Order) -> str:
    assert order.end is not None
    was = "cancelled" if order.end.kind is EndKind.CANCELLED else "expired"
    return f"it was {was} before, at {order.end.at:%Y-%m-%d %H:%M} UTC"
