"""The steps of a procedure, by their kinds: what each does, what it waits for, and where it leads.

An order's values are named ``category``, a field of its request, or ``feasibility.possible``, an answer in the form of
a step. A payment step has the answer ``outcome``, a ``PaymentOutcome``.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from billing.model import Kept, Line, Model
from billing.tasks.forms import FieldName, Form
from billing.tasks.member import Department
from orders.procedures.spans import Deadline, Span

BRANCHES_MAX = 20
StepName = FieldName
ValueName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}(\.[a-z][a-z0-9_]{0,49})?$", max_length=101)
]
"""``category``: a field of the request; ``feasibility.possible``: an answer of a step."""
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Kept]
OUTCOME = "outcome"


def _several(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


Wanted = Annotated[tuple[bool | Line, ...], Field(min_length=1, max_length=50), BeforeValidator(_several)]
"""The answers for which a branch is taken: any of them."""


class Branch(Model, extra="forbid"):
    """Leads to the step ``go``, if each value in ``when`` is one of those that are wanted; without any, always."""

    go: StepName
    when: Annotated[dict[ValueName, Wanted], Field(max_length=BRANCHES_MAX)] = Field(default_factory=dict)


def _branches(value: object) -> object:
    return ({"go": value},) if isinstance(value, str) else value


Branches = Annotated[tuple[Branch, ...], Field(max_length=BRANCHES_MAX), BeforeValidator(_branches)]
"""The first that fits is taken; the last has no condition. Its text is the name of a step, the only one."""


class _Step(Model, extra="forbid"):
    name: StepName
    title: Title


class _Leading(_Step):
    """A step after which another follows."""

    next: Annotated[Branches, Field(min_length=1)]


class TaskStep(_Leading):
    """A task of a department; its form's answers become values of the order.

    ``due`` counts from its beginning, or from the day in the value ``day``, which is the day it is for. The crew in the
    value ``crew`` gets it, if it is one that is set. A late one ``escalates_to`` another department. It may be returned
    to the steps ``can_return_to``, with a reason.
    """

    kind: Literal["task"] = "task"
    department: Department
    due: Deadline
    day: ValueName | None = None
    crew: ValueName | None = None
    form: Form = ()
    can_return_to: Annotated[tuple[StepName, ...], Field(max_length=BRANCHES_MAX)] = ()
    escalates_to: Department | None = None


class PaymentOutcome(StrEnum):
    """How a payment step has ended."""

    SETTLED = "settled"
    ALLOWED = "allowed"  # a person lets the order go on, whatever is owed
    REFUSED = "refused"  # a person does not
    EXPIRED = "expired"


class PaymentStep(_Leading):
    """Waits until ``fee`` is settled; or, with ``nothing_owed``, until nothing is overdue.

    ``asks``: people of that department may decide instead, by a task that is ``due`` and closes by itself when the
    money comes. ``expires``: when it ends without money.
    """

    kind: Literal["payment"] = "payment"
    fee: FieldName | None = None
    nothing_owed: bool = False
    asks: Department | None = None
    due: Deadline | None = None
    escalates_to: Department | None = None
    expires: Span | None = None

    @model_validator(mode="after")
    def _waits(self) -> Self:
        if self.nothing_owed == (self.fee is not None):
            raise ValueError("write either fee, with the fee's code, or nothing_owed: yes")
        if (self.asks is None) != (self.due is None):
            raise ValueError("asks, the department that decides, and due, by when, stand together")
        if self.escalates_to is not None and self.asks is None:
            raise ValueError("escalates_to needs asks: nobody has a task that could be late")
        return self

    @property
    def outcomes(self) -> tuple[PaymentOutcome, ...]:
        """How it may end."""
        decided = (PaymentOutcome.ALLOWED, PaymentOutcome.REFUSED) if self.asks else ()
        return (PaymentOutcome.SETTLED, *decided, *((PaymentOutcome.EXPIRED,) if self.expires else ()))


class TellStep(_Leading):
    """Tells the subscriber, by the channels of their bills. ``quotes`` is the value that the text repeats."""

    kind: Literal["tell"] = "tell"
    text: FieldName
    quotes: ValueName | None = None


class NetworkChange(StrEnum):
    ACTIVATE = "activate"
    DISCONNECT = "disconnect"


class CallStep(_Leading):
    """Changes the service account, and has provisioning told of it, for as long as it takes."""

    kind: Literal["call"] = "call"
    change: NetworkChange


class BillingAction(StrEnum):
    START = "start"  # the tariff of the request
    CLOSE = "close"  # the account's tariff, and what belongs to it
    CHANGE_TARIFF = "change_tariff"  # to the tariff of the request
    CHARGE = "charge"  # a one-off fee


class BillingStep(_Leading):
    """Changes what the account is billed, from the day in the value ``day`` on, or from the day of the step.

    A charge is ``fee``, or the ``amount`` that a form has. Its line has the step's title.
    """

    kind: Literal["billing"] = "billing"
    action: BillingAction
    day: ValueName | None = None
    fee: FieldName | None = None
    amount: ValueName | None = None

    @model_validator(mode="after")
    def _charges(self) -> Self:
        amounts = [each for each in (self.fee, self.amount) if each is not None]
        if len(amounts) != (self.action is BillingAction.CHARGE):
            raise ValueError("a charge needs fee or amount, one of them; other actions have none")
        return self


class WaitStep(_Leading):
    """Waits until the day in the value ``until`` begins, where the customer lives."""

    kind: Literal["wait"] = "wait"
    until: ValueName


class EndStep(_Step):
    """The order has ended, with this outcome."""

    kind: Literal["end"] = "end"
    outcome: StepName


LeadingStep = TaskStep | PaymentStep | TellStep | CallStep | BillingStep | WaitStep
Step = Annotated[LeadingStep | EndStep, Field(discriminator="kind")]
