"""Orders to make something, the newest first, where they stand, and how long it takes from payment to release.

::

    GET /desk/orders            filters, page and the days of the plot are in the query; those of kind=service: apart
    GET /desk/orders/-/events   says when any order has changed, as server-sent events; "-" is no order's number
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.reviewers.live import Live, stream
from console.reviewers.orders.release_plot import HEIGHT, release_plot
from console.reviewers.orders.service_list import ServiceListPage
from console.reviewers.orders.stage_parts import stage_parts
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import SignedIn
from orders.order import OrderStage
from orders.ports import PAGE_ROWS, OrderFilter, OrderListing

DAYS = {"1": "day", "7": "7 days", "30": "30 days"}
_USUAL_DAYS = "7"
_PAGE = re.compile(r"[1-9][0-9]{0,5}")


class OrderListPages:
    """``now`` returns the present instant. Of ``service`` orders it shows how many match."""

    def __init__(
        self,
        desk: PageFrame,
        ledger: OrderListing,
        service: ServiceListPage,
        live: Live[str],
        now: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._service = service
        self._ledger = ledger
        self._live = live
        self._now = now
        self.router = APIRouter(prefix="/desk/orders")
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("/-/events", self.events, response_model=None)

    async def show(self, request: Request, session: SignedIn) -> Response:
        query = request.query_params
        wanted, number = read_filter(query), query.get("page", "")
        services, kind = await self._service.count(wanted), query.get("kind", "")
        if kind == "service" or (services and not kind):
            made = (await self._ledger.orders(wanted.evolve(stage=None), 0)).count
            if kind or not made:  # if it is not said which are wanted, those that there are
                return await self._service.show(query, session, wanted, made)
        page = int(number) if _PAGE.fullmatch(number) else 1
        pulse = await self._ledger.orders_pulse()  # first: the next look sees a change that comes meanwhile
        orders = await self._ledger.orders(wanted, PAGE_ROWS, (page - 1) * PAGE_ROWS)
        given = _query(wanted)
        days = query.get("days", "") if query.get("days", "") in DAYS else _USUAL_DAYS
        values = {
            "pulse": pulse,
            "wanted": wanted,
            "orders": orders,
            "services": services,
            "parts": stage_parts(OrderStage, orders.stages),
            "filtered": bool(given),
            "shared": {name: value for name in ("search", "customer", "open") if (value := given.get(name))},
            "stages": list(OrderStage),
            "link": lambda **changes: _link(given | changes),
            "page": page,
            "pages": max(1, -(-orders.count // PAGE_ROWS)),
            "first": (page - 1) * PAGE_ROWS + 1,
            "days": days,
            "days_chosen": "days" in query,
            "all_days": DAYS,
            **await self._times(timedelta(days=int(days))),
        }
        return await self._desk.page("orders.html", session, values, section="orders")

    async def events(self, request: Request, session: SignedIn) -> Response:
        return stream(request, self._live.pulses(""))

    async def _times(self, span: timedelta) -> dict[str, object]:
        now = self._now()
        times = await self._ledger.release_times(now - span, now)
        return {"plot": release_plot(times, now - span, now), "plot_height": HEIGHT}


def read_filter(query: Mapping[str, str]) -> OrderFilter:
    """The filters of a query; values that it cannot have are left out, texts cut to what there can be."""
    stage = query.get("stage", "")
    return OrderFilter(
        search=query.get("search", "").strip()[:200],
        stage=OrderStage(stage) if stage in list(OrderStage) else None,
        customer_id=query.get("customer", "").strip()[:200],
        open_only=query.get("open", "") == "1",
    )


def _query(wanted: OrderFilter) -> dict[str, str]:
    query = {"search": wanted.search, "stage": wanted.stage or "", "customer": wanted.customer_id}
    query["open"] = "1" if wanted.open_only else ""
    return {name: value for name, value in query.items() if value}


def _link(query: Mapping[str, object]) -> str:
    return f"/desk/orders?{urlencode({'kind': 'made'} | {name: value for name, value in query.items() if value})}"
