"""A month at a glance: work for people first, the coming fortnight, customers and sums, twelve months; kept current.

::

    GET /                       to the desk
    GET /desk                   to the current month, or to the one that was picked
    GET /desk/{period}          the month
    GET /desk/{period}/events   says when it has changed, as server-sent events
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from billing.announcements.ports import WaitingWorks
from billing.completeness.chains import Standstill
from billing.completeness.report import CompletenessReport
from billing.completeness.snapshots import LastRuns
from billing.period import Period
from billing.reviewers.overview import Coming, MonthOverview, MonthProgress, YearSum, compared
from billing.reviewers.users import Role
from clients.standstill import StandstillWatch
from console.reviewers.live import Live, stream
from console.reviewers.month import fortnight as coming
from console.reviewers.month import year as yearly
from console.reviewers.month.sums import by_tone, currency_sums, stage_parts
from console.reviewers.month.work import finding_rows, standstill_rows, work_rows
from console.reviewers.page_frame import NamedMonth, PageFrame, read_period
from console.reviewers.signed_in import Session, SignedIn, signed_in
from inbound.monitor import STALE
from wording.announcements import works_words

SHOWN_ROWS = 12
SHOWN_CURRENCIES = 3  # the others are in a part that opens
_FIRST = 1000  # stopped customers that are looked up; coverage has all
_PLOT_SECONDS = 30.0
"""What is drawn is read that often: in a large book that is many rows, and it hardly changes."""
_PATHS = ("", "/invoices", "/coverage")  # of pages on which another period may be picked

Anybody = Annotated[Session, Depends(signed_in(Role.STAFF))]


class _Ledger(MonthOverview, LastRuns, WaitingWorks, Protocol): ...


class MonthPages:
    def __init__(
        self,
        desk: PageFrame,
        ledger: _Ledger,
        live: Live[Period],
        watch: StandstillWatch,
        now: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._live = live
        self._watch = watch
        self._now = now
        self._drawn: dict[Period, tuple[float, list[Coming], list[YearSum]]] = {}
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
        totals, before, picker = await asyncio.gather(
            self._ledger.totals(period), self._ledger.totals(period.previous()), self._desk.picker(period)
        )
        if not totals:
            return await self._desk.empty_month(session, period, picker)
        sums, parts = currency_sums(totals), stage_parts(totals)
        work, plots = await asyncio.gather(
            self._work(period, standstill), self._plots(period, [each.currency for each in sums])
        )
        values: dict[str, object] = {
            "pulse": pulse,
            "standstill": standstill,
            "parts": parts,
            "by_tone": by_tone(parts),
            "customers": sum(part.customers for part in parts),
            "progress": MonthProgress.of(totals),
            "sums": sums,
            "shown_currencies": SHOWN_CURRENCIES,
            "compared": compared(totals, before),
            "has_before": bool(before),
        }
        page = picker | values | work | plots
        return await self._desk.page("month.html", session, page, section="month", period=period)

    async def _work(self, period: Period, standstill: Standstill) -> dict[str, object]:
        stopped = list(standstill.customers)[:_FIRST]
        works, months, run, announcements = await asyncio.gather(
            self._ledger.work(period, stopped),
            self._ledger.open_of(period, stopped),
            self._ledger.coverage_of(period),
            self._ledger.announcement_drafts(self._now()),
        )
        report = CompletenessReport.model_validate(run.report) if run else None
        rows = [*standstill_rows(standstill, months), *work_rows(works)]
        shown = {*stopped, *(month.customer_id for row in rows for month in row.members)}
        return {
            "rows": rows[:SHOWN_ROWS],
            "more_rows": len(rows) > SHOWN_ROWS,
            "announcements": announcements,
            "works_words": works_words,
            "findings": finding_rows(report, shown) if report else [],
            "run": run,
            "unseen": report.unseen if report else {},
            "stale": STALE,
        }

    async def _plots(self, period: Period, currencies: list[str]) -> dict[str, object]:
        steps, sums = await self._to_draw(period)
        return {
            "fortnight": coming.fortnight(steps, self._now()),
            "steps": coming.STEPS,
            "fortnight_height": coming.HEIGHT,
            "years": yearly.year_charts(sums, period, currencies),
            "year_height": yearly.HEIGHT,
        }

    async def _to_draw(self, period: Period) -> tuple[list[Coming], list[YearSum]]:
        """As it was a moment ago: pages that are open ask again after each change."""
        self._drawn = {name: kept for name, kept in self._drawn.items() if kept[0] > time.monotonic()}
        if period not in self._drawn:
            steps, sums = await asyncio.gather(
                self._ledger.coming(period, *coming.span(self._now())), self._ledger.year(period)
            )
            self._drawn[period] = time.monotonic() + _PLOT_SECONDS, steps, sums
        _, steps, sums = self._drawn[period]
        return steps, sums

    async def events(self, request: Request, session: SignedIn, period: str) -> Response:
        month = read_period(period)
        if month is None:
            return Response(status_code=204)  # after that a browser does not ask again
        return stream(request, self._live.pulses(month))
