"""The page of a period's coverage, as it was last looked at: by the daily check, by a button here, or by the command.

::

    GET  /desk/{period}/coverage    findings with a button for each remedy, by kind; states, sums, who is late
    POST /desk/{period}/coverage    begins a check now; the page shows how far it is
"""

import re
from collections.abc import Mapping
from functools import partial
from itertools import groupby
from typing import Annotated, NamedTuple, Protocol, Self
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from temporalio.client import Client

from billing.completeness.report import CompletenessReport, CustomerState, Finding, FindingKind
from billing.completeness.snapshots import LastRuns
from billing.customers.ports import CustomerNames
from billing.invoices.stages import Stage
from billing.period import Period
from billing.reviewers.users import Role
from billing.sales.worksheet import ignored
from clients.completeness_now import check_in_progress, check_now
from clients.standstill import PATIENCE
from console.reviewers.page_frame import NamedMonth, PageFrame
from console.reviewers.remedies import DOINGS, remedy_label
from console.reviewers.signed_in import Session, SignedIn, signed_in
from inbound.monitor import STALE
from wording.english import hours

PAGE_FINDINGS = 50
_LATE = 100
_PAGE = re.compile(r"[1-9][0-9]{0,4}")
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
_LISTS = {FindingKind.HALTED: Stage.HALTED, FindingKind.APPROVAL: Stage.AWAITING_APPROVAL}
"""Kinds of which the list of invoices can decide about many at once."""


_WITHOUT_MONTH = {
    *(FindingKind.MISSING, FindingKind.CLOSED_ROW, FindingKind.EARLY_ROW, FindingKind.UNCARRIED),
    *(FindingKind.UNTOLD_BILL, FindingKind.UNOWNED, FindingKind.CONNECTED_UNBILLED),
}
"""Kinds about customers who may have no page in the month that is looked at."""


class Wanted(NamedTuple):
    """What of the findings is shown: one kind, or all (None); those with this text; which page of them."""

    kind: FindingKind | None
    search: str
    page: int

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """What a query names; values that it cannot have are left out."""
        kind, page = query.get("kind", ""), query.get("page", "")
        return cls(
            FindingKind(kind) if kind in list(FindingKind) else None,
            query.get("search", "").strip()[:200],
            int(page) if _PAGE.fullmatch(page) else 1,
        )

    def has(self, finding: Finding) -> bool:
        searched = self.search.lower()
        return self.kind in (None, finding.kind) and searched in f"{finding.customer_id} {finding.text}".lower()

    def link(self, **changes: object) -> str:
        values = {name: value for name, value in {**self._asdict(), **changes}.items() if value and value != 1}
        return f"?{urlencode(values)}" if values else "?"


class _Ledger(LastRuns, CustomerNames, Protocol): ...


class CoveragePages:
    def __init__(self, desk: PageFrame, ledger: _Ledger, client: Client) -> None:
        self._desk = desk
        self._ledger = ledger
        self._client = client
        self.router = APIRouter()
        self.router.add_api_route("/desk/{period}/coverage", self.look, methods=["POST"], response_model=None)
        self.router.add_api_route("/desk/{period}/coverage", self.show, response_model=None)

    async def show(self, request: Request, session: SignedIn, period: NamedMonth) -> Response:
        going_on = await check_in_progress(self._client, period, PATIENCE)  # first: what ends meanwhile is in the run
        run = await self._ledger.coverage_of(period)
        query = request.query_params
        values: dict[str, object] = {
            "run": run,
            "looking": going_on,
            "stale": STALE,
            "hours": hours,
            "done": _done(query.get("done", "")),
        }
        if run is not None:
            wanted = Wanted.of(query)
            report = CompletenessReport.model_validate(run.report)
            values |= _values(report, wanted)
            values["names"] = await self._ledger.names({late.customer_id for late in report.late[:_LATE]})
        picker = await self._desk.picker(period)
        return await self._desk.page("coverage.html", session, picker | values, section="coverage", period=period)

    async def look(
        self, session: Annotated[Session, Depends(signed_in(Role.REVIEWER))], period: NamedMonth
    ) -> Response:
        await check_now(self._client, period)
        return RedirectResponse(f"/desk/{period}/coverage", 303)


def _values(report: CompletenessReport, wanted: Wanted) -> dict[str, object]:
    matching = [finding for finding in report.findings if wanted.has(finding)]
    first = (wanted.page - 1) * PAGE_FINDINGS
    shown = matching[first : first + PAGE_FINDINGS]
    groups = [(kind, list(findings)) for kind, findings in groupby(shown, lambda finding: finding.kind)]
    return {
        "found": report,
        "late": report.late[:_LATE],
        "ignored": ignored(report.ignored_columns, report.no_sale),
        "count": sum(report.kinds.values()),
        "kept": len(report.findings),
        "states": [(state, count, _STAGES.get(state, "")) for state, count in report.states.items() if count],
        "wanted": wanted,
        "link": wanted.link,
        "groups": groups,
        "place": partial(_place, report.period),
        "lists": _LISTS,
        "matching": len(matching),
        "shown": len(shown),
        "first": first + 1,
        "page": wanted.page,
        "pages": max(1, -(-len(matching) // PAGE_FINDINGS)),
    }


def _place(period: Period, finding: Finding) -> str:
    """The page of what the finding is about; "": it has none."""
    if finding.order_number:
        return f"/desk/orders/{finding.order_number}"
    if not finding.customer_id or finding.kind is FindingKind.NO_CUSTOMER:
        return ""
    if finding.kind in _WITHOUT_MONTH:
        return f"/desk/money/accounts/{finding.customer_id}"
    return f"/desk/{period}/invoices/{finding.customer_id}"


def _done(code: str) -> str:
    """What was just done at the form of a remedy; "": nothing."""
    doable = {str(action): action for action in DOINGS}
    return remedy_label(doable[code].of()) if code in doable else ""
