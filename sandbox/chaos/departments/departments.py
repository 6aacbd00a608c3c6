"""Newcomers who are led through departments, while processes and services may fail. They live by the real clock.

Only an order that waits for a date, for money that never comes, or for somebody who is late has a clock of its own.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from billing.errors import InvalidInput
from billing.keys import order_workflow_id
from billing.money import plain_amount
from billing.payments.typed_payment import TypedPayment
from billing.tasks.listing import TaskFilter
from billing.tasks.task import Task, TaskKind
from bootstrap import Adapters, connect_payment_desk
from bootstrap_procedures import connect_procedures
from orders.changes import Cancel, Change, Halt, Resume
from orders.service.service_order import ServiceRequest, ServiceStage, ServiceStanding
from sandbox.chaos.bank.app_payers import AppPayers
from sandbox.chaos.departments.service_plan import (
    FEE_MINOR,
    Ending,
    PlannedConnection,
    Wish,
    connection,
    daytime_zone,
    next_wish,
    planned_connections,
)
from sandbox.chaos.departments.staff import Staff, Typed
from sandbox.chaos.departments.works import PlannedWorks
from sandbox.chaos.fault_injection import FaultInjector
from sandbox.chaos.orders.plan import NO_FAULTS, order_faults
from sandbox.chaos.orders.post import post_order
from sandbox.chaos.payers import patiently
from sandbox.chaos.plan import FaultPlan, Plan
from sandbox.chaos.subscribers.subscriber_plan import CURRENCY
from sandbox.judge.rails.registers import BANK
from sandbox.stand_ins.bank import Bank, Transfer
from sandbox.stand_ins.office import OFFICE, Office
from sandbox.timeline import OVERSHOOT, Timeline
from settings import Settings

_FIRST = 10_000
"""Their days are no steps of the months: the plan has storms of its own for them."""
_DAYS_AT_MOST, _HOURS = 60, 4


class Departments:
    """``done`` counts what was done; ``wrong`` is what they saw go wrong."""

    def __init__(
        self, plan: Plan, settings: Settings, adapters: Adapters, timeline: Timeline, bank: Bank, app_payers: AppPayers
    ) -> None:
        self.wrong: list[str] = []
        self._plan = plan
        self._settings = settings
        self._ledger = adapters.ledger
        self._timeline = timeline
        self._bank = bank
        self._app_payers = app_payers
        self._office = Office(settings.data_dir / OFFICE)
        self._desk = connect_payment_desk(settings, adapters)
        self._procedures = connect_procedures(settings)
        self._zone = daytime_zone(_now())
        self._waiting = planned_connections(plan)
        self._works = PlannedWorks(settings, adapters, self._zone)
        self._planned = {each.number: each for each in self._waiting}
        self._open: set[str] = set()
        self._served: set[str] = set()  # by the number of the order that has connected them
        self._paid: Counter[str] = Counter()
        self._tried: set[tuple[str, str]] = set()  # what is done once for an order
        self._clocks: dict[str, datetime] = {}
        self.staff = Staff(settings, adapters, self._office)
        self.done = self.staff.done

    async def spend_days(self, fault_injector: FaultInjector, report: Callable[[str], None]) -> None:
        """Until every order has come to its end, and works were announced; in the second half nothing breaks."""
        await self.staff.begins()
        for day in range(_DAYS_AT_MOST):
            is_calm, step = day > _DAYS_AT_MOST // 2, _FIRST + day
            faults, of_orders = self._plan.faults(step), order_faults(self._plan, step)
            breaking = (FaultPlan(), NO_FAULTS) if is_calm else (faults, of_orders)
            async with fault_injector.during(*breaking):
                for hour in range(_HOURS):
                    await self.work(step * _HOURS + hour)
            report(f"{day:4}  departments: {len(self._open)} orders are open")
            if self.is_done:
                break
        else:
            self.wrong.append(f"these orders do not come to an end: {sorted(self._open)}")
        async with fault_injector.during(self._plan.faults(_FIRST - 1)):
            await self._works.announce([each for each in self._planned.values() if each.number in self._served])
        self.done.update(self._works.done)

    @property
    def is_done(self) -> bool:
        return not self._waiting and not self._open

    async def work(self, step: int) -> None:
        """Some newcomers come, and most orders go on."""
        new, self._waiting = self._waiting[:2], self._waiting[2:]
        moving = [number for number in sorted(self._open) if self._plan.draw("service", step, number).random() < 0.8]
        async with asyncio.TaskGroup() as group:
            for number in moving:
                group.create_task(self._go_on(number, step))
            for planned in new:
                group.create_task(self._place(connection(planned, self._zone), planned.is_opened_twice))

    # -- opening

    async def _place(self, request: ServiceRequest, twice: bool) -> None:
        self._office.orders(request, self._procedures[request.procedure])
        body = _body(request)
        answers = await asyncio.gather(*(post_order(self._settings, body) for _ in range(1 + twice)))
        known = {answer.text for answer in answers}
        if len(known) > 1 or answers[0].status_code not in (200, 201):
            self.wrong.append(f"{request.number} was answered as {sorted(known)}")
        unlike = request.evolve(values={**request.values, "text": "Something else"})
        other = await post_order(self._settings, _body(unlike))
        if other.status_code != 409:
            self.wrong.append(f"another order with the number {request.number} was answered as {other.text}")
        if account := answers[0].json().get("account"):
            self._app_payers.knows(self._of(request.number).customer_id, account)
        self._open.add(request.number)
        self.done[request.procedure] += 1

    def _of(self, number: str) -> PlannedConnection:
        return self._planned[number.removesuffix("-next")]

    # -- going on

    async def _go_on(self, number: str, step: int) -> None:
        standing = await patiently(lambda: self._ledger.service_standing(number))
        assert standing is not None, f"{number} has gone"
        planned, draw = self._of(number), self._plan.draw("act", step, number)
        if standing.is_closed:
            await self._has_ended(standing, planned)
        elif standing.stage is ServiceStage.HALTED:
            await self._change(number, Resume(change_id=str(uuid4()), by="cleo", reason="over", via="chaos"))
        elif self._once(number, "halt") and draw.random() < 0.3:
            await self._change(number, Halt(change_id=str(uuid4()), by="cleo", reason="wait", via="chaos"))
        elif _gives_up(planned, standing) and self._once(number, "cancel"):
            wanted = Cancel(change_id=str(uuid4()), by="cleo", reason="moves away", via="chaos")
            await asyncio.gather(*(self._change(number, wanted) for _ in range(2)))
        elif standing.kind == "task":
            await self._do_task(standing, planned, step)
        elif standing.kind == "payment":
            await self._pay(standing, planned)
        elif standing.next_at is not None:
            await self._reach(number, standing.next_at)

    def _once(self, number: str, what: str) -> bool:
        is_new = (number, what) not in self._tried
        self._tried.add((number, what))
        return is_new

    async def _has_ended(self, standing: ServiceStanding, planned: PlannedConnection) -> None:
        """Whoever is connected wants something else."""
        self._open.discard(standing.number)
        self.done[f"ended as {standing.outcome}"] += 1
        if standing.outcome == "disconnected":
            self._served.discard(planned.number)
        if standing.number == planned.number and standing.outcome == "connected":
            self._served.add(planned.number)
            shown = await patiently(lambda: self._ledger.service_order(standing.number))
            assert shown is not None, "it was there"
            assert shown.order.account is not None, "it is connected"
            await self._place(next_wish(planned, shown.order.account, self._zone), planned.is_opened_twice)

    async def _do_task(self, standing: ServiceStanding, planned: PlannedConnection, step: int) -> None:
        """The open task, or before it one that is done already; a request is late now and then."""
        number, draw = standing.number, self._plan.draw("task", step, standing.number)
        is_late = standing.procedure == Wish.REQUEST and self._once(number, "late")
        if is_late and standing.due_at is not None and draw.random() < 0.5:
            await self._reach(number, standing.due_at)
            return
        tasks = await patiently(lambda: self._ledger.tasks(TaskFilter(order_number=number, open_only=False)))
        ended = [task for task in tasks if task.end is not None and task.kind is TaskKind.STEP]
        if ended and draw.random() < 0.15:
            await self.staff.complete_again(ended[0], self._typed(ended[0], planned), partial(self._at, number))
        for task in (task for task in tasks if task.end is None):
            await self.staff.act(task, self._typed(task, planned), draw, partial(self._at, number))

    def _typed(self, task: Task, planned: PlannedConnection) -> Typed:
        """What the form of the task asks for, by the plan."""
        today = self._at(str(task.order_number)).date()
        known = {
            "possible": _yes(planned.ending is not Ending.IMPOSSIBLE),
            "reason": "no cable" if planned.ending is Ending.IMPOSSIBLE else "",
            "equipment": _yes(planned.has_equipment),
            "to_be_bought": _yes(planned.is_bought),
            "what": "a router",
            "day": f"{today}",
            "crew": "north",
            "serials": "A1 B2",
            "all_back": _yes(planned.missing == "0"),
            "price": planned.missing,
            "visit": "no",
            "first_day": f"{today + timedelta(days=2)}",
            "answer": "it is mended",
            "allow": "yes",
        }
        return {field.name: known[field.name] for field in task.form if known.get(field.name)}

    # -- paying, changing, waiting

    async def _pay(self, standing: ServiceStanding, planned: PlannedConnection) -> None:
        """The next part of the fee; whoever pays no more waits until it expires."""
        number, place = standing.number, self._paid[standing.number]
        self._paid[number] += 1
        if place >= len(planned.parts):
            if planned.ending is Ending.UNPAID and standing.ends_at is not None:
                await self._reach(number, standing.ends_at)
            return
        amount_minor = int(FEE_MINOR * planned.parts[place])
        if planned.is_by_app:
            await self._app_payers.pay(planned.customer_id, amount_minor, f"{number} {place}")
            return
        self.done["transfers"] += 1
        reference, amount = f"{number}-{place}", plain_amount(amount_minor, CURRENCY)
        sent: dict[str, Any] = {"reference": reference, "payer": planned.customer_id, "amount_minor": amount_minor}
        self._bank.credit(Transfer(**sent, currency=CURRENCY, sent_at=_now(), customer_id=planned.customer_id))
        typed = TypedPayment(BANK, reference, amount, CURRENCY, "cleo", "by the statement", planned.customer_id)
        await asyncio.gather(*(patiently(lambda: self._desk.record(typed, _now())) for _ in range(2)))

    async def _change(self, number: str, change: Change) -> None:
        self._office.asks(number, change)
        try:
            await patiently(lambda: self._ledger.change_service_order(number, change, self._at(number)))
            self.done["changes"] += 1
        except InvalidInput:
            self.done["changes refused"] += 1

    async def _reach(self, number: str, instant: datetime) -> None:
        """The order's workflow reaches the instant, once it runs; what people do with the order comes after that."""
        handle = self._timeline.handle(order_workflow_id(number))
        reached = await self._timeline.reach(handle, instant + OVERSHOOT)
        if reached is not None:
            self._clocks[number] = max(reached, self._clocks.get(number, reached))
            self.done["waits"] += 1

    def _at(self, number: str) -> datetime:
        return max(_now(), self._clocks.get(number, _now()))


def _body(request: ServiceRequest) -> bytes:
    body = request.model_dump(mode="json", exclude_none=True, exclude={"values"}) | request.values
    return json.dumps(body).encode()


def _gives_up(planned: PlannedConnection, standing: ServiceStanding) -> bool:
    return planned.ending is Ending.CANCELLED and standing.step == planned.gives_up_at


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _now() -> datetime:
    return datetime.now(UTC)
