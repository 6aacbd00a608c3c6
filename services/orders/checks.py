"""Which orders are paid and not released, released and not paid, which money came for an order that has ended; and
which service orders stand still.

::

    checks = OrderChecks(ledger)
    findings = await checks.findings(now)
    lost = await checks.lost(now)         # paid, held by nothing, and not released
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from billing.apart import Failed
from billing.completeness.report import Finding
from billing.receivables.ports import Journal
from billing.reviewers.ports import BrakeStore
from orders.findings import ended_credit, paid_unreleased, released_unpaid, unread
from orders.order import OrderStanding
from orders.ports import OrderFindings
from orders.service.findings import service_order_findings
from orders.service.ports import ServiceOrderFindings
from orders.unreleased import PATIENCE, Hold, Unreleased, hold_of, unreleased


class OrderBooks(OrderFindings, ServiceOrderFindings, Journal, BrakeStore, Protocol):
    """The stores it uses."""


class OrderChecks:
    def __init__(self, ledger: OrderBooks) -> None:
        self._ledger = ledger

    async def findings(self, now: datetime) -> list[Finding]:
        """The findings of all orders; one that cannot be read is a finding, too. Raises ``LedgerUnavailable``."""
        failed: list[Failed] = []
        waiting = await self._ledger.paid_unreleased(now, failed)  # a halted one is an answer at once
        found = [paid_unreleased(each) for each in await self._unreleased(waiting, now)]
        found += [released_unpaid(standing) for standing in await self._ledger.released_unpaid(failed)]
        found += [ended_credit(credit) for credit in await self._ledger.ended_credits()]
        found += service_order_findings(await self._ledger.service_order_faults(now, failed))
        return [*found, *map(unread, failed)]

    async def lost(self, now: datetime, patience: timedelta = PATIENCE) -> list[Unreleased]:
        """What nothing has held back for longer than ``patience``, the longest first. Raises ``LedgerUnavailable``."""
        brake = await self._ledger.brake()
        waiting = await self._ledger.paid_unreleased(now - patience, [])
        unheld = (standing for standing in waiting if hold_of(standing.order, brake) is Hold.DEFECT)
        return sorted(await self._unreleased(unheld, now, patience), key=lambda each: each.free_since)

    async def _unreleased(
        self, waiting: Iterable[OrderStanding], now: datetime, patience: timedelta = PATIENCE
    ) -> list[Unreleased]:
        """Without those that the brake held until a moment ago: they are released just now."""
        brake, found = await self._ledger.brake(), []
        for standing in waiting:
            order = standing.order
            moves = await self._ledger.transactions_of(order.customer_id, order.subject)
            each = unreleased(standing, moves, brake)
            if each is not None and (each.hold is not Hold.DEFECT or now - each.free_since > patience):
                found.append(each)
        return found
