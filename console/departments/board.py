"""The board: where open service orders stand, the orders of a step, how long steps take, and who takes long.

::

    GET /desk/board    procedure and step are in the query
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.reviewers.orders.release_plot import duration
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import SignedIn
from orders.procedures.procedure import Procedure
from orders.service.board import TIMES_MAX, Board, StepCount, Times, by_person, by_step
from orders.service.ports import ServiceFilter, ServiceOrders

SHOWN = 100
"""Orders of a step on the page; the command line has all."""


class _Ledger(Board, ServiceOrders, Protocol): ...


class _Column(NamedTuple):
    title: str
    counted: StepCount
    procedure: str
    step: str


class _Bar(NamedTuple):
    """A line of the plot; the widths are percent."""

    times: Times
    p50: str
    p90: str
    p50_width: float
    p90_width: float


class BoardPages:
    """``procedures`` as they were when the console began."""

    def __init__(self, desk: PageFrame, ledger: _Ledger, procedures: Mapping[str, Procedure]) -> None:
        self._desk = desk
        self._ledger = ledger
        self._procedures = procedures
        self.router = APIRouter(prefix="/desk/board")
        self.router.add_api_route("", self.show, response_model=None)

    async def show(self, request: Request, session: SignedIn) -> Response:
        query = request.query_params
        procedure, step = (query.get(name, "")[:100] for name in ("procedure", "step"))
        counts, times = await self._ledger.step_counts(), await self._ledger.step_times()
        wanted = ServiceFilter(procedure=procedure, step=step, open_only=True)
        values: dict[str, object] = {
            "boards": [(name, self._title(name), self._columns(name, counts)) for name in _names(counts)],
            "procedure": procedure,
            "step": step,
            "found": await self._ledger.service_orders(wanted, SHOWN) if step else None,
            "steps": _bars(by_step(times)),
            "people": _bars(by_person(times)),
            "timed": len(times),
            "most": TIMES_MAX,
        }
        return await self._desk.page("board.html", session, values, section="tasks")

    def _title(self, name: str) -> str:
        return self._procedures[name].title if name in self._procedures else name

    def _columns(self, name: str, counts: Sequence[StepCount]) -> list[_Column]:
        """In the order of the procedure; steps that it does not have any more come last."""
        counted = {count.step: count for count in counts if count.procedure == name}
        steps = {step.name: step.title for step in self._procedures[name].steps} if name in self._procedures else {}
        waiting = [step for step in (*steps, *(step for step in counted if step not in steps)) if step in counted]
        return [_Column(steps.get(step, step), counted[step], name, step) for step in waiting]


def _names(counts: Sequence[StepCount]) -> list[str]:
    return sorted({count.procedure for count in counts})


def _bars(times: Sequence[Times]) -> list[_Bar]:
    longest = max((each.p90_seconds for each in times), default=0) or 1
    return [
        _Bar(
            each,
            duration(each.p50_seconds),
            duration(each.p90_seconds),
            round(100 * each.p50_seconds / longest, 1),
            round(100 * each.p90_seconds / longest, 1),
        )
        for each in times
    ]
