"""The actions on an order's page: the roles they take, and when the page offers them.

Only the ledger decides: a change that comes too late is refused there, and the page says why.
"""

from dataclasses import dataclass

from billing.reviewers.users import Role
from orders.order import Order, Rejected


@dataclass(frozen=True)
class Action:
    """``name`` is in the address; ``effect`` is read before it is done; ``weight`` is its button's class."""

    name: str
    role: Role
    label: str
    effect: str
    placeholder: str
    weight: str = ""


RESUME = Action(
    "resume",
    Role.REVIEWER,
    "Resume",
    "The order goes on. What is paid enough by now is released at once.",
    "The file is right after all",
    "primary",
)
SEND_AGAIN = Action(
    "send-again",
    Role.REVIEWER,
    "Send again",
    "Production is asked once more, with the same release under the same key. It makes nothing twice.",
    "Production has the material now",
    "primary",
)
AMEND = Action("amend", Role.REVIEWER, "Amend", "", "The buyer wants one more")
HALT = Action(
    "halt",
    Role.REVIEWER,
    "Halt",
    "Nothing more is released, whatever is paid, until somebody resumes. What is released stays released.",
    "The file looks wrong",
)
CANCEL = Action(
    "cancel",
    Role.APPROVER,
    "Cancel the order",
    "Ends the order for good: nothing is owed for it any more, and nothing is made.",
    "The buyer has changed their mind",
    "danger",
)
ACTIONS = (RESUME, SEND_AGAIN, AMEND, HALT, CANCEL)


def possible(order: Order, role: Role) -> tuple[Action, ...]:
    """The actions to offer a user with ``role``, the most likely first."""
    is_open = order.end is None
    is_whole = all(order.release(kind) for kind in order.kinds)
    can = {
        RESUME: is_open and order.halt is not None,
        SEND_AGAIN: is_open and any(isinstance(release.answer, Rejected) for release in order.releases),
        AMEND: is_open and not order.is_started,
        HALT: is_open and order.halt is None and not is_whole,
        CANCEL: order.can_be_cancelled,
    }
    return tuple(action for action in ACTIONS if can[action] and role.may(action.role))
