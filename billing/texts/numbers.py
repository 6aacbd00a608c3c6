"""A number that takes no texts: somebody has to ask the customer for another one."""

from datetime import datetime, timedelta

from billing.keys import text_id
from billing.period import Period
from billing.tasks.task import NewTask, TaskKind
from billing.texts.text import TextRow, masked_phone

_WHY_MAX = 200
_FIND_WITHIN = timedelta(days=3)
"""A bill is due four days after it was sent, by default."""


def asking_for_number(row: TextRow, why: str, at: datetime) -> NewTask:
    """One task a month for each number, however many texts to it fail."""
    key = text_id("number", row.customer_id, Period.at(at, "UTC"), row.recipient)
    values = {"kind": row.kind, "phone": masked_phone(row.recipient), "why": why[:_WHY_MAX]}
    return NewTask(
        kind=TaskKind.NO_WORKING_NUMBER,
        key=key,
        customer_id=row.customer_id,
        values=values,
        due_at=at + _FIND_WITHIN,
    )
