"""A task: something that people have to do, by a date; it is opened once, and ends once."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from billing.customers.account_numbers import AccountNumber
from billing.errors import InvalidInput
from billing.model import Author, Code, Count, Id, Instant, Line, Model, Why, Words
from billing.tasks.forms import Answer, Answers, Form, TypedForm, read_form
from billing.tasks.member import Department, Member


class TaskKind(StrEnum):
    STEP = "step"  # of an order: what its procedure says
    DISCONNECT = "disconnect"  # a service account, after a last look at the money
    NO_WORKING_NUMBER = "no_working_number"  # the customer's phone takes no texts
    PROVISION = "provision"  # tell the network by hand: it has no address
    ENTER_AMOUNTS = "enter_amounts"  # of a month in review mode manual

    @property
    def ends_by_itself_only(self) -> bool:
        """Nobody says that it is done: it is done when what it asks for is there."""
        return self is TaskKind.ENTER_AMOUNTS


DEPARTMENT_OF: Final = {
    TaskKind.DISCONNECT: "crew",
    TaskKind.NO_WORKING_NUMBER: "operator",
    TaskKind.PROVISION: "crew",
    TaskKind.ENTER_AMOUNTS: "accounting",
}
"""Of a kind that does not say which."""


class TaskOutcome(StrEnum):
    DONE = "done"
    NOT_DONE = "not_done"  # people have decided otherwise
    RETURNED = "returned"  # to an earlier step of its order
    NEEDLESS = "needless"  # it has ended by itself


class TaskEnd(Model):
    """``by`` None: the application. ``answers``: what the form says. ``to_step``: where it was returned to."""

    outcome: TaskOutcome
    at: Instant
    by: Author | None
    reason: Words | None = None
    answers: Answers = Field(default_factory=dict)
    to_step: Code | None = None


class Completion(Model):
    """What somebody says who has done a task, or will not; ``typed`` as it was typed, by field."""

    outcome: TaskOutcome = TaskOutcome.DONE
    typed: TypedForm = Field(default_factory=dict)
    reason: Why | None = None


class NewTask(Model):
    """``key`` names the matter: it opens one task. ``values`` are what its text needs, by code.

    ``department`` None: that of its kind. Of an order's step, ``values["title"]`` says what is to be done, and
    ``returns_to`` names the steps that it may go back to, with their titles; ``crew`` is who was chosen for it, whose
    department it is, and ``visit_on`` the day of the visit, as ISO writes it.
    """

    kind: TaskKind
    key: Line
    customer_id: Id
    account: AccountNumber | None = None
    values: dict[Code, Line] = Field(default_factory=dict, max_length=20)
    due_at: Instant | None = None
    department: Department | None = None
    order_number: Id | None = None
    step: Code | None = None
    crew: Department | None = None
    visit_on: Code | None = None
    form: Form = ()
    returns_to: Annotated[dict[Code, Line], Field(max_length=50)] = Field(default_factory=dict)


class Task(NewTask):
    """``owner`` None: nobody has claimed it. ``end`` None: it is open."""

    number: Count
    department: Department
    opened_at: Instant
    owner: Author | None = None
    claimed_at: Instant | None = None
    end: TaskEnd | None = None

    def is_late(self, at: datetime) -> bool:
        return self.end is None and self.due_at is not None and self.due_at < at

    def check_member(self, member: Member) -> None:
        """Raises ``InvalidInput`` unless the task is their department's."""
        if not member.is_of(self.department):
            theirs = ", ".join(member.departments) or "no department"
            raise InvalidInput(
                f"task {self.number} is for {self.department}, and {member.username} belongs to {theirs}; ask somebody "
                f"of {self.department}"
            )

    def claimed(self, member: Member, at: datetime) -> "Task":
        """Theirs; as it stands if it is already. Raises ``InvalidInput``."""
        self.check_member(member)
        if self.owner == member.username and self.end is None:
            return self
        return self._unowned().evolve(owner=member.username, claimed_at=at)

    def owned_by(self, owner: Member | None, at: datetime) -> "Task":
        """Somebody else's, or (None) nobody's again. Raises ``InvalidInput``."""
        self._require_open()
        if owner is not None:
            self.check_member(owner)
        return self.evolve(owner=owner and owner.username, claimed_at=owner and at)

    def assigned(self, owner: Member, at: datetime) -> "Task":
        """As ``owned_by``, unless somebody else has it already."""
        self.check_member(owner)
        return self if self.owner == owner.username and self.end is None else self._unowned().owned_by(owner, at)

    def completed(
        self,
        member: Member,
        completion: Completion,
        files: Mapping[str, tuple[str, ...]],
        currency: str | None,
        at: datetime,
    ) -> "Task":
        """Raises ``InvalidInput`` and ``FormRefused``; as it stands if they have completed it so before."""
        self.check_member(member)
        answers = dict[str, Answer]()
        if self.kind is TaskKind.STEP:
            if completion.outcome is not TaskOutcome.DONE:
                raise InvalidInput(f"a step is done or returned; to end its order, cancel {self.order_number}")
            answers = read_form(self.form, completion.typed, currency, files)
        elif completion.reason is None:
            raise InvalidInput("say why, in up to 1,000 characters: it is kept")
        return self._ended_by(
            member,
            TaskEnd(outcome=completion.outcome, at=at, by=member.username, reason=completion.reason, answers=answers),
        )

    def returned(self, member: Member, to_step: str, reason: str, at: datetime) -> "Task":
        """Back to an earlier step. Raises ``InvalidInput``; as it stands if they have returned it so before."""
        self.check_member(member)
        if to_step not in self.returns_to:
            allowed = ", ".join(self.returns_to) or "no other step"
            raise InvalidInput(f"task {self.number} cannot go back to {to_step[:100]!r}; it may go to {allowed}")
        end = TaskEnd(outcome=TaskOutcome.RETURNED, at=at, by=member.username, reason=reason, to_step=to_step)
        return self._ended_by(member, end)

    def ended(self, end: TaskEnd) -> "Task":
        """Raises ``InvalidInput`` if it has ended otherwise; as it stands if it has ended so."""
        if self.end is None:
            return self.evolve(end=end)
        if _is_same(self.end, end):
            return self
        by = self.end.by or "the application"
        why = f": {self.end.reason}" if self.end.reason else " with other answers"
        raise InvalidInput(f"task {self.number} was ended by {by} as {self.end.outcome.replace('_', ' ')}{why}")

    def _ended_by(self, member: Member, end: TaskEnd) -> "Task":
        if self.end is None and self.kind.ends_by_itself_only:
            raise InvalidInput(f"task {self.number} closes by itself, once the amounts are entered in the draft")
        if self.end is None and self.owner not in (None, member.username) and not member.may_all:
            raise InvalidInput(f"task {self.number} is {self.owner}'s; hand it over to {member.username} first")
        return self.ended(end)

    def _unowned(self) -> "Task":
        self._require_open()
        if self.owner is not None:
            raise InvalidInput(f"task {self.number} is {self.owner}'s; hand it over, and say why")
        return self

    def _require_open(self) -> None:
        if self.end is not None:
            by = self.end.by or "the application"
            raise InvalidInput(f"task {self.number} has ended: {self.end.outcome.replace('_', ' ')} by {by}")


def _is_same(before: TaskEnd, end: TaskEnd) -> bool:
    return (before.outcome, before.by, before.answers, before.to_step) == (
        end.outcome,
        end.by,
        end.answers,
        end.to_step,
    )
