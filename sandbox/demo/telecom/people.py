"""Departments in front of the console: each person in a browser of their own, who sends its real forms.

async with people(stack, ledger, office, narrator, password) as ann_and_others:
    await ann_and_others["karl"].does("101", serials="RT-1041", files={"photo": PHOTO})
"""

import html
import re
import struct
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import httpx

from billing.errors import BillingError
from billing.reviewers.users import User
from billing.tasks.documents import NewDocument
from billing.tasks.listing import TaskFilter
from billing.tasks.ports import TaskListing
from billing.tasks.task import Task
from console.departments.typed import FIELD, FILE, TASKS
from sandbox.demo.narrator import Narrator
from sandbox.stack.people import PEOPLE
from sandbox.stack.stack import Stack
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.office import Office

_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_ALERT = re.compile(r'role="alert">([^<]*)<')
_WRONG = re.compile(r'class="error"[^>]*>([^<]*)<')


def _png(side: int = 64) -> bytes:
    """A photo of a wall."""
    rows = (b"\0" + bytes((120, 110, 90)) * side) * side
    parts = b"IHDR" + struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(rows), b"IEND"
    chunks = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


class TypedFile(NamedTuple):
    name: str
    content: bytes
    media_type: str


PHOTO = TypedFile("box.png", _png(), "image/png")
CONTRACT = TypedFile("contract.pdf", b"%PDF-1.4\n% signed by both\n%%EOF\n", "application/pdf")
TERMINATION = TypedFile("termination.pdf", b"%PDF-1.4\n% signed, too\n%%EOF\n", "application/pdf")


class Person:
    """Claims and ends the open task of an order; tells the story of it."""

    def __init__(
        self, user: User, browser: httpx.AsyncClient, ledger: TaskListing, office: Office, show: Narrator
    ) -> None:
        self.user = user
        self._office = office
        self._browser = browser
        self._ledger = ledger
        self._show = show

    async def does(self, order: str, files: Mapping[str, TypedFile] | None = None, **typed: str) -> None:
        """Claims the task and completes its form, whose fields are ``typed``. Raises ``BillingError``."""
        task = await self._claimed(order)
        papers = [NewDocument(name, file.name, file.content).digest for name, file in (files or {}).items()]
        self._office.does(order, task.step or "", self.user.username, papers, **typed)
        fields = {f"{FIELD}{name}": text for name, text in typed.items()}
        uploads = {f"{FILE}{name}": file for name, file in (files or {}).items()}
        await self._send(task, "complete", fields, uploads)
        self._show.tell(f"{self._name} {_title(task)}{_answers(task, typed, files or {})}")

    async def returns(self, order: str, to_step: str, reason: str) -> None:
        task = await self._claimed(order)
        self._office.returns(order, task.step or "", self.user.username, to_step)
        await self._send(task, "return", {"to_step": to_step, "reason": reason})
        self._show.tell(f"{self._name} {_title(task)} Returned to “{task.returns_to[to_step]}”: {reason}.")

    @property
    def _name(self) -> str:
        return f"{self.user.username}, {', '.join(self.user.departments)}:"

    async def _claimed(self, order: str) -> Task:
        found = await self._ledger.tasks(TaskFilter(order_number=order))
        if len(found) != 1:
            raise BillingError(f"order {order} has {len(found)} open tasks, should have one")
        await self._send(found[0], "claim", {})
        return found[0]

    async def _send(
        self, task: Task, action: str, fields: Mapping[str, str], uploads: Mapping[str, TypedFile] | None = None
    ) -> None:
        """As its page's form does; the console then leads on to another page."""
        page = await self._browser.get(f"{TASKS}/{task.number}")
        hidden = {name: html.unescape(value) for name, value in _HIDDEN.findall(page.text)}
        files = [(name, (file.name, file.content, file.media_type)) for name, file in (uploads or {}).items()]
        answer = await self._browser.post(f"{TASKS}/{task.number}/{action}", data={**hidden, **fields}, files=files)
        if answer.status_code != 303:
            said = html.unescape(" ".join((*_ALERT.findall(answer.text), *_WRONG.findall(answer.text))))
            raise BillingError(f"{self.user.username} cannot {action} task {task.number}: {answer.status_code}, {said}")


def _title(task: Task) -> str:
    title = task.values["title"]
    return title if title.endswith("?") else f"{title}."


def _answers(task: Task, typed: Mapping[str, str], files: Mapping[str, TypedFile]) -> str:
    """What the form says, by the labels of its fields."""
    labels = {field.name: field.label.rstrip("?:") for field in task.form}
    said = [f"{labels[name]}: {text}" for name, text in typed.items()]
    said += [f"{labels[name]}: {file.name}" for name, file in files.items()]
    return f" {'; '.join(said)}." if said else ""


@asynccontextmanager
async def people(
    stack: Stack, ledger: TaskListing, office: Office, show: Narrator, password: str
) -> AsyncIterator[dict[str, Person]]:
    """Whoever belongs to a department, signed in, by user name; the office knows them."""
    async with AsyncExitStack() as exits:
        found = {}
        for user in PEOPLE:
            if user.departments:
                office.employs(user.username, *user.departments)
                browser = await exits.enter_async_context(local_http(base_url=stack.console_url))
                answer = await browser.post("/login", data={"username": user.username, "password": password})
                if answer.status_code != 303:
                    raise BillingError(f"{user.username} cannot sign in: {answer.status_code}")
                found[user.username] = Person(user, browser, ledger, office, show)
        yield found
