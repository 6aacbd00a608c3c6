"""Everybody who has to do with a service order: the shop, the departments at the console, and the subscriber's bank.

Each repeats what got no answer, word for word, until there is one: a process may have died after it has done it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic_core import to_json
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError

from billing.events.signature import HEADER, signed
from billing.keys import order_workflow_id
from billing.reviewers.users import Role
from billing.tasks.listing import TaskFilter
from billing.tasks.task import Task
from billing.texts.text import TextKind, TextStatus
from bootstrap import SANDBOX_ORDERS_SECRET
from orders.service.fulfilment import ServiceFulfilment
from sandbox.bank.contracts import agree_with_the_bank
from sandbox.stand_ins.control import control, local_http
from sandbox.timeline import until
from tests.bed import PATIENCE_SECONDS
from tests.console.people import browser_at, csrf_in, make_user, sign_in
from tests.crash.story import CrashBed
from workflows.service_order_fulfilment import ServiceOrderFulfilment

PEOPLE = {"operator": "olga", "warehouse": "wes", "crew": "karl", "accounting": "alma"}
_QUERY_TIMEOUT = timedelta(seconds=2)
PDF = b"%PDF-1.7 signed"


class Departments:
    """``number`` is the order's; ``browsers`` are those of the departments, whose people are signed in."""

    def __init__(self, bed: CrashBed, number: str, inbound: str, browsers: dict[str, httpx.AsyncClient]) -> None:
        self.bed = bed
        self.number = number
        self._inbound = inbound
        self._browsers = browsers

    async def places(self, **wanted: Any) -> dict[str, Any]:
        """The shop hands the order over; the answer."""
        body = to_json({"number": self.number, **wanted})

        async def send() -> httpx.Response:
            seal = signed(body, [SANDBOX_ORDERS_SECRET], datetime.now(UTC))
            headers = {HEADER: seal, "Content-Type": "application/json"}
            async with local_http() as http:
                return await http.post(f"{self._inbound}/orders", content=body, headers=headers)

        answer = await answered(send)
        assert answer.is_success, answer.text
        taken: dict[str, Any] = answer.json()
        return taken

    async def task(self, step: str, department: str = "") -> Task:
        """The open task of this step, once there is one, of this department."""

        async def look() -> Task | None:
            found = await self.bed.ledger.tasks(TaskFilter(order_number=self.number))
            return next((task for task in found if task.step == step and department in ("", task.department)), None)

        return await until(look, PATIENCE_SECONDS)

    async def does(self, step: str, department: str = "", files: tuple[str, ...] = (), **typed: str) -> None:
        """Somebody of the department claims the task, fills its form in, with its files, and sends it."""
        task = await self.task(step, department)
        await self._posts(task, "claim", {"change_id": f"claim-{task.number}"})
        attached = {f"file-{name}": (f"{name}.pdf", PDF) for name in files}
        await self._posts(task, "complete", {f"field-{name}": text for name, text in typed.items()}, attached)

    async def _posts(self, task: Task, action: str, form: dict[str, str], files: dict[str, Any] | None = None) -> None:
        browser = self._browsers[task.department]
        answer = await answered(
            lambda: browser.post(f"/desk/tasks/{task.number}/{action}", data=form, files=files or None)
        )
        assert answer.status_code == 303, f"{action} {task.step}: {answer.status_code}, {answer.text}"

    async def is_asked(self, kind: TextKind) -> None:
        """Whoever is asked for money pays after that: before, nobody would ask."""

        async def look() -> bool:
            rows = await self.bed.ledger.texts()
            return any(row.kind is kind and row.status in (TextStatus.SENT, TextStatus.DELIVERED) for row in rows)

        await until(look, PATIENCE_SECONDS)

    async def knows(self, step: str) -> None:
        """The order's workflow knows that it stands there."""

        async def look() -> bool:
            with suppress(RPCError, WorkflowQueryFailedError):
                value = await followed(self.bed, self.number).query(
                    ServiceOrderFulfilment.order, rpc_timeout=_QUERY_TIMEOUT
                )
                return value.standing.step == step
            return False

        await until(look, PATIENCE_SECONDS)

    async def pays(self, account: str, amount: str) -> None:
        """At the bank's terminal, which tells us until it is answered."""
        wanted = {"rail": "terminals", "account": account, "sum": amount, "seconds": PATIENCE_SECONDS}
        payment = await control(self.bed.ports.bank, "payments", wanted)
        assert payment is not None
        assert payment["state"] == "taken", payment


def followed(bed: CrashBed, number: str) -> WorkflowHandle[ServiceOrderFulfilment, ServiceFulfilment]:
    """The order's workflow."""
    return bed.client.get_workflow_handle_for(ServiceOrderFulfilment.run, order_workflow_id(number))


async def answered(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """The first answer that is one."""

    async def ask() -> httpx.Response | None:
        with suppress(httpx.HTTPError):
            answer = await send()
            return None if answer.is_server_error else answer
        return None

    return await until(ask, PATIENCE_SECONDS)


@asynccontextmanager
async def departments(bed: CrashBed, number: str, inbound: int, console: int) -> AsyncIterator[Departments]:
    """Everybody, once console and inbound answer at these ports."""
    url = f"http://127.0.0.1:{inbound}"
    await control(bed.ports.bank, "calls", {"interval_seconds": 0.1})
    await agree_with_the_bank(bed.settings, url)
    browsers = {}
    async with AsyncExitStack() as stack:
        for department, name in PEOPLE.items():
            await make_user(bed.ledger, name, Role.STAFF, departments=(department,))
            browser = await stack.enter_async_context(browser_at(f"http://127.0.0.1:{console}"))
            answer = await answered(lambda browser=browser, name=name: sign_in(browser, name))  # type: ignore[misc]
            assert answer.status_code == 303, answer.text
            browser.headers["X-CSRF-Token"] = csrf_in(browser)
            browsers[department] = browser
        yield Departments(bed, number, url, browsers)
