"""The list of service orders, the newest first, by number, customer, step and stage: a part of ``/desk/orders``."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi.responses import Response

from console.reviewers.orders.stage_parts import stage_parts
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session
from orders.ports import OrderFilter
from orders.procedures.procedure import Procedure
from orders.procedures.steps import PaymentStep, TaskStep, WaitStep
from orders.service.ports import PAGE_ROWS, ServiceFilter, ServiceOrders
from orders.service.service_order import ServiceStage

_PAGE = re.compile(r"[1-9][0-9]{0,5}")


class ServiceListPage:
    """``procedures`` as they were when the console began: their steps can be chosen."""

    def __init__(self, desk: PageFrame, ledger: ServiceOrders, procedures: Mapping[str, Procedure]) -> None:
        self._desk = desk
        self._ledger = ledger
        self._procedures = procedures

    async def count(self, wanted: OrderFilter) -> int:
        """How many match, at whatever stage."""
        return (await self._ledger.service_orders(_of(wanted), 0)).count

    async def show(self, query: Mapping[str, str], session: Session, also: OrderFilter, made: int) -> Response:
        """``also`` are the filters that both lists have; ``made`` orders of the other one match them."""
        wanted, number = read_filter(query, also), query.get("page", "")
        page = int(number) if _PAGE.fullmatch(number) else 1
        found = await self._ledger.service_orders(wanted, PAGE_ROWS, (page - 1) * PAGE_ROWS)
        given = _query(wanted)
        values: dict[str, object] = {
            "wanted": wanted,
            "found": found,
            "made": made,
            "parts": stage_parts(ServiceStage, found.stages),
            "stages": [stage for stage in ServiceStage if stage is not ServiceStage.MOVING],
            "procedures": [(procedure, _waiting(procedure)) for procedure in self._procedures.values()],
            "filtered": bool(given),
            "link": lambda **changes: _link(given | changes),
            "shared": {name: value for name in ("search", "customer", "open") if (value := given.get(name))},
            "page": page,
            "pages": max(1, -(-found.count // PAGE_ROWS)),
            "first": (page - 1) * PAGE_ROWS + 1,
        }
        return await self._desk.page("service_orders.html", session, values, section="orders")


def read_filter(query: Mapping[str, str], also: OrderFilter) -> ServiceFilter:
    """The filters of a query; values that it cannot have are left out. ``at`` is a procedure, or a step of it."""
    stage = query.get("stage", "")
    procedure, _, step = query.get("at", "")[:101].partition(".")
    chosen = {"procedure": procedure[:50], "step": step[:50], "stage": stage if stage in list(ServiceStage) else None}
    return _of(also).evolve(**chosen)


def _of(wanted: OrderFilter) -> ServiceFilter:
    return ServiceFilter(search=wanted.search, customer_id=wanted.customer_id, open_only=wanted.open_only)


def _waiting(procedure: Procedure) -> list[tuple[str, str]]:
    """The steps at which an order can stand, with their titles."""
    waiting = (step for step in procedure.steps if isinstance(step, TaskStep | PaymentStep | WaitStep))
    return [(step.name, step.title) for step in waiting]


def _query(wanted: ServiceFilter) -> dict[str, str]:
    query = {
        "search": wanted.search,
        "stage": wanted.stage or "",
        "at": ".".join(filter(None, (wanted.procedure, wanted.step))),
        "customer": wanted.customer_id,
        "open": "1" if wanted.open_only else "",
    }
    return {name: value for name, value in query.items() if value}


def _link(query: Mapping[str, object]) -> str:
    return f"/desk/orders?{urlencode({'kind': 'service'} | {name: value for name, value in query.items() if value})}"
