"""A month at a glance: customers and money by stage, months that need a person, and the month before; kept current.

::

    GET /                       to the desk
    GET /desk                   to the current month, or to the one that was picked
    GET /desk/{period}          the month
    GET /desk/{period}/events   says when it has changed, as server-sent events
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from billing.invoices.stages import Stage
from billing.money import sums_of
from billing.period import Period
from billing.reviewers.queries import MonthOverview, MonthProgress, StageTotal, compared
from billing.reviewers.users import Role
from clients.standstill import StandstillWatch
from console.reviewers.live import Live, stream
from console.reviewers.page_frame import NamedMonth, PageFrame, read_period
from console.reviewers.signed_in import Session, SignedIn, signed_in
from console.reviewers.wording import tone

SHOWN_NEEDS = 12
_PATHS = ("", "/invoices", "/coverage")  # of pages on which another period may be picked

Anybody = Annotated[Session, Depends(signed_in(Role.STAFF))]


class StageLine(NamedTuple):
    """A line of the table of stages; shares in percent, sums in minor units by currency."""

    stage: Stage
    customers: int
    share: float  # of the largest stage
    start: float  # of all customers, where its part of the whole begins
    width: float
    sums: dict[str, int]


class MonthPages:
    def __init__(self, desk: PageFrame, ledger: MonthOverview, live: Live[Period], watch: StandstillWatch) -> None:
        self._desk = desk
        self._ledger = ledger
        self._live = live
        self._watch = watch
        self.router = APIRouter()
        self.router.add_api_route("/", self.home, response_model=None)
        self.router.add_api_route("/desk", self.pick, response_model=None)
        self.router.add_api_route("/desk/{period}", self.show, response_model=None)
        self.router.add_api_route("/desk/{period}/events", self.events, response_model=None)

    async def home(self, session: Anybody) -> RedirectResponse:
        return RedirectResponse("/desk", 303)

    async def pick(self, session: Anybody, period: str = "", path: str = "") -> RedirectResponse:
        if not session.role.may(Role.VIEWER):
            return RedirectResponse("/desk/tasks", 303)
        picked = read_period(period) or await self._desk.current_period()
        return RedirectResponse(f"/desk/{picked}{path if path in _PATHS else ''}", 303)

    async def show(self, session: SignedIn, period: NamedMonth) -> Response:
        pulse = await self._watch.pulse(period)  # first: the next look sees a change that comes meanwhile
        standstill = await self._watch.of(period)
        totals, before, needs, picker = await asyncio.gather(
            self._ledger.totals(period),
            self._ledger.totals(period.previous()),
            self._ledger.needs(period, SHOWN_NEEDS + 1, list(standstill.customers)),
            self._desk.picker(period),
        )
        if not totals:
            return await self._desk.empty_month(session, period, picker)
        lines = stage_lines(totals)
        values = {
            "pulse": pulse,
            "lines": lines,
            "currencies": sorted({total.currency for total in totals}),
            "sums": sums_of((total.total_minor, total.currency) for total in totals),
            "customers": sum(line.customers for line in lines),
            "progress": MonthProgress.of(totals),
            "by_tone": _by_tone(lines),
            "needs": needs[:SHOWN_NEEDS],
            "standstill": standstill,
            "more_needs": len(needs) > SHOWN_NEEDS,
            "compared": compared(totals, before),
            "has_before": bool(before),
        }
        return await self._desk.page("month.html", session, picker | values, section="month", period=period)

    async def events(self, request: Request, session: SignedIn, period: str) -> Response:
        month = read_period(period)
        if month is None:
            return Response(status_code=204)  # after that a browser does not ask again
        return stream(request, self._live.pulses(month))


def stage_lines(totals: Sequence[StageTotal]) -> list[StageLine]:
    """The stages with customers, in the order in which a month passes through them."""
    counts = {stage: sum(total.customers for total in totals if total.stage is stage) for stage in Stage}
    largest, everybody = max(counts.values()) / 100 or 1, sum(counts.values()) / 100 or 1
    lines: list[StageLine] = []
    passed = 0
    for stage, count in counts.items():
        if count:
            sums = {total.currency: total.total_minor for total in totals if total.stage is stage and total.drafts}
            share, start, width = (round(part, 2) for part in (count / largest, passed / everybody, count / everybody))
            lines.append(StageLine(stage, count, share, start, width, sums))
            passed += count
    return lines


def _by_tone(lines: Sequence[StageLine]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for line in lines:
        counts[tone(line.stage)] += line.customers
    return counts
