"""A procedure: the steps by which a department after the other leads a subscriber to an end.

It is data (``procedures/*.yaml``), checked before it is used (``checks.py``); an order keeps the one that it began
with. ``walking.py`` says which step follows.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from billing.customers.customer import Currency
from billing.errors import InvalidInput
from billing.model import Line, Model
from billing.money import MAX_AMOUNT_MINOR, currency_code, format_amount, parse_amount
from billing.tasks.forms import FieldName, FieldType
from orders.procedures.spans import Span
from orders.procedures.steps import Branches, PaymentStep, Step, StepName, TaskStep, Title

STEPS_MAX = 60
ProcedureName = StepName


class Asked(StrEnum):
    """What a request can say; the names of its values."""

    SUBSCRIBER = "subscriber"  # somebody new: an account is registered with the order
    ACCOUNT = "account"
    TARIFF = "tariff"
    ADDRESS = "address"
    DATE = "date"
    CATEGORY = "category"
    TEXT = "text"


class RequestField(Model, extra="forbid"):
    """What a request has to say, or may say. ``options`` are the categories."""

    name: Asked
    label: Title
    required: bool = True
    options: Annotated[tuple[Line, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _categories(self) -> Self:
        if (self.name is Asked.CATEGORY) != bool(self.options):
            raise ValueError("category has options, and nothing else has")
        return self

    @property
    def type(self) -> FieldType:
        return {Asked.CATEGORY: FieldType.CHOICE, Asked.DATE: FieldType.DATE}.get(self.name, FieldType.TEXT)


class Amount(Model, extra="forbid"):
    """Its text is ``5000 KZT``."""

    amount_minor: Annotated[int, Field(ge=1, le=MAX_AMOUNT_MINOR)]
    currency: Currency

    @model_validator(mode="before")
    @classmethod
    def _typed(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        amount, _, code = value.strip().rpartition(" ")
        try:
            currency = currency_code(code)
            return {"amount_minor": parse_amount(amount, currency), "currency": currency}
        except InvalidInput as error:
            raise ValueError(f"write amounts such as 5000 KZT: {error}") from None


def _amounts(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


class Fee(Model, extra="forbid"):
    """What is asked for once. ``amount`` has one for each currency; its text is ``5000 KZT, 10 EUR``."""

    code: FieldName
    title: Title
    amount: Annotated[tuple[Amount, ...], Field(min_length=1, max_length=20), BeforeValidator(_amounts)]

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len({amount.currency for amount in self.amount}) < len(self.amount):
            raise ValueError("a currency is named twice")
        return self

    def amount_minor(self, currency: str) -> int:
        """Raises ``InvalidInput`` if it has no amount in ``currency``."""
        for amount in self.amount:
            if amount.currency == currency:
                return amount.amount_minor
        raise InvalidInput(
            f"the fee {self.code} has no amount in {currency.upper()}; add one to the procedure's file, such as: "
            f"amount: {', '.join(map(_text, self.amount))}, … {currency.upper()}"
        )


def _text(amount: Amount) -> str:
    return format_amount(amount.amount_minor, amount.currency)


class Reopening(Model, extra="forbid"):
    """An ended order may be opened again at the task ``step``, ``within`` a span of its end."""

    within: Span
    step: StepName


class Procedure(Model, extra="forbid"):
    """Its steps in their order; the first is the beginning, and a branch leads to a later one.

    An order can be cancelled up to and including the step ``cancel_until``; None: at any time. Later it is refused,
    and ``cancel_instead`` says what to do. A cancelled order goes on with ``undo``, at the steps that undo it.
    """

    name: ProcedureName
    title: Title
    about: Line = ""
    fields: Annotated[tuple[RequestField, ...], Field(max_length=len(Asked))] = ()
    fees: Annotated[tuple[Fee, ...], Field(max_length=20)] = ()
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=STEPS_MAX)]
    cancel_until: StepName | None = None
    cancel_instead: Line = ""
    undo: Annotated[Branches, Field(min_length=1)]
    reopens: Reopening | None = None

    @property
    def beginning(self) -> Step:
        return self.steps[0]

    @property
    def by_name(self) -> Mapping[str, Step]:
        return {step.name: step for step in self.steps}

    @property
    def departments(self) -> tuple[str, ...]:
        """Those that have tasks in it, in the order of the steps; who hears of late ones is not among them."""
        named = (
            step.department if isinstance(step, TaskStep) else step.asks
            for step in self.steps
            if isinstance(step, TaskStep | PaymentStep)
        )
        return tuple(dict.fromkeys(filter(None, named)))

    def step(self, name: str) -> Step:
        """Raises ``InvalidInput`` for a name that it does not have."""
        for step in self.steps:
            if step.name == name:
                return step
        raise InvalidInput(f"{self.name} has no step {name!r}; its steps: {', '.join(self.by_name)}")

    def position(self, name: str) -> int:
        """The place of a step among the others, from 0."""
        return self.steps.index(self.step(name))

    def fee(self, code: str) -> Fee:
        """Raises ``InvalidInput`` for a code that it does not have."""
        for fee in self.fees:
            if fee.code == code:
                return fee
        raise InvalidInput(f"{self.name} has no fee {code!r}; add it to fees in the procedure's file")

    def check_currency(self, currency: str) -> None:
        """Raises ``InvalidInput`` for a fee that nobody who is billed in ``currency`` could be asked for."""
        for fee in self.fees:
            fee.amount_minor(currency)

    def asks(self, name: Asked) -> RequestField | None:
        """The field of a request, if there is one."""
        return next((field for field in self.fields if field.name is name), None)
