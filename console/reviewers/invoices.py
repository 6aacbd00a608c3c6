"""The list of a month's invoices, and decisions about many of them at once.

::

    GET  /desk/{period}/invoices    the list; filters and order are in the query
    GET  /desk/{period}/next        the invoice that needs a person after the one of a customer
    POST /desk/{period}/invoices    a selection, or all that match: asks to confirm the decision
    POST /desk/{period}/bulk        carries it out: as a page, or line by line (NDJSON) for the script
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import TypeAdapter, ValidationError

from billing.invoices.approval_policy import Flag
from billing.invoices.stages import Stage, stop_of
from billing.model import Why
from billing.period import Period
from billing.reviewers.queries import PAGE_ROWS, InvoiceFilter, InvoiceList, ReviewedVersion, Sort
from billing.reviewers.users import Role
from clients.standstill import StandstillWatch
from console.reviewers.bulk import ACTIONS, Bulk, BulkOrder, BulkOutcome
from console.reviewers.invoice.sparkline import HEIGHT, WIDTH, sparkline
from console.reviewers.page_frame import DeskRefusal, NamedMonth, PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from console.reviewers.temporal_links import COLUMNS, TemporalLinks
from console.web.forms import form_of, texts_in

NDJSON = "application/x-ndjson"
SHOWN_SEEN = 200  # invoices of a selection to be confirmed; the others are counted and added up
FIRST = 1000  # stopped customers at the top of the list that needs a person; coverage has all
DECIDED_AT_ONCE = 20_000  # a larger form, with long customer ids, would exceed BODY_MAX_BYTES

DONE = {"halt": "halted", "resume": "resumed", "approve": "approved"}
_ROLES = {"halt": Role.REVIEWER, "resume": Role.REVIEWER, "approve": Role.APPROVER}
_PAGE = re.compile(r"[1-9][0-9]{0,4}")
_ROW = re.compile(r"([a-z0-9][a-z0-9_-]{0,63}) ([0-9]{1,9}) (\S{1,100})(?: (\S{1,100}))?")
_SUBMISSION = re.compile(r"[0-9a-f]{32}")

Reviewing = Annotated[Session, Depends(signed_in(Role.REVIEWER))]


class InvoicesPages:
    def __init__(
        self, desk: PageFrame, ledger: InvoiceList, watch: StandstillWatch, bulk: Bulk, links: TemporalLinks
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._watch = watch
        self._bulk = bulk
        self._links = links
        self.router = APIRouter(prefix="/desk/{period}")
        self.router.add_api_route("/invoices", self.show, response_model=None)
        self.router.add_api_route("/next", self.next_in_need, response_model=None)
        self.router.add_api_route("/invoices", self.confirm, methods=["POST"], response_model=None)
        self.router.add_api_route("/bulk", self.decide, methods=["POST"], response_model=None)

    async def show(self, request: Request, session: SignedIn, period: NamedMonth) -> Response:
        filters, page = await self._filter(period, request.query_params), _page(request.query_params.get("page", ""))
        pulse = await self._watch.pulse(period)
        standstill = await self._watch.of(period)
        count, rows, picker = await asyncio.gather(
            self._ledger.count(filters), self._ledger.rows(filters, page), self._desk.picker(period)
        )
        if not count and filters == InvoiceFilter(period=period):
            return await self._desk.empty_month(session, period, picker)
        changed = {row.customer_id: row.currency for row in rows if Flag.CHANGED in row.flags}
        histories = await self._ledger.histories(period, list(changed)) if changed else {}
        query = _query(filters)
        values = {
            "pulse": pulse,
            "filters": filters,
            "filtered": bool(query.keys() - {"sort", "order"}),
            "query": query,
            "link": lambda **changes: _link(query | changes),
            "temporal_url": self._links.of_list(filters),
            "temporal_columns": COLUMNS,
            "rows": rows,
            "sparks": {name: sparkline(months, period, changed[name]) for name, months in histories.items()},
            "spark_size": (WIDTH, HEIGHT),
            "standstill": standstill,
            "count": count,
            "page": page,
            "pages": max(1, -(-count // PAGE_ROWS)),
            "first": (page - 1) * PAGE_ROWS + 1,
            "stages": list(Stage),
            "flag_names": list(Flag),
            "columns": _columns(filters),
            "actions": [action for action in ACTIONS if session.role.may(_ROLES[action])],
        }
        return await self._page("invoices.html", session, period, picker | values)

    async def next_in_need(self, session: SignedIn, period: NamedMonth, after: str = "") -> Response:
        """On to the next of those that need a person, the most urgent first; to their list if there is no other."""
        filters = await self._filter(period, {"needs": "1", "sort": Sort.NEXT})
        names = [row.customer_id for row in await self._ledger.rows(filters, 1)]
        place = names.index(after) + 1 if after in names else 0
        others = [*names[place:], *(name for name in names[:place] if name != after)]
        page = f"invoices/{others[0]}" if others else f"invoices?needs=1&sort={Sort.NEXT}"
        return RedirectResponse(f"/desk/{period}/{page}", 303)

    async def confirm(self, request: Request, session: Reviewing, period: NamedMonth) -> Response:
        """The decision as it would be carried out this moment; only the next page carries it out."""
        form = await form_of(request)
        filters, action = await self._filter(period, texts_in(form)), str(form.get("action", ""))
        back = f"/desk/{period}/invoices{_link(_query(filters))}"
        _require_role(session, action, back)
        selection = await self._ledger.seen(filters) if form.get("all") else _reviewed(map(str, form.getlist("row")))
        if not selection:
            raise _refusal(400, "Nothing is selected", "Tick the invoices that you mean, or take all that match.", back)
        if len(selection) > DECIDED_AT_ONCE:
            text = f"Filter the list to {DECIDED_AT_ONCE:,} or fewer, and decide about one part after the other."
            raise _refusal(400, f"{len(selection):,} invoices are too many at once", text, back)
        changed = bool(form.get("all")) and form.get("pulse") != await self._watch.pulse(period)
        return await self._confirmation(
            session, BulkOrder(action, period, "", "", uuid4().hex, selection), back, changed
        )

    async def decide(self, request: Request, session: Reviewing, period: NamedMonth) -> Response:
        form = texts_in(await form_of(request))
        action, back = form.get("action", ""), form.get("back", "")
        back = back if back.startswith(f"/desk/{period}/invoices") else f"/desk/{period}/invoices"
        _require_role(session, action, back)
        submission, selection = form.get("submission", ""), _reviewed(form.get("rows", "").split("\n"))
        if not _SUBMISSION.fullmatch(submission):
            submission = uuid4().hex
        order = BulkOrder(action, period, session.username, form.get("reason", ""), submission, selection)
        try:
            order = order._replace(reason=TypeAdapter(Why).validate_python(order.reason))
        except ValidationError:
            problem = "Say why, in up to 1,000 characters: it goes into the audit trail."
            return await self._confirmation(session, order, back, bool(form.get("changed")), problem)
        if NDJSON in request.headers.get("accept", ""):
            return StreamingResponse(_lines(self._bulk.carry_out(order)), media_type=NDJSON)
        outcomes = [outcome async for outcome in self._bulk.carry_out(order)]
        values = {
            "action": action,
            "reason": order.reason,
            "outcomes": sorted(outcomes, key=lambda outcome: (outcome.accepted, outcome.customer_id)),
            "refused": sum(not outcome.accepted for outcome in outcomes),
            "back": back,
        }
        return await self._page("bulk_done.html", session, period, values)

    async def _filter(self, period: Period, query: Mapping[str, str]) -> InvoiceFilter:
        """The filters of a query; of those that need a person, customers whose workflow stands still come first."""
        filters = read_filter(period, query)
        if stop := query.get("because", "")[:100]:  # a reason that no month has any more matches none
            filters = filters.evolve(reason=await self._ledger.reason_of(period, stop) or stop)
        if not filters.needs:
            return filters
        return filters.evolve(first=tuple((await self._watch.of(period)).customers)[:FIRST])

    async def _confirmation(
        self, session: Session, order: BulkOrder, back: str, changed: bool, problem: str = ""
    ) -> Response:
        """``changed``: whether these may be other invoices than those that the list has shown.

        What would be refused is left out, and said so. Raises ``DeskRefusal`` if that is all.
        """
        still = (await self._watch.of(order.period)).customers
        offer = await self._bulk.offer(order._replace(by=session.username, reason="?"), still, datetime.now(UTC))
        if not offer.possible:
            why = "; ".join(f"{count:,}: {reason}" for reason, count in offer.reasons)
            title = f"None of these {offer.selected:,} can be {DONE[order.action]}"
            raise _refusal(409, title if offer.selected > 1 else f"It cannot be {DONE[order.action]}", f"{why}.", back)
        values = {
            "action": order.action,
            "done": DONE[order.action],
            "changed": changed,
            "offer": offer,
            "invoices": offer.possible[:SHOWN_SEEN],
            "sums": offer.sums,
            "count": len(offer.possible),
            "rows": "\n".join(str(invoice.seen) for invoice in offer.possible),
            "submission": order.submission,
            "back": back,
            "problem": problem,
        }
        return await self._page("bulk.html", session, order.period, values, 400 if problem else 200)

    async def _page(
        self, template: str, session: Session, period: Period, values: dict[str, object], status: int = 200
    ) -> Response:
        return await self._desk.page(template, session, values, section="invoices", period=period, status=status)


def _require_role(session: Session, action: str, back: str) -> None:
    """Raises ``DeskRefusal`` unless there is such an action and the role allows it."""
    if action not in ACTIONS:
        raise _refusal(400, "There is no such action", "The actions are: halt, resume, approve.", back)
    if not session.role.may(_ROLES[action]):
        text = f"You are {session.role}; this takes the role {_ROLES[action]} or a higher one."
        raise _refusal(403, f"You may not {action} invoices", text, back)


def _refusal(status: int, title: str, text: str, back: str) -> DeskRefusal:
    return DeskRefusal(status, title, text, back, "Back to the list", section="invoices")


def read_filter(period: Period, query: Mapping[str, str]) -> InvoiceFilter:
    """The filters of a query; values that it cannot have are left out."""
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


def _query(filters: InvoiceFilter) -> dict[str, str]:
    """The query of filters, without defaults."""
    query = {
        "search": filters.search,
        "stage": filters.stage or "",
        "flag": filters.flag or "",
        "currency": filters.currency,
        "needs": "1" if filters.needs else "",
        "because": stop_of(filters.reason) if filters.reason else "",
        "sort": "" if filters.sort is Sort.CUSTOMER else filters.sort,
        "order": "down" if filters.descending else "",
    }
    return {name: str(value) for name, value in query.items() if value}


def _link(query: Mapping[str, object]) -> str:
    values = {name: value for name, value in query.items() if value not in ("", None)}
    return f"?{urlencode(values)}" if values else "?"


def _columns(filters: InvoiceFilter) -> list[dict[str, str]]:
    """The heads of the columns that can be sorted: a second click reverses the order."""
    heads = [
        (Sort.CUSTOMER, "Customer", ""),
        (Sort.STAGE, "Stage", ""),
        (Sort.AMOUNT, "Amount", "down"),
        (Sort.CHANGE, "Change", "down"),
        (Sort.NEXT, "Next", ""),
    ]
    columns = []
    for sort, label, first in heads:
        order, state = first, ""
        if filters.sort is sort:
            order, state = ("", "descending") if filters.descending else ("down", "ascending")
        columns.append({"sort": sort, "label": label, "order": order, "state": state})
    return columns


def _page(text: str) -> int:
    return int(text) if _PAGE.fullmatch(text) else 1


def _reviewed(rows: Iterable[str]) -> list[ReviewedVersion]:
    """Rows as a form carries them, without repeats and without those that cannot be read."""
    reviewed: dict[str, ReviewedVersion] = {}
    for row in rows:
        if parts := _ROW.fullmatch(row.strip()):
            customer_id, version, digest, stop = parts.groups(default="")
            with suppress(ValidationError):
                fields = {"customer_id": customer_id, "version": version, "digest": digest.strip("-"), "stop": stop}
                reviewed[customer_id] = ReviewedVersion.model_validate(fields)
    return list(reviewed.values())


async def _lines(outcomes: AsyncIterator[BulkOutcome]) -> AsyncIterator[str]:
    async for outcome in outcomes:
        yield outcome.line()
