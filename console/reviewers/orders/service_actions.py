"""The actions on a service order's page: the roles they take, and when the page offers them.

Only the ledger decides: a change that comes too late is refused there, and the page says why.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from billing.errors import InvalidInput
from billing.reviewers.users import Role
from console.reviewers.orders.actions import Action
from orders.changes import Cancel, Change, Correct, Halt, Reopen, Resume
from orders.procedures.walking import can_be_cancelled, check_cancellation, undoing
from orders.service.corrections import correctable
from orders.service.service_order import ServiceOrder

RESUME = Action(
    "resume",
    Role.REVIEWER,
    "Resume",
    "The order goes on with what was done meanwhile. A step that could not be carried out is tried again.",
    "The tariff is offered again",
    "primary",
)
REOPEN = Action(
    "reopen",
    Role.REVIEWER,
    "Reopen",
    "The order goes on with “{step}”, as if it had not ended.",
    "It is slow again",
    "primary",
)
HALT = Action(
    "halt",
    Role.REVIEWER,
    "Halt",
    "No step follows, whatever is done or paid, until somebody resumes.",
    "They are away until Monday",
)
CANCEL = Action(
    "cancel",
    Role.APPROVER,
    "Cancel the order",
    "Its task is needless, nothing is owed for it any more, what was paid is credit. It goes on with “{step}”.",
    "They have changed their mind",
    "danger",
)
CORRECT = Action(
    "correct",
    Role.REVIEWER,
    "Correct",
    "The order knows another value from now on; steps that are done stay as they are. Then resume it.",
    "December is drafted already",
)
SERVICE_ACTIONS = (RESUME, CORRECT, REOPEN, HALT, CANCEL)
_CHANGES: dict[str, type[Halt | Resume | Reopen | Cancel]] = {
    "resume": Resume,
    "reopen": Reopen,
    "halt": Halt,
    "cancel": Cancel,
}


def change_of(action: str, common: dict[str, Any], typed: Mapping[str, str]) -> Change:
    """The change that ``action`` names; ``common`` is what every change says, ``typed`` what stood in its form."""
    if action == CORRECT.name:
        return Correct(**common, name=typed.get("name", "")[:100], typed=typed.get("typed", "")[:10_000])
    return _CHANGES[action](**common)


def possible(order: ServiceOrder, role: Role, now: datetime, kept: str = "") -> tuple[Action, ...]:
    """The actions to offer a user with ``role``, the most likely first, with what they would lead to.

    ``kept`` names one that was refused just now: its form stays, with what was typed.
    """
    reopens = order.procedure.reopens
    undo = undoing(order.procedure, order.values).title
    can = {
        RESUME: not order.is_closed and order.halt is not None,
        CORRECT: not order.is_closed and order.halt is not None and bool(correctable(order)),
        REOPEN: reopens is not None and order.cancelled is None and _ended_within(order, now),
        HALT: not order.is_closed and order.halt is None,
        CANCEL: not order.is_closed and order.cancelled is None and can_be_cancelled(order.procedure, order.now_at),
    }
    steps = {REOPEN: order.procedure.step(reopens.step).title if reopens else "", CANCEL: undo}
    return tuple(
        _about(action, steps)
        for action in SERVICE_ACTIONS
        if action.name == kept or (can[action] and role.may(action.role))
    )


def _about(action: Action, steps: dict[Action, str]) -> Action:
    return replace(action, effect=action.effect.format(step=steps[action])) if action in steps else action


def _ended_within(order: ServiceOrder, now: datetime) -> bool:
    reopens = order.procedure.reopens
    return order.end is not None and reopens is not None and now <= order.end.at + reopens.within


def why_not_cancelled(order: ServiceOrder) -> str:
    """Why an open order cannot be cancelled any more, and what to do instead; "": it can be, or was."""
    if order.is_closed or order.cancelled is not None:
        return ""
    try:
        check_cancellation(order.procedure, order.now_at)
    except InvalidInput as error:
        return str(error)
    return ""
