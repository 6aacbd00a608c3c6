"""By when people are to have done a step, and when it ends by itself; days are those of where the customer lives."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from orders.procedures.procedure import Asked
from orders.procedures.steps import PaymentStep, Step, TaskStep, WaitStep
from orders.procedures.walking import Values, day_begins, due_at


def deadlines(step: Step, values: Values, timezone: str, at: datetime) -> tuple[datetime | None, datetime | None]:
    """Of a step that begins ``at``; None: never. To wait for a day that nobody has given is to go on at once."""
    match step:
        case TaskStep():
            return due_at(step, values, at, timezone), None
        case PaymentStep():
            decided_by = at + step.due.span(values.get(Asked.CATEGORY)) if step.due else None
            return decided_by, at + step.expires if step.expires else None
        case WaitStep():
            return None, day_begins(values, step.until, timezone) or at
        case _:
            return None, None


def today(at: datetime, timezone: str) -> date:
    return at.astimezone(ZoneInfo(timezone)).date()
