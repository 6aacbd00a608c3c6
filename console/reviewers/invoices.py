"""The list of a month's invoices, and one decision about many of them.

::

    GET  /desk/{period}/invoices    the list; what is shown, and how, is in the query
    POST /desk/{period}/invoices    a selection, or all that match: what is about to be decided, to be confirmed
    POST /desk/{period}/bulk        carries it out: as a page, or line by line (NDJSON) for the script
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from typing import Annotated
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData

from billing.invoices.approval_policy import Flag
from billing.invoices.stages import Stage
from billing.model import Why
from billing.period import Period
from billing.reviewers.queries import PAGE_ROWS, CurrentVersion, InvoiceFilter, InvoiceList, ReviewedVersion, Sort
from billing.reviewers.users import Role
from clients.standstill import StandstillWatch
from console.reviewers.bulk import ACTIONS, Bulk, BulkOrder, BulkOutcome
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in

NDJSON = "application/x-ndjson"
SHOWN_SEEN = 200  # of a selection that is to be confirmed; the rest is counted and added up
FIRST = 1000  # of those who stand still, in the list of what needs a person; coverage has all
DECIDED_AT_ONCE = 20_000  # a form of more, with long customer ids, would be larger than BODY_MAX_BYTES

_NEEDED = {"halt": Role.REVIEWER, "resume": Role.REVIEWER, "approve": Role.APPROVER}
_PAGE = re.compile(r"[1-9][0-9]{0,4}")
_ROW = re.compile(r"([a-z0-9][a-z0-9_-]{0,63}) ([0-9]{1,9}) (\S{1,100})(?: (\S{1,100}))?")
_SUBMISSION = re.compile(r"[0-9a-f]{32}")

Reviewing = Annotated[Session, Depends(signed_in(Role.REVIEWER))]


class InvoicesPages:
    def __init__(self, desk: PageFrame, ledger: InvoiceList, watch: StandstillWatch, bulk: Bulk) -> None:
        self._desk = desk
        self._ledger = ledger
        self._watch = watch
        self._bulk = bulk
        self.router = APIRouter(prefix="/desk/{period}")
        self.router.add_api_route("/invoices", self.show, response_model=None)
        self.router.add_api_route("/invoices", self.confirm, methods=["POST"], response_model=None)
        self.router.add_api_route("/bulk", self.decide, methods=["POST"], response_model=None)

    async def show(self, request: Request, session: SignedIn, period: str) -> Response:
        month = self._desk.period(period)
        if month is None:
            return await self._desk.no_such_month(session, period)
        wanted, page = await self._wanted(month, request.query_params), _page(request.query_params.get("page", ""))
        pulse = await self._watch.pulse(month)
        standstill = await self._watch.of(month)
        count, rows, picker = await asyncio.gather(
            self._ledger.count(wanted), self._ledger.rows(wanted, page), self._desk.picker(month)
        )
        if not count and wanted == InvoiceFilter(period=month):
            return await self._desk.empty_month(session, month, picker)
        shown = _query(wanted)
        values = {
            "pulse": pulse,
            "wanted": wanted,
            "filtered": bool(shown.keys() - {"sort", "order"}),
            "shown": shown,
            "link": lambda **changes: _link(shown | changes),
            "rows": rows,
            "standstill": standstill,
            "count": count,
            "page": page,
            "pages": max(1, -(-count // PAGE_ROWS)),
            "first": (page - 1) * PAGE_ROWS + 1,
            "stages": list(Stage),
            "flag_names": list(Flag),
            "columns": _columns(wanted),
            "actions": [action for action in ACTIONS if session.role.may(_NEEDED[action])],
        }
        return await self._desk.page("invoices.html", session, picker | values, section="invoices", period=month)

    async def confirm(self, request: Request, session: Reviewing, period: str) -> Response:
        """What is about to be decided, as it stands this moment; only the next page carries it out."""
        month, form = self._desk.period(period), await request.form()
        if month is None:
            return await self._desk.no_such_month(session, period)
        wanted, action = await self._wanted(month, _texts(form)), str(form.get("action", ""))
        back = f"/desk/{month}/invoices{_link(_query(wanted))}"
        if refusal := await self._may(session, action, month, back):
            return refusal
        seen = await self._ledger.seen(wanted) if form.get("all") else _seen(map(str, form.getlist("row")))
        if not 0 < len(seen) <= DECIDED_AT_ONCE:
            title, text = "Nothing is selected", "Tick the invoices that you mean, or take all that match."
            if seen:
                title = f"{len(seen):,} invoices are too many at once"
                text = f"Filter the list to {DECIDED_AT_ONCE:,} or fewer, and decide about one part after the other."
            return await self._refusal(session, title, text, 400, back, month)
        changed = bool(form.get("all")) and form.get("pulse") != await self._watch.pulse(month)
        return await self._confirmation(session, month, action, seen, uuid4().hex, back, changed)

    async def decide(self, request: Request, session: Reviewing, period: str) -> Response:
        month, form = self._desk.period(period), _texts(await request.form())
        if month is None:
            return await self._desk.no_such_month(session, period)
        action, back = form.get("action", ""), form.get("back", "")
        back = back if back.startswith(f"/desk/{month}/invoices") else f"/desk/{month}/invoices"
        if refusal := await self._may(session, action, month, back):
            return refusal
        seen = _seen(form.get("rows", "").split("\n"))
        submission = form.get("submission", "")
        if not _SUBMISSION.fullmatch(submission):
            submission = uuid4().hex
        try:
            reason = TypeAdapter(Why).validate_python(form.get("reason", ""))
        except ValidationError:
            problem = "Say why, in up to 1,000 characters: it goes into the audit trail."
            changed = bool(form.get("changed"))
            return await self._confirmation(session, month, action, seen, submission, back, changed, problem)
        order = BulkOrder(action, month, session.username, reason, submission, seen)
        if NDJSON in request.headers.get("accept", ""):
            return StreamingResponse(_lines(self._bulk.carry_out(order)), media_type=NDJSON)
        outcomes = [outcome async for outcome in self._bulk.carry_out(order)]
        outcomes.sort(key=lambda outcome: (outcome.accepted, outcome.customer_id))
        values = {
            "action": action,
            "reason": reason,
            "outcomes": outcomes,
            "refused": sum(not outcome.accepted for outcome in outcomes),
            "back": back,
        }
        return await self._desk.page("bulk_done.html", session, values, section="invoices", period=month)

    async def _wanted(self, period: Period, query: Mapping[str, str]) -> InvoiceFilter:
        """What a query asks for; who stands still needs a person, before all others."""
        wanted = read_wanted(period, query)
        if not wanted.needs:
            return wanted
        return wanted.evolve(first=tuple((await self._watch.of(period)).customers)[:FIRST])

    async def _may(self, session: Session, action: str, period: Period, back: str) -> Response | None:
        """None if the role allows it; else the page that says so."""
        if action in ACTIONS and session.role.may(_NEEDED[action]):
            return None
        title, text = "There is no such action", "The actions are: halt, resume, approve."
        if action in ACTIONS:
            title = f"You may not {action} invoices"
            text = f"You are {session.role}; this takes the role {_NEEDED[action]} or a higher one."
        return await self._refusal(session, title, text, 403 if action in ACTIONS else 400, back, period)

    async def _refusal(
        self, session: Session, title: str, text: str, status: int, back: str, period: Period
    ) -> Response:
        return await self._desk.message(
            session,
            title,
            text,
            status=status,
            back=back,
            back_label="Back to the list",
            section="invoices",
            period=period,
        )

    async def _confirmation(
        self,
        session: Session,
        period: Period,
        action: str,
        seen: list[ReviewedVersion],
        submission: str,
        back: str,
        changed: bool,
        problem: str = "",
    ) -> Response:
        """``changed``: whether these may be others than those that the list has shown."""
        now = await self._ledger.now_of(period, [each.customer_id for each in seen])
        same = [each for row in seen if (each := now.get(row.customer_id)) and each.digest == row.digest]
        values = {
            "action": action,
            "changed": changed,
            "seen": seen[:SHOWN_SEEN],
            "same": {each.customer_id: each for each in same},
            "sums": _sums(same),
            "count": len(seen),
            "rows": "\n".join(map(str, seen)),
            "submission": submission,
            "back": back,
            "problem": problem,
        }
        status = 400 if problem else 200
        return await self._desk.page("bulk.html", session, values, section="invoices", period=period, status=status)


def read_wanted(period: Period, query: Mapping[str, str]) -> InvoiceFilter:
    """What a query asks for; what it cannot mean is left out."""
    stage, sort, flag = query.get("stage", ""), query.get("sort", ""), query.get("flag", "")
    return InvoiceFilter(
        period=period,
        search=query.get("search", "").strip()[:200],
        stage=Stage(stage) if stage in list(Stage) else None,
        flag=Flag(flag) if flag in list(Flag) else None,
        currency=query.get("currency", "").lower()[:3],
        needs=query.get("needs", "") == "1",
        sort=Sort(sort) if sort in list(Sort) else Sort.CUSTOMER,
        descending=query.get("order", "") == "down",
    )


def _query(wanted: InvoiceFilter) -> dict[str, str]:
    """The other way round, without what goes without saying."""
    said = {
        "search": wanted.search,
        "stage": wanted.stage or "",
        "flag": wanted.flag or "",
        "currency": wanted.currency,
        "needs": "1" if wanted.needs else "",
        "sort": "" if wanted.sort is Sort.CUSTOMER else wanted.sort,
        "order": "down" if wanted.descending else "",
    }
    return {name: str(value) for name, value in said.items() if value}


def _link(query: Mapping[str, object]) -> str:
    kept = {name: value for name, value in query.items() if value not in ("", None)}
    return f"?{urlencode(kept)}" if kept else "?"


def _columns(wanted: InvoiceFilter) -> list[dict[str, str]]:
    """The heads of the columns that can be sorted: a second click turns the order round."""
    heads = [
        (Sort.CUSTOMER, "Customer", ""),
        (Sort.STAGE, "Stage", ""),
        (Sort.AMOUNT, "Amount", "down"),
        (Sort.CHANGE, "Change", "down"),
        (Sort.NEXT, "Next", ""),
    ]
    columns = []
    for sort, label, first in heads:
        is_current, now = wanted.sort is sort, "down" if wanted.descending else ""
        turned = "" if now else "down"
        state = ("descending" if wanted.descending else "ascending") if is_current else ""
        columns.append({"sort": sort, "label": label, "order": turned if is_current else first, "state": state})
    return columns


def _page(text: str) -> int:
    return int(text) if _PAGE.fullmatch(text) else 1


def _seen(rows: Iterable[str]) -> list[ReviewedVersion]:
    """Rows as a form carries them; what is none is left out, as are repeats."""
    found: dict[str, ReviewedVersion] = {}
    for row in rows:
        if parts := _ROW.fullmatch(row.strip()):
            customer_id, version, digest, stop = parts.groups(default="")
            with suppress(ValidationError):
                seen = {"customer_id": customer_id, "version": version, "digest": digest.strip("-"), "stop": stop}
                found[customer_id] = ReviewedVersion.model_validate(seen)
    return list(found.values())


def _sums(rows: Iterable[CurrentVersion]) -> dict[str, int]:
    """What drafts come to, by currency."""
    sums: dict[str, int] = {}
    for each in rows:
        if each.version:
            sums[each.currency] = sums.get(each.currency, 0) + each.total_minor
    return dict(sorted(sums.items()))


def _texts(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def _lines(outcomes: AsyncIterator[BulkOutcome]) -> AsyncIterator[str]:
    async for outcome in outcomes:
        yield outcome.line()
