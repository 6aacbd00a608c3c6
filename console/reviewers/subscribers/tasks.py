"""What people have to do, the most urgent first; each task is completed on this page.

::

    GET  /desk/tasks                filters and page are in the query
    POST /desk/tasks/{number}       completes it, or says that it is not done
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from billing.errors import InvalidInput, NotFound
from billing.tasks.ports import PAGE_TASKS, TaskFilter, Tasks
from billing.tasks.task import TaskEnd, TaskKind, TaskOutcome
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, SignedIn
from console.reviewers.subscribers.typed import Reviewer, reason_of
from console.web.forms import form_of, texts_in
from wording.services import task_words

_PAGE, _NUMBER = re.compile(r"[1-9][0-9]{0,5}"), re.compile(r"[1-9][0-9]{0,8}")
_NOT_THERE = "there is no such task"


class TaskPages:
    """``now`` returns the present instant."""

    def __init__(self, desk: PageFrame, ledger: Tasks, now: Callable[[], datetime]) -> None:
        self._desk = desk
        self._ledger = ledger
        self._now = now
        self.router = APIRouter(prefix="/desk/tasks")
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("/{number}", self.complete, methods=["POST"], response_model=None)

    async def show(self, request: Request, session: SignedIn) -> Response:
        return await self._page(session, request.query_params)

    async def complete(self, request: Request, number: str, session: Reviewer) -> Response:
        """A repeat changes nothing."""
        typed = texts_in(await form_of(request))
        outcome = TaskOutcome.NOT_DONE if typed.get("outcome") == "not_done" else TaskOutcome.DONE
        try:
            if not _NUMBER.fullmatch(number):
                raise NotFound(_NOT_THERE)
            end = TaskEnd(outcome=outcome, at=self._now(), by=session.username, reason=reason_of(typed))
            await self._ledger.end_task(int(number), end)
        except (InvalidInput, NotFound) as error:
            return await self._page(session, {}, f"Nothing was changed: {error}")
        return RedirectResponse("/desk/tasks", 303)

    async def _page(self, session: Session, query: Mapping[str, str], refused: str = "") -> Response:
        wanted, number = read_filter(query), query.get("page", "")
        page = int(number) if _PAGE.fullmatch(number) else 1
        tasks = await self._ledger.tasks(wanted, PAGE_TASKS + 1, (page - 1) * PAGE_TASKS)
        values = {
            "tasks": tasks[:PAGE_TASKS],
            "kinds": list(TaskKind),
            "wanted": wanted,
            "earlier": _link(wanted, page - 1) if page > 1 else "",
            "later": _link(wanted, page + 1) if len(tasks) > PAGE_TASKS else "",
            "task_words": task_words,
            "refused": refused,
        }
        return await self._desk.page("tasks.html", session, values, section="tasks", status=409 if refused else 200)


def read_filter(query: Mapping[str, str]) -> TaskFilter:
    """The filters of a query; values that it cannot have are left out."""
    kind = query.get("kind", "")
    return TaskFilter(
        TaskKind(kind) if kind in list(TaskKind) else None,
        query.get("customer", "").strip()[:200] or None,
        query.get("all", "") != "1",
    )


def _link(wanted: TaskFilter, page: int) -> str:
    query = {"kind": wanted.kind, "customer": wanted.customer_id, "all": "" if wanted.open_only else "1", "page": page}
    return f"/desk/tasks?{urlencode({name: value for name, value in query.items() if value})}"
