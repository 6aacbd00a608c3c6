"""What a person can do to a month from its page: the commands, who may give them, and when they make sense.

Only the workflow decides: a command that comes too late is refused there, and the page says why.
"""

from dataclasses import dataclass

from billing.completeness.chains import ChainStatus
from billing.invoices.month import Month
from billing.reviewers.users import Role


@dataclass(frozen=True)
class Action:
    """``name`` is in the address, ``command`` the name of the update. ``effect`` is read before it is given."""

    name: str
    command: str
    role: Role
    label: str
    effect: str
    weight: str = ""  # the class of its button


HALT = Action(
    "halt",
    "halt",
    Role.REVIEWER,
    "Halt",
    "Stops the clock: nothing is announced or charged until somebody resumes.",
)
RESUME = Action(
    "resume",
    "resume",
    Role.REVIEWER,
    "Resume",
    "Lets the month go on; the others get at least {window} to look at it. What had failed is tried again.",
    "primary",
)
EDIT = Action("edit", "edit", Role.REVIEWER, "Edit", "")
APPROVE = Action(
    "approve",
    "approve",
    Role.APPROVER,
    "Approve",
    "Consents to exactly these lines and this total. Any later edit voids it.",
    "primary",
)
SKIP = Action(
    "skip",
    "skip",
    Role.APPROVER,
    "Skip",
    "Closes {month} without a charge, for good. A balance carried into it stays.",
    "danger",
)
CLOSE = Action(
    "close",
    "close_account",
    Role.APPROVER,
    "Close account",
    "{month} is billed as planned and is the last one.",
    "danger",
)
START = Action(
    "start",
    "start",
    Role.APPROVER,
    "Start billing",
    "{month} goes on exactly as it stood. What has become due meanwhile is done at once.",
    "primary",
)
"""Not among the others: it is given to a month that has no workflow to take it."""
REFRESH = Action(
    "refresh",
    "edit",
    Role.REVIEWER,
    "Refresh the draft",
    "Takes the rows in as the sheet has them. Lines that people added or edited stay, unless their row has changed.",
    "primary",
)
"""Not among the others: it stands where the page shows how the sheet differs."""
SOMEBODY = ""  # who has edited nothing
ACTIONS = (RESUME, APPROVE, EDIT, HALT, SKIP, CLOSE)


def possible(month: Month, role: Role, chain: ChainStatus | None = None) -> tuple[Action, ...]:
    """What somebody with ``role`` can do to ``month`` as it and its workflow stand, the most likely first.

    An approval is shown to its editors, too: with why it is not theirs to give.
    """
    if month.outcome is not None or chain is ChainStatus.PAUSED:
        return ()
    if chain is not None and not chain.is_open:
        return (START,) if role.may(START.role) else ()
    is_moving = month.charging is not None
    is_failed = month.failure is not None
    makes_sense = {
        HALT: month.halt is None and not is_moving,
        RESUME: is_failed or (month.halt is not None and not is_moving),
        EDIT: month.invoice is not None and not is_moving,
        APPROVE: month.awaits_approval and not month.refuses_approval_by(SOMEBODY) and not is_moving,
        SKIP: not is_moving or is_failed,
        CLOSE: month.leaving is None,
    }
    return tuple(each for each in ACTIONS if makes_sense[each] and role.may(each.role))
