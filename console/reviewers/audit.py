"""All decisions, newest first; as a page, and as a file for a spreadsheet.

::

    GET /desk/audit        by person, customer, period, text, or what it is: decisions or sign-ins
    GET /desk/audit.csv    all that match
"""

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from billing.cells import Writer
from billing.errors import InvalidInput
from billing.reviewers.queries import AuditCursor, AuditFilter, AuditRow, AuditTrail
from console.reviewers.page_frame import PageFrame, read_period
from console.reviewers.signed_in import SignedIn

PAGE = 50
_CSV_PAGE = 1000
_COLUMNS = ("at", "kind", "by", "customer_id", "period", "command", "reason", "accepted", "result", "via", "version")
_SIGN_INS = {"decisions": False, "sign-ins": True}


class AuditPages:
    def __init__(self, desk: PageFrame, ledger: AuditTrail) -> None:
        self._desk = desk
        self._ledger = ledger
        self.router = APIRouter(prefix="/desk")
        self.router.add_api_route("/audit", self.show, response_model=None)
        self.router.add_api_route("/audit.csv", self.export, response_model=None)

    async def show(self, request: Request, session: SignedIn) -> Response:
        filters, after = self._filter(request.query_params), _cursor(request.query_params.get("after", ""))
        rows = await self._ledger.audit(filters, after, PAGE + 1)
        shown = _query(filters)
        older = {**shown, "after": str(rows[PAGE - 1].cursor)} if len(rows) > PAGE else None
        values = {
            "filters": filters,
            "query": shown,
            "what": list(_SIGN_INS),
            "rows": rows[:PAGE],
            "is_first": after is None,
            "newest": f"/desk/audit?{urlencode(shown)}",
            "older": older and f"/desk/audit?{urlencode(older)}",
            "export": f"/desk/audit.csv?{urlencode(shown)}",
        }
        return await self._desk.page("audit.html", session, values, section="audit")

    async def export(self, request: Request, session: SignedIn) -> Response:
        """All that match, line by line: UTF-8 with the mark by which spreadsheets recognise it."""
        name = {"Content-Disposition": 'attachment; filename="audit.csv"'}
        lines = self._csv(self._filter(request.query_params))
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=name)

    async def _csv(self, filters: AuditFilter) -> AsyncIterator[str]:
        yield "\ufeff" + _line(_COLUMNS)
        after: AuditCursor | None = None
        while rows := await self._ledger.audit(filters, after, _CSV_PAGE):
            yield "".join(_line(_cells(row)) for row in rows)
            after = rows[-1].cursor

    @staticmethod
    def _filter(query: Mapping[str, str]) -> AuditFilter:
        texts = {name: query.get(name, "").strip()[:200] for name in ("by", "customer", "text")}
        sign_ins = _SIGN_INS.get(query.get("what", ""))
        return AuditFilter(period=read_period(query.get("period", "")), sign_ins=sign_ins, **texts)


def _query(filters: AuditFilter) -> dict[str, str]:
    """The filters as in the address, without those that are not set."""
    what = next((name for name, value in _SIGN_INS.items() if value is filters.sign_ins), "")
    values = {**filters.model_dump(exclude={"sign_ins"}), "what": what}
    return {name: str(value) for name, value in values.items() if value}


def _cursor(text: str) -> AuditCursor | None:
    """The place to continue from; None for the beginning, also if the address has none that can be read."""
    try:
        return AuditCursor.parse(text)
    except InvalidInput:
        return None


def _cells(row: AuditRow) -> list[str]:
    answer = "yes" if row.accepted else "no"
    cells = {**dict(row), "at": f"{row.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "accepted": answer}
    return [str(cells[name]) for name in _COLUMNS]


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    Writer(out, "\r\n").row(cells)
    return out.getvalue()
