"""The actions on the page of a month: their commands, the roles they take, and when the page offers them.

Only the workflow decides: a command that comes too late is refused there, and the page says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from billing.commands import Command, Halt, Resume
from billing.completeness.chains import ChainStatus
from billing.invoices.commands import Approve, Edit, Skip
from billing.invoices.invoice import AddLine, Change, RemoveLine
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.reviewers.users import Role


@dataclass(frozen=True)
class Action:
    """``name`` is in the address; ``effect`` is read before the command is given; ``weight`` is its button's class."""

    name: str
    role: Role
    effect: str = ""
    weight: str = ""
    text: str = ""
    update: str = ""

    @property
    def label(self) -> str:
        return self.text or self.name.capitalize()

    @property
    def command(self) -> str:
        """The name of the workflow's update."""
        return self.update or self.name


HALT = Action("halt", Role.REVIEWER, "Stops the clock: nothing is announced or charged until somebody resumes.")
RESUME = Action(
    "resume",
    Role.REVIEWER,
    "The month goes on; reviewers get at least {window} more to look at it. A failed step is retried.",
    "primary",
)
EDIT = Action("edit", Role.REVIEWER)
APPROVE = Action(
    "approve", Role.APPROVER, "Consents to exactly these lines and this total. Any later edit voids it.", "primary"
)
SKIP = Action(
    "skip", Role.APPROVER, "Closes {month} without a charge, for good. A balance carried into it stays.", "danger"
)
CLOSE = Action(
    "close",
    Role.APPROVER,
    "{month} is billed as planned and is the last one.",
    "danger",
    text="Close account",
    update="close_account",
)
START = Action(
    "start",
    Role.APPROVER,
    "{month} goes on exactly as it stood. Anything that has become due meanwhile is done at once.",
    "primary",
    text="Start billing",
)
"""Not among ``ACTIONS``: it is for a month that has no workflow to take commands."""
REFRESH = Action(
    "refresh",
    Role.REVIEWER,
    "Takes the rows in as the sheet has them. Lines that people added or edited stay, unless their row has changed.",
    "primary",
    text="Refresh the draft",
    update="edit",
)
"""Not among ``ACTIONS``: it stands where the page shows how the sheet differs."""
ACTIONS = (RESUME, APPROVE, EDIT, HALT, SKIP, CLOSE)
_ANYBODY = {"by": "somebody who has edited nothing", "reason": "would it be accepted?"}


def possible(month: Month, role: Role, now: datetime, chain: ChainStatus | None = None) -> tuple[Action, ...]:
    """The actions to offer a user with ``role``, the most likely first: those that the month would accept at ``now``.

    What stands still already is not offered to be halted, unless only the brake holds it. An approval is shown to the
    draft's editors too, with the reason why they cannot give it.
    """
    if month.outcome is not None or chain is ChainStatus.PAUSED:
        return ()
    if chain is not None and not chain.is_open:
        return (START,) if role.may(START.role) else ()
    offered = {
        action for action, command in _commands(month).items() if decide(month, command, now, "").refusal is None
    }
    if not month.leaving:
        offered.add(CLOSE)
    if month.stopped and not month.brake:  # it stands still without a halt
        offered.discard(HALT)
    if not month.awaits_approval:
        offered.discard(APPROVE)
    return tuple(action for action in ACTIONS if action in offered and role.may(action.role))


def _commands(month: Month) -> Mapping[Action, Command]:
    """A command of each kind, to try."""
    commands: dict[Action, Command] = {
        HALT: Halt.model_validate(_ANYBODY),
        RESUME: Resume.model_validate(_ANYBODY),
        SKIP: Skip.model_validate(_ANYBODY | {"period": month.period}),
    }
    if (invoice := month.invoice) is not None:
        lines = [*(line.line_id for line in invoice.lines), *(problem.line_id for problem in invoice.problems)]
        change: Change = RemoveLine(line_id=lines[0]) if lines else AddLine(description="a line", amount_minor=0)
        edit = {"period": month.period, "version": invoice.version, "changes": (change,)}
        commands[EDIT] = Edit.model_validate(_ANYBODY | edit)
        commands[APPROVE] = Approve.model_validate(_ANYBODY | {"digest": invoice.digest})
    return commands
