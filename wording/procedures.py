"""A procedure in words: what each step is, what it waits for, where it leads."""

from billing.money import format_amount
from orders.procedures.procedure import Fee, Procedure
from orders.procedures.spans import Deadline, span_text
from orders.procedures.steps import (
    OUTCOME,
    BillingAction,
    BillingStep,
    Branch,
    CallStep,
    EndStep,
    NetworkChange,
    PaymentStep,
    Step,
    TaskStep,
    TellStep,
    WaitStep,
)

OTHERWISE = "otherwise"


def step_kind(step: Step) -> str:
    """``task: operator``, ``payment``, ``message`` …: what it is, and whose."""
    match step:
        case TaskStep():
            return f"task: {step.department}"
        case PaymentStep():
            return f"payment, or {step.asks} decides" if step.asks else "payment"
        case TellStep():
            return "message"
        case CallStep():
            return "network"
        case BillingStep():
            return "billing"
        case WaitStep():
            return "waits"
        case EndStep():
            return "end"


def step_notes(procedure: Procedure, step: Step) -> list[str]:
    """What else is to be known of a step, a few words each."""
    notes = [*_own_notes(step)]
    if procedure.cancel_until == step.name:
        notes.append("can be cancelled up to here")
    if procedure.reopens is not None and procedure.reopens.step == step.name:
        notes.append(f"opened again here, {span_text(procedure.reopens.within)} long")
    return notes


def _own_notes(step: Step) -> list[str]:
    match step:
        case TaskStep():
            day = f" of the {field_words(step.day)}" if step.day else ""
            late = f", else {step.escalates_to}" if step.escalates_to else ""
            back = f"can go back to {', '.join(map(spaced, step.can_return_to))}" if step.can_return_to else ""
            return [f"within {due_words(step.due)}{day}{late}", *([back] if back else [])]
        case PaymentStep():
            what = "until nothing is owed" if step.nothing_owed else f"until the fee {spaced(step.fee)} is paid"
            due = f"decided within {due_words(step.due)}" if step.due else ""
            return [what, *filter(None, [due, f"ends after {span_text(step.expires)}" if step.expires else ""])]
        case TellStep():
            return [f"with the {field_words(step.quotes)}"] if step.quotes else []
        case BillingStep():
            return [_billed(step)]
        case WaitStep():
            return [f"until {field_words(step.until)}"]
        case CallStep():
            return ["switched on" if step.change is NetworkChange.ACTIVATE else "switched off for good"]
        case EndStep():
            return []


def _billed(step: BillingStep) -> str:
    day = f"from the {field_words(step.day)} on" if step.day else "from that day on"
    match step.action:
        case BillingAction.START:
            return f"billed {day}"
        case BillingAction.CLOSE:
            return f"not billed {day}"
        case BillingAction.CHANGE_TARIFF:
            return f"another tariff {day}"
        case BillingAction.CHARGE:
            return f"charges the {field_words(step.amount)}" if step.amount else f"charges the fee {spaced(step.fee)}"


def due_words(due: Deadline) -> str:
    """``3d; Contract: 1d``."""
    return "; ".join([span_text(due.within), *(f"{name}: {span_text(span)}" for name, span in due.by_category.items())])


def fee_words(fee: Fee) -> str:
    amounts = " or ".join(format_amount(amount.amount_minor, amount.currency) for amount in fee.amount)
    return f"{fee.title}: {amounts}"


def condition_words(branch: Branch) -> str:
    """``possible: no``; of several conditions, all of them. "": it has none."""
    return ", ".join(
        _answers(wanted) if name.endswith(f".{OUTCOME}") else f"{field_words(name)}: {_answers(wanted)}"
        for name, wanted in branch.when.items()
    )


def _answers(wanted: tuple[bool | str, ...]) -> str:
    return " or ".join({True: "yes", False: "no"}[each] if isinstance(each, bool) else each for each in wanted)


def field_words(name: str) -> str:
    """``plan_visit.day`` as people read it: ``day``."""
    return spaced(name.rpartition(".")[2])


def spaced(name: str | None) -> str:
    return (name or "").replace("_", " ")
