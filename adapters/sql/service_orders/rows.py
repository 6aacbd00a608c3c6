"""Service orders from rows, and rows from service orders."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from adapters.sql.core.columns import UtcInstant
from adapters.sql.core.statements import insert_new
from adapters.sql.schema.service_orders import (
    procedure_copies,
    service_order_log,
    service_order_steps,
    service_orders,
)
from orders.ports import OrderLogEntry
from orders.procedures.procedure import Procedure
from orders.service.service_order import ServiceOrder, StepRecord

S, H, L = service_orders.c, service_order_steps.c, service_order_log.c
_ONE = select(service_orders).where(S.number == bindparam("number"))
_SAVE = update(service_orders).where(S.number == bindparam("of"))
_INSERT_STEP, _INSERT_ENTRY = insert(service_order_steps), insert(service_order_log)
_END_STEP = (
    update(service_order_steps)
    .where(H.number == bindparam("of"), H.position == bindparam("place"), H.ended_at.is_(None))
    .values(
        ended_at=bindparam("now", type_=UtcInstant),
        by=bindparam("who"),
        outcome=bindparam("how"),
        reason=bindparam("why"),
    )
)
_COPY = select(procedure_copies.c.procedure).where(procedure_copies.c.digest == bindparam("digest"))
_COPIES_MAX = 200
_copies: dict[str, Procedure] = {}
_FIXED = ("number", "customer_id", "account", "currency", "timezone", "opened_at", "opened_by")
_KEPT = ("step", "position", "step_since", "due_at", "ends_at", "reminders", "reminded_at", "revision")


def read_service_order(connection: Connection, number: str) -> ServiceOrder | None:
    row = connection.execute(_ONE, {"number": number}).mappings().one_or_none()
    return as_service_order(connection, row) if row else None


def as_service_order(connection: Connection, row: Any) -> ServiceOrder:
    values = {name: row[name] for name in ServiceOrder.model_fields if name != "procedure"}
    return ServiceOrder.model_validate(values | {"procedure": _procedure(connection, row["procedure_digest"])})


def _procedure(connection: Connection, digest: str) -> Procedure:
    """The copy with this digest, which names what is in it: it is read once in a process."""
    if (known := _copies.get(digest)) is not None:
        return known
    copied = Procedure.model_validate(connection.execute(_COPY, {"digest": digest}).scalar_one())
    if len(_copies) >= _COPIES_MAX:
        _copies.clear()
    _copies[digest] = copied
    return copied


def keep_procedure(connection: Connection, procedure: Procedure) -> str:
    """Keeps a copy of it, if there is none; its digest."""
    digest = hashlib.sha256(procedure.model_dump_json().encode()).hexdigest()
    insert_new(connection, procedure_copies, [{"digest": digest, "procedure": procedure.model_dump(mode="json")}])
    return digest


def fixed_values(order: ServiceOrder, digest: str, procedure_digest: str) -> dict[str, Any]:
    of_procedure = {"procedure_name": order.procedure.name, "procedure_digest": procedure_digest}
    return {name: getattr(order, name) for name in _FIXED} | of_procedure | {"digest": digest}


def changing_values(order: ServiceOrder, at: datetime) -> dict[str, Any]:
    """The columns that may change."""
    models = {name: getattr(order, name) for name in ("halt", "cancelled", "end")}
    return {
        **{name: getattr(order, name) for name in _KEPT},
        **{name: model and model.model_dump(mode="json") for name, model in models.items()},
        "account": order.account,
        "values": order.model_dump(mode="json", include={"values"})["values"],
        "kind": order.now_at.kind,
        "stage": order.stage,
        "changed_at": at,
        "closed_at": order.end.at if order.end else None,
    }


def save_service_order(connection: Connection, order: ServiceOrder, at: datetime) -> None:
    connection.execute(_SAVE.values(changing_values(order, at)), {"of": order.number})


def begin_step(connection: Connection, order: ServiceOrder) -> None:
    """Writes down that the order has begun its present step; an end is over at once."""
    record = StepRecord(
        position=order.position,
        step=order.step,
        kind=order.now_at.kind,
        began_at=order.step_since,
        ended_at=order.end.at if order.end else None,
        outcome=order.end.outcome if order.end else None,
    )
    names = {"number": order.number, "customer_id": order.customer_id}
    connection.execute(_INSERT_STEP, {**names, **record.model_dump()})


def end_step(
    connection: Connection, order: ServiceOrder, outcome: str, at: datetime, by: str | None = None, reason: str = ""
) -> None:
    """Writes down how the present step has ended, once."""
    ended = {"of": order.number, "place": order.position, "now": at, "who": by, "how": outcome, "why": reason or None}
    connection.execute(_END_STEP, ended)


def log_change(connection: Connection, order: ServiceOrder, entry: OrderLogEntry, **of_change: str) -> None:
    """Adds an entry to the order's log; ``of_change``: the change's id and content."""
    values = {"number": order.number, "customer_id": order.customer_id, **entry.model_dump()}
    connection.execute(_INSERT_ENTRY, values | {"change_id": None, "content": None} | of_change)
