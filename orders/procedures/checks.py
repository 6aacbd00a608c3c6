"""Checks a procedure as it was written: every fault at once, each with its step and what to do.

procedure, faults = checked(written, Known(departments=("operator", "crew"), texts=("connected",)))
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from billing.tasks.forms import FieldType
from orders.procedures.draft import Draft, Fault, meant
from orders.procedures.named_values import NamedValues
from orders.procedures.procedure import Asked, Procedure
from orders.procedures.routes import faults_of_routes
from orders.procedures.spans import Deadline
from orders.procedures.steps import (
    OUTCOME,
    BillingAction,
    BillingStep,
    CallStep,
    EndStep,
    PaymentOutcome,
    PaymentStep,
    Step,
    TaskStep,
    TellStep,
    WaitStep,
)

FORM_MAX = 30
_UNPAID = (PaymentOutcome.REFUSED, PaymentOutcome.EXPIRED)


class Known(NamedTuple):
    """What a procedure may name that is not in it."""

    departments: tuple[str, ...]
    texts: tuple[str, ...]


class Checked(NamedTuple):
    """``procedure`` None: it has ``faults``."""

    procedure: Procedure | None
    faults: tuple[Fault, ...]


def checked(written: Mapping[str, object], known: Known) -> Checked:
    """The procedure that ``written`` is, or all its faults."""
    draft = Draft(written)
    faults = (*draft.faults, *faults_of_routes(draft), *_faults(draft, known))
    return Checked(None, faults) if faults else Checked(draft.procedure(), ())


def _faults(draft: Draft, known: Known) -> Iterator[Fault]:
    values = NamedValues(draft)
    for step in draft.steps:
        texts = (
            *_departments(step, known),
            *_told(step, known),
            *_fees(step, draft),
            *_deadlines(step, draft),
            *_form(step),
            *_unpaid(step),
            *_needs(step, draft),
            *values.faults(step),
        )
        yield from (Fault(step=step.name, text=text) for text in texts)
    yield from (Fault(part="undo", text=text) for text in values.faults_of_undo())
    asked = [field.name for field in draft.fields]
    for name in (name for name, count in Counter(asked).items() if count > 1):
        yield Fault(part="fields", text=f"{name} is asked for twice; take one out")
    if {Asked.ACCOUNT, Asked.SUBSCRIBER} <= set(asked):
        yield Fault(part="fields", text="a request names an account, or somebody new; take account or subscriber out")
    codes = [fee.code for fee in draft.fees]
    for code in (code for code, count in Counter(codes).items() if count > 1):
        yield Fault(part="fees", text=f"{code} is there twice; rename one of them")


def _departments(step: Step, known: Known) -> Iterator[str]:
    if isinstance(step, TaskStep | PaymentStep):
        named = [step.department if isinstance(step, TaskStep) else step.asks, step.escalates_to]
        for name in filter(None, named):
            if name not in known.departments:
                yield f"{name} is no department in BILLING_DEPARTMENTS; {meant(name, known.departments)}"


def _told(step: Step, known: Known) -> Iterator[str]:
    if isinstance(step, TellStep) and step.text not in known.texts:
        yield f"{step.text} is no text; {meant(step.text, known.texts)}"


def _fees(step: Step, draft: Draft) -> Iterator[str]:
    fee = step.fee if isinstance(step, PaymentStep | BillingStep) else None
    codes = [each.code for each in draft.fees]
    if fee is not None and "fees" not in draft.unread and fee not in codes:
        yield f"{fee} is no fee in fees; {meant(fee, codes)}"


def _deadlines(step: Step, draft: Draft) -> Iterator[str]:
    due: Deadline | None = step.due if isinstance(step, TaskStep | PaymentStep) else None
    categories = [option for field in draft.fields for option in field.options]
    for name in due.by_category if due and "fields" not in draft.unread else ():
        if name not in categories:
            yield f"due, by_category: {name} is no category; {meant(name, categories)}"


def _form(step: Step) -> Iterator[str]:
    names = Counter(field.name for field in step.form) if isinstance(step, TaskStep) else Counter[str]()
    if names.total() > FORM_MAX:
        yield f"form: {names.total()} fields; a form has {FORM_MAX} at most: split the task"
    for name in (name for name, count in names.items() if count > 1):
        yield f"form: two fields are named {name}; rename one of them"
    types = Counter(field.type for field in step.form) if isinstance(step, TaskStep) else Counter[FieldType]()
    if types[FieldType.CREW] and (types[FieldType.CREW], types[FieldType.DATE]) != (1, 1):
        yield "form: a crew is chosen for a day; the form has one field of type crew and one of type date"


def _unpaid(step: Step) -> Iterator[str]:
    """A payment step that could go on as if it were paid."""
    if isinstance(step, PaymentStep):
        for outcome in step.outcomes:
            if outcome in _UNPAID:
                yield from _unhandled(step, outcome)


def _unhandled(step: PaymentStep, outcome: PaymentOutcome) -> Iterator[str]:
    name = f"{step.name}.{OUTCOME}"
    for branch in step.next:
        named = branch.when.get(name)
        if named is None:
            what = "above it " if branch.when else ""
            yield f"goes on unpaid when it is {outcome}; add a branch {what}when: {{{name}: {outcome}}}, go: …"
            return
        if outcome in named and len(branch.when) == 1:
            return


def _needs(step: Step, draft: Draft) -> Iterator[str]:
    """What a step needs the request to say."""
    if "fields" in draft.unread or isinstance(step, TaskStep | WaitStep | EndStep):
        return
    required = {field.name for field in draft.fields if field.required}
    if not required & {Asked.ACCOUNT, Asked.SUBSCRIBER}:
        yield f"a step of kind {step.kind} concerns an account; add the field account or subscriber to fields"
    if isinstance(step, BillingStep) and step.action in (BillingAction.START, BillingAction.CHANGE_TARIFF):
        if Asked.TARIFF not in required:
            yield f"{step.action} needs a tariff; add the field tariff to fields"
        if step.action is BillingAction.CHANGE_TARIFF and Asked.ACCOUNT not in required:
            yield "change_tariff is for somebody who has a tariff; add the field account to fields"
    if isinstance(step, CallStep) and step.change == "disconnect" and Asked.ACCOUNT not in required:
        yield "disconnect is for somebody who is connected; add the field account to fields"
