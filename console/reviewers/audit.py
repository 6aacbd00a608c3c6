"""All decisions of everybody, newest first; as a page, and as a file for a spreadsheet.

::

    GET /desk/audit        by person, customer, period or text
    GET /desk/audit.csv    the same, all that match
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
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import SignedIn

PAGE = 50
_CSV_PAGE = 1000
_COLUMNS = ("at", "kind", "by", "customer_id", "period", "command", "reason", "accepted", "result", "via", "version")


class AuditPages:
    def __init__(self, desk: PageFrame, ledger: AuditTrail) -> None:
        self._desk = desk
        self._ledger = ledger
        self.router = APIRouter(prefix="/desk")
        self.router.add_api_route("/audit", self.show, response_model=None)
        self.router.add_api_route("/audit.csv", self.export, response_model=None)

    async def show(self, request: Request, session: SignedIn) -> Response:
        wanted, after = self._wanted(request.query_params), _cursor(request.query_params.get("after", ""))
        rows = await self._ledger.audit(wanted, after, PAGE + 1)
        shown = {name: value for name, value in wanted if value}
        older = {**shown, "after": str(rows[PAGE - 1].cursor)} if len(rows) > PAGE else None
        values = {
            "wanted": wanted,
            "rows": rows[:PAGE],
            "is_first": after is None,
            "newest": f"/desk/audit?{urlencode(shown)}",
            "older": older and f"/desk/audit?{urlencode(older)}",
            "export": f"/desk/audit.csv?{urlencode(shown)}",
        }
        return await self._desk.page("audit.html", session, values, section="audit")

    async def export(self, request: Request, session: SignedIn) -> Response:
        """Everything that matches, line by line: UTF-8 with a mark, by which spreadsheets know it."""
        name = {"Content-Disposition": 'attachment; filename="audit.csv"'}
        lines = self._csv(self._wanted(request.query_params))
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=name)

    async def _csv(self, wanted: AuditFilter) -> AsyncIterator[str]:
        yield "\ufeff" + _line(_COLUMNS)
        after: AuditCursor | None = None
        while rows := await self._ledger.audit(wanted, after, _CSV_PAGE):
            yield "".join(_line(_cells(row)) for row in rows)
            after = rows[-1].cursor

    def _wanted(self, query: Mapping[str, str]) -> AuditFilter:
        texts = {name: query.get(name, "").strip()[:200] for name in ("by", "customer", "text")}
        return AuditFilter(period=self._desk.period(query.get("period", "")), **texts)


def _cursor(text: str) -> AuditCursor | None:
    """Where to go on; from the beginning if the address says nothing that can be read."""
    try:
        return AuditCursor.parse(text)
    except InvalidInput:
        return None


def _cells(row: AuditRow) -> list[str]:
    answer = "yes" if row.accepted else "no"
    told = {**dict(row), "at": f"{row.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "accepted": answer}
    return [str(told[name]) for name in _COLUMNS]


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    Writer(out, "\r\n").row(cells)
    return out.getvalue()
