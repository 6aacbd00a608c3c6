"""My tasks: one's own, the departments', everybody's; those that are due first come first.

::

    GET  /desk/tasks             view, filters and place are in the query
    POST /desk/tasks/-/assign    makes the ticked ones a user's
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from billing.errors import InvalidInput, NotFound
from billing.reviewers.ports import UserStore
from billing.reviewers.users import Role, User
from billing.tasks.listing import PAGE_TASKS, TaskCounts, TaskCursor, TaskFilter
from billing.tasks.ports import Tasks, Unassigned
from billing.tasks.task import Task, TaskKind
from console.departments.typed import TASKS, Worker, no_such_task, number_of
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, signed_in
from console.reviewers.subscribers.typed import change_id_of
from console.web.forms import form_of, texts_in
from wording.tasks import task_words

_ASSIGN = "/-/assign"
OWN, DEPARTMENTS, ALL = "mine", "departments", "all"


class _Ledger(Tasks, UserStore, Protocol): ...


class _View(NamedTuple):
    """What the query asks for, as far as this person may see it."""

    name: str
    wanted: TaskFilter
    department: str

    def link(self, **changes: object) -> str:
        wanted = self.wanted
        query = {
            "view": self.name,
            "department": self.department,
            "kind": wanted.kind,
            "customer": wanted.customer_id,
            "order": wanted.order_number,
            "unclaimed": "1" if wanted.unclaimed_only else "",
            "ended": "" if wanted.open_only else "1",
        }
        return f"{TASKS}?{urlencode({name: value for name, value in (query | changes).items() if value})}"


class TaskListPages:
    """``now`` returns the present instant; ``departments`` are all there are."""

    def __init__(
        self, desk: PageFrame, ledger: _Ledger, departments: Sequence[str], now: Callable[[], datetime]
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._departments = departments
        self._now = now
        self.router = APIRouter(prefix=TASKS)
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route(_ASSIGN, self.assign, methods=["POST"], response_model=None)
        to_list = [Depends(signed_in(Role.STAFF))]
        self.router.add_api_route(_ASSIGN, self.back, response_model=None, dependencies=to_list)

    async def show(self, request: Request, session: Worker) -> Response:
        return await self._page(session, request.query_params)

    async def back(self) -> Response:
        return RedirectResponse(TASKS, 303)

    async def assign(self, request: Request, session: Worker) -> Response:
        """A repeat changes nothing."""
        form = await form_of(request)
        typed, owner = texts_in(form), texts_in(form).get("owner", "")
        try:
            numbers = [number_of(text) for text in form.getlist("row") if isinstance(text, str)]
            if not numbers or not owner:
                raise InvalidInput("tick the tasks, and choose whose they are to be")
            key = change_id_of(typed)
            failed = await self._ledger.assign_tasks(numbers, session.member, owner, self._now(), key)
        except (InvalidInput, NotFound) as error:
            return await self._page(session, typed, refused=f"Nothing was changed: {error}")
        if failed:
            return await self._page(session, typed, failed=failed, assigned=len(set(numbers)) - len(failed))
        return RedirectResponse(f"{TASKS}?{urlencode({'view': typed.get('view', ''), 'assigned': owner})}", 303)

    async def _page(
        self,
        session: Session,
        query: Mapping[str, str],
        refused: str = "",
        failed: Sequence[Unassigned] = (),
        assigned: int = 0,
    ) -> Response:
        counts = await self._ledger.task_counts(session.member, self._now())
        view = self._view(session, query, counts)
        tasks = await self._tasks(view, query.get("after", ""), session)
        shown = tasks[:PAGE_TASKS]
        values: dict[str, object] = {
            "tasks": shown,
            "view": view,
            "views": self._views(session, counts),
            "counts": counts,
            "kinds": list(TaskKind),
            "departments": self._seen(session),
            "users": await self._users(session) if any(map(_is_free, shown)) else [],
            "may_do": lambda task: task.end is None and session.member.is_of(task.department),
            "later": view.link(after=TaskCursor.after(shown[-1])) if len(tasks) > PAGE_TASKS else "",
            "is_first": not query.get("after", ""),
            "task_words": task_words,
            "refused": refused,
            "failed": failed,
            "assigned": assigned,
            "done": query.get("done", "")[:20],
            "assigned_to": query.get("assigned", "")[:100],
            "new_id": change_id_of({}),
        }
        status = 409 if refused or failed else 200
        return await self._desk.page("tasks.html", session, values, section="tasks", status=status)

    async def _tasks(self, view: _View, after: str, session: Session) -> list[Task]:
        """One more than fit on the page. A place that is none is the first page."""
        if not view.wanted.departments and not view.wanted.owner and not session.role.may(Role.VIEWER):
            return []  # staff without any department
        if view.name == DEPARTMENTS and not view.wanted.departments and not session.member.may_all:
            return []
        try:
            cursor = TaskCursor.read(after) if after else None
        except InvalidInput:
            raise no_such_task() from None
        return await self._ledger.tasks(view.wanted, PAGE_TASKS + 1, cursor)

    def _view(self, session: Session, query: Mapping[str, str], counts: TaskCounts) -> _View:
        """Filters that the query cannot have are left out."""
        name, kind, department = query.get("view", ""), query.get("kind", ""), query.get("department", "")
        narrow = [query.get(name, "").strip()[:200] or None for name in ("customer", "order")]
        names = [name for name, _, _ in self._views(session, counts)]
        if name not in names:
            name = names[-1] if any(narrow) else OWN if counts.own else DEPARTMENTS
            name = name if session.departments or session.member.may_all else names[-1]
        department = department if department in self._seen(session) else ""
        own = session.departments if name == DEPARTMENTS and not session.member.may_all else ()
        wanted = TaskFilter(
            TaskKind(kind) if kind in list(TaskKind) else None,
            narrow[0],
            query.get("ended", "") != "1",
            (department,) if department and name != OWN else own,
            session.username if name == OWN else None,
            narrow[1],
            query.get("unclaimed", "") == "1" and name != OWN,
        )
        return _View(name, wanted, department)

    def _views(self, session: Session, counts: TaskCounts) -> list[tuple[str, str, int | None]]:
        """Their names, labels and how many tasks they have."""
        of_departments = "My department" if len(session.departments) == 1 else "My departments"
        views: list[tuple[str, str, int | None]] = [
            (OWN, "Mine", counts.own),
            (DEPARTMENTS, "All departments" if session.member.may_all else of_departments, counts.departments),
        ]
        sees_all = session.role.may(Role.VIEWER) and not session.member.may_all
        return [*views, (ALL, "Everybody's", None)] if sees_all else views

    def _seen(self, session: Session) -> Sequence[str]:
        return self._departments if session.role.may(Role.VIEWER) else session.departments

    async def _users(self, session: Session) -> list[User]:
        """To whom this person may assign tasks."""
        member = session.member
        users = [user for user in await self._ledger.users() if user.disabled_at is None and user.departments]
        return [user for user in users if any(map(member.is_of, user.departments))]


def _is_free(task: Task) -> bool:
    return task.end is None and task.owner is None
