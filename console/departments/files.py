"""Files of a task: uploaded one by one, downloaded, removed while the task is open.

::

    POST /desk/tasks/{number}/files                     keeps the form's files; answers the page with what was typed
    GET  /desk/tasks/{number}/files/{digest}
    POST /desk/tasks/{number}/files/{digest}/remove
"""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from billing.errors import InvalidInput, NotFound
from billing.reviewers.users import Role
from console.departments.task import Ledger, TaskPages
from console.departments.typed import TASKS, Worker, no_such_task, number_of, seen_task
from console.departments.uploads import keep_files
from console.reviewers.signed_in import signed_in
from console.web.forms import form_of, texts_in
from console.web.security import TASK_FORM_BYTES


class TaskFilePages:
    """``now`` returns the present instant; ``most`` are the bytes that a document may have."""

    def __init__(self, pages: TaskPages, ledger: Ledger, most: int, now: Callable[[], datetime]) -> None:
        self._pages = pages
        self._ledger = ledger
        self._most = most
        self._now = now
        self.router = APIRouter(prefix=TASKS + "/{number}/files")
        add = self.router.add_api_route
        add("", self.keep, methods=["POST"], response_model=None, max_body_size=most + TASK_FORM_BYTES)
        add("/{digest}", self.download, response_model=None)
        add("/{digest}/remove", self.remove, methods=["POST"], response_model=None)
        to_page = [Depends(signed_in(Role.STAFF))]
        add("", self.back, response_model=None, dependencies=to_page)
        add("/{digest}/remove", self.back, response_model=None, dependencies=to_page)

    async def back(self, number: str) -> Response:
        return RedirectResponse(f"{TASKS}/{number_of(number)}", 303)

    async def keep(self, request: Request, number: str, session: Worker) -> Response:
        typed = texts_in(await form_of(request))
        task, refused = await seen_task(self._ledger, number, session), ""
        try:
            await keep_files(request, self._ledger, task, session, self._most, self._now())
        except (InvalidInput, NotFound) as error:
            refused = str(error)
        return await self._pages.page(task, session, typed, refused)

    async def remove(self, number: str, digest: str, session: Worker) -> Response:
        task = await seen_task(self._ledger, number, session)
        try:
            await self._ledger.remove_document(task.number, session.member, digest)
        except (InvalidInput, NotFound) as error:
            return await self._pages.page(task, session, refused=str(error))
        return RedirectResponse(f"{TASKS}/{task.number}", 303)

    async def download(self, number: str, digest: str, session: Worker) -> Response:
        """Never shown as a page of ours: saved, or an image on one."""
        task = await seen_task(self._ledger, number, session)
        stored = await self._ledger.document(task.number, digest[:100])
        if stored is None:
            raise no_such_task()
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(stored.document.name, safe='')}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        return Response(stored.content, media_type=stored.document.media_type, headers=headers)
