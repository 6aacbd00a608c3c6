"""What people put right of a halted service order: fields of its request, answers in the forms of its tasks. Pure."""

from billing.errors import InvalidInput
from billing.money import format_amount
from billing.tasks.forms import Answer, FieldType, FormField
from orders.changes import Correct
from orders.procedures.procedure import Asked
from orders.procedures.steps import TaskStep
from orders.procedures.walking import value_name
from orders.service.dates import deadlines
from orders.service.service_order import ServiceOrder


def correctable(order: ServiceOrder) -> dict[str, FormField]:
    """What the order knows that somebody has typed, by the value's name; not files, and not how a payment ended."""
    fields = {
        str(field.name): FormField(name=field.name, label=field.label, type=field.type, options=field.options)
        for field in order.procedure.fields
    }
    for step in order.procedure.steps:
        if isinstance(step, TaskStep):
            fields |= {value_name(step.name, field.name): field for field in step.form if not field.type.is_file}
    return {name: field for name, field in fields.items() if name in order.values}


def corrected(order: ServiceOrder, change: Correct) -> tuple[ServiceOrder, str]:
    """The order with the new value, and what was done in words. Raises ``InvalidInput``."""
    known, name = correctable(order), change.name
    if name not in known:
        raise InvalidInput(f"order {order.number} knows no {name!r}; you can correct: {', '.join(known) or 'nothing'}")
    field, before = known[name], order.values[name]
    try:
        answer = field.answer(change.typed, order.currency)
    except InvalidInput as error:
        raise InvalidInput(f"{name}: {error}") from None
    if answer in (None, ()):
        raise InvalidInput(f"{name}: say what it is instead")
    if answer == before:
        raise InvalidInput(f"{name} is that already; nothing is changed")
    changed = order.knowing(**{name: answer})
    due_at, ends_at = deadlines(order.now_at, changed.values, order.timezone, order.step_since)
    return changed.evolve(due_at=due_at, ends_at=ends_at), _said(name, field, before, answer, order.currency)


def _said(name: str, field: FormField, before: Answer, answer: Answer, currency: str) -> str:
    """What somebody wrote in words of their own stays out of the log, which outlives an erasure."""
    is_code = name == Asked.TARIFF or field.type not in (FieldType.TEXT, FieldType.SERIALS)
    how = f"{_words(field, answer, currency)}, and not {_words(field, before, currency)}" if is_code else "corrected"
    return f"{field.label}: {how}"


def _words(field: FormField, answer: Answer, currency: str) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return format_amount(answer, currency) if field.type is FieldType.MONEY and isinstance(answer, int) else str(answer)
