"""The page of a period's coverage, as the last run saw it.

::

    GET  /desk/{period}/coverage    states, sums, findings and what to do about them, who is late
    POST /desk/{period}/coverage    begins a run now; the page shows how far it is
"""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response
from temporalio.client import Client

from billing.completeness.report import CompletenessReport, CustomerState
from billing.completeness.snapshots import LastRuns
from billing.invoices.stages import Stage
from billing.reviewers.users import Role
from billing.sales.worksheet import ignored
from clients.completeness_now import check_in_progress, check_now
from clients.standstill import PATIENCE
from console.reviewers.page_frame import NamedMonth, PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from inbound.monitor import STALE
from wording.english import hours

SHOWN = 100

_STAGES = {
    CustomerState.PAID: Stage.PAID,
    CustomerState.NOTHING_DUE: Stage.NOTHING_DUE,
    CustomerState.SKIPPED: Stage.SKIPPED,
    CustomerState.CARRIED_FORWARD: Stage.CARRIED_FORWARD,
    CustomerState.PAST_DUE: Stage.PAST_DUE,
    CustomerState.IN_COLLECTION: Stage.PAST_DUE,
    CustomerState.BILLED: Stage.BILLED,
    CustomerState.HALTED: Stage.HALTED,
    CustomerState.UNRESOLVED: Stage.UNRESOLVED,
}
"""The stage by which the list of invoices shows (most of) those in a state."""


class CoveragePages:
    def __init__(self, desk: PageFrame, ledger: LastRuns, client: Client) -> None:
        self._desk = desk
        self._ledger = ledger
        self._client = client
        self.router = APIRouter()
        self.router.add_api_route("/desk/{period}/coverage", self.look, methods=["POST"], response_model=None)
        self.router.add_api_route("/desk/{period}/coverage", self.show, response_model=None)

    async def show(self, session: SignedIn, period: NamedMonth) -> Response:
        going_on = await check_in_progress(self._client, period, PATIENCE)  # first: what ends meanwhile is in the run
        run = await self._ledger.coverage_of(period)
        values: dict[str, object] = {"run": run, "looking": going_on, "stale": STALE, "shown": SHOWN, "hours": hours}
        if run is not None:
            found = CompletenessReport.model_validate(run.report).brief(SHOWN)
            values |= {
                "found": found,
                "ignored": ignored(found.ignored_columns, found.no_sale),
                "count": sum(found.kinds.values()),
                "states": [(state, count, _STAGES.get(state, "")) for state, count in found.states.items() if count],
            }
        picker = await self._desk.picker(period)
        return await self._desk.page("coverage.html", session, picker | values, section="coverage", period=period)

    async def look(
        self, session: Annotated[Session, Depends(signed_in(Role.REVIEWER))], period: NamedMonth
    ) -> Response:
        await check_now(self._client, period)
        return RedirectResponse(f"/desk/{period}/coverage", 303)
