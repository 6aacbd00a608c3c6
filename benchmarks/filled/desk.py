"""A ledger with many service orders and tasks, for measuring: 100,000 orders, half of them open, 1,000,000 tasks.

    fill_desk(ledger, connect_procedures(settings), orders=100_000, tasks=1_000_000, at=now, member=Member("viv", …))

The rows are those that the application writes of orders to connect and to disconnect, as many at each step that has a
task; they are made by the database itself. A tenth of the tasks of the member's departments are the member's; half
of the open ones are nobody's.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, case, select

from adapters.sql.ledger import SqlLedger
from adapters.sql.schema.billers import service_accounts
from adapters.sql.schema.service_orders import service_order_log, service_order_steps, service_orders
from adapters.sql.schema.services import tasks as task_table
from adapters.sql.service_orders.rows import changing_values, fixed_values, keep_procedure
from benchmarks.filled.database_rows import (
    CURRENCY,
    indexed_later,
    insert_customers,
    insert_rows,
    instant_of,
    places_of,
    settle,
    take_room,
    text_of,
)
from billing.tasks.member import Member
from billing.tasks.task import NewTask, TaskKind, TaskOutcome
from orders.procedures.procedure import Procedure
from orders.procedures.steps import EndStep, PaymentStep, TaskStep
from orders.procedures.walking import returnable
from orders.service.decision import DECISION
from orders.service.service_order import ServiceEnd, ServiceOrder, StepOutcome

_Waiting = TaskStep | PaymentStep
_LED_BY = ("connect", "disconnect")
_HOUR = 3600
_BEGAN = timedelta(days=40)
"""So long ago the first order was opened; the others followed every twenty seconds."""


class _Share(NamedTuple):
    """Orders that stand at one step, after so many rounds of tasks: at ``places``, each ``place`` of which is one."""

    procedure: Procedure
    step: _Waiting | EndStep
    rounds: int
    places: FromClause
    round_of: int  # orders that come between two of the share

    @property
    def place(self) -> ColumnElement[int]:
        return self.places.c.place

    @property
    def number(self) -> ColumnElement[str]:
        return text_of("order-", self.place)

    @property
    def customer_id(self) -> ColumnElement[str]:
        return text_of("customer-", self.place)

    @property
    def turn(self) -> ColumnElement[int]:
        """0 to 9, for a tenth of the share each."""
        return (self.place // self.round_of) % 10

    @property
    def is_open(self) -> bool:
        return not isinstance(self.step, EndStep)

    def task_of(self, number: int) -> _Waiting:
        """The step of a round; that of the last one is where an open order stands."""
        found = _with_task(self.procedure)
        last = next((place for place, step in enumerate(found) if step == self.step), len(found) - 1)
        return found[(last - (self.rounds - 1 - number)) % len(found)]


class _Clock(NamedTuple):
    connection: Connection
    at: datetime

    def opened(self, share: _Share, after_seconds: Any = 0) -> ColumnElement[datetime]:
        """So long after an order was opened."""
        return instant_of(self.connection, self.at - _BEGAN, 20 * share.place + after_seconds)

    def due(self, share: _Share) -> ColumnElement[datetime]:
        """Of an open task: three of ten are late."""
        return instant_of(self.connection, self.at, (share.place * 7919) % 1_000_000 - 300_000)


def fill_desk(
    ledger: SqlLedger, procedures: Mapping[str, Procedure], orders: int, tasks: int, at: datetime, member: Member
) -> None:
    """Within one transaction."""
    filled = (task_table, service_orders, service_order_steps, service_order_log)
    with ledger._writing("fill its desk") as connection, indexed_later(connection, *filled):
        take_room(connection)
        insert_customers(connection, orders, at)
        clock = _Clock(connection, at)
        shares = list(_shares([procedures[name] for name in _LED_BY], orders, tasks // orders))
        for share in shares:
            _take_in(clock, share)
        for number in range(tasks // orders):
            for share in shares:
                _add_round(clock, share, number, member)
    settle(ledger)


def _shares(procedures: list[Procedure], orders: int, rounds: int) -> Iterator[_Share]:
    open_ones = [(procedure, step) for procedure in procedures for step in _with_task(procedure)]
    ends = [(each, next(step for step in each.steps if isinstance(step, EndStep))) for each in procedures]
    stands: list[tuple[Procedure, _Waiting | EndStep]] = [
        *open_ones,
        *(ends[n % len(ends)] for n in range(len(open_ones))),
    ]
    for first, (procedure, step) in enumerate(stands):
        if count := len(range(first, orders, len(stands))):
            yield _Share(procedure, step, rounds, places_of(count, first, len(stands)), len(stands))


def _with_task(procedure: Procedure) -> list[_Waiting]:
    return [
        step
        for step in procedure.steps
        if isinstance(step, TaskStep) or (isinstance(step, PaymentStep) and step.asks is not None)
    ]


def _take_in(clock: _Clock, share: _Share) -> None:
    """The orders, what their logs say, and the ends of those that have ended."""
    order = _order(share, clock.at)
    constant = fixed_values(order, "bench", keep_procedure(clock.connection, order.procedure))
    constant |= changing_values(order, clock.at)
    stands_since = clock.opened(share, (order.position - 1) * 2 * _HOUR)
    about = {"number": share.number, "customer_id": share.customer_id}
    own = about | {
        "account": _account(share),
        "opened_at": clock.opened(share),
        "step_since": stands_since,
        "changed_at": stands_since,
        **({"due_at": clock.due(share)} if share.is_open else {"closed_at": stands_since}),
    }
    given = {name: value for name, value in constant.items() if value is not None}
    insert_rows(clock.connection, share.places, service_orders, **given | own)
    logged = {"at": clock.opened(share), "what": "opened", "text": order.procedure.title}
    insert_rows(clock.connection, share.places, service_order_log, **about, **logged)
    if not share.is_open:
        ended = {"began_at": stands_since, "ended_at": stands_since, "outcome": order.end and order.end.outcome}
        step = {"position": order.position, "step": order.step, "kind": order.now_at.kind}
        insert_rows(clock.connection, share.places, service_order_steps, **about, **step, **ended)


def _order(share: _Share, at: datetime) -> ServiceOrder:
    """What is the same of all orders of a share."""
    return ServiceOrder(
        number="1",
        procedure=share.procedure,
        customer_id="1",
        account=None,
        currency=CURRENCY,
        timezone="Europe/Paris",
        values={"address": "Abay Ave. 1"},
        step=share.step.name,
        position=share.rounds + (not share.is_open),
        step_since=at,
        opened_at=at,
        opened_by="",
        revision=share.rounds,
        end=ServiceEnd(outcome=share.step.outcome, at=at) if isinstance(share.step, EndStep) else None,
    )


def _add_round(clock: _Clock, share: _Share, number: int, member: Member) -> None:
    """The task of each order of the share in this round, and the step in its history."""
    step = share.task_of(number)
    is_open = share.is_open and number == share.rounds - 1
    task = _task(share.procedure, step)
    began_at = clock.opened(share, number * 2 * _HOUR)
    ended_at = clock.opened(share, number * 2 * _HOUR + 60 + (share.place * 7919) % (2 * _HOUR - 60))
    who = _person(share, task, member)
    about = {"customer_id": share.customer_id}
    due_at = clock.due(share) if is_open else clock.opened(share, (number + 1) * 2 * _HOUR)
    owner = case((share.turn < 5, who)) if is_open else who
    claimed = {"owner": owner, "claimed_at": case((owner.is_not(None), began_at))}
    values: dict[str, Any] = {**claimed, "opened_at": began_at, "due_at": due_at, "sort_at": due_at, "answers": {}}
    ended = {} if is_open else {"outcome": TaskOutcome.DONE, "ended_by": who, "ended_at": ended_at}
    named = {"key": text_of("order ", share.number, f" {number + 1}"), "order_number": share.number}
    given = {name: value for name, value in task.model_dump(mode="json").items() if value is not None}
    own = about | values | ended | named | {"account": _account(share)}
    insert_rows(clock.connection, share.places, task_table, **given | own)
    done = {} if is_open else {"ended_at": ended_at, "by": who, "outcome": StepOutcome.DONE}
    history = {"number": share.number, "position": number + 1, "step": step.name, "kind": step.kind}
    insert_rows(clock.connection, share.places, service_order_steps, **about, **history, began_at=began_at, **done)


def _task(procedure: Procedure, step: _Waiting) -> NewTask:
    is_same: dict[str, Any] = {
        "kind": TaskKind.STEP,
        "key": "1",
        "customer_id": "1",
        "step": step.name,
        "values": {"title": step.title},
    }
    if isinstance(step, PaymentStep):
        return NewTask(**is_same, department=step.asks, form=DECISION)
    returns_to = {task.name: task.title for task in returnable(procedure, step)}
    return NewTask(**is_same, department=step.department, form=step.form, returns_to=returns_to)


def _person(share: _Share, task: NewTask, member: Member) -> ColumnElement[str]:
    """Who does the task: in a tenth of the member's departments, the member."""
    others = text_of(f"{task.department}-", share.place % 7)
    return case((share.turn == 0, member.username), else_=others) if task.department in member.departments else others


def _account(share: _Share) -> ColumnElement[str]:
    return (
        select(service_accounts.c.number).where(service_accounts.c.customer_id == share.customer_id).scalar_subquery()
    )
