"""Tasks in words, for the command line and the console."""

from datetime import timedelta

from billing.money import plain_amount
from billing.subscribers.service import ServiceState
from billing.tasks.crews import CrewDays
from billing.tasks.forms import Answer, FieldType, FormField
from billing.tasks.log import TaskAct, TaskEntry
from billing.tasks.task import Task, TaskKind

_TO_PROVISION = {
    ServiceState.ACTIVE: "switch account {} on",
    ServiceState.LIMITED: "limit account {}",
    ServiceState.SUSPENDED: "switch account {} off",
    ServiceState.DISCONNECTED: "disconnect account {}",
}
_ACTS = {
    TaskAct.CLAIMED: "claimed by {by}",
    TaskAct.ASSIGNED: "assigned to {owner} by {by}",
    TaskAct.HANDED_OVER: "handed over to {owner} by {by}",
    TaskAct.GIVEN_BACK: "given back to the department by {by}",
    TaskAct.ESCALATED: "late: given to the department {department}",
    TaskAct.CORRECTED: "moved by {by}, who has corrected the order",
}


def task_words(task: Task) -> str:
    """What is to be done."""
    match task.kind:
        case TaskKind.STEP:
            return task.values.get("title") or f"step {task.step} of order {task.order_number}"
        case TaskKind.DISCONNECT:
            return f"disconnect account {task.account}: it is suspended, and was not paid"
        case TaskKind.PROVISION:
            return _TO_PROVISION[ServiceState(task.values["state"])].format(task.account)
        case TaskKind.NO_WORKING_NUMBER:
            number = task.values.get("phone", "")
            return f"find a working phone number{f', for {number} takes no texts' if number else ''}"
        case TaskKind.ENTER_AMOUNTS:
            return f"enter the amounts of {task.values['period']}"


def act_words(entry: TaskEntry) -> str:
    return _ACTS[entry.act].format(by=entry.by, owner=entry.owner, department=entry.department)


def answer_words(field: FormField, answer: Answer, currency: str | None = None) -> str:
    """An answer as people read it; an amount as it was typed, if its currency is known."""
    match answer:
        case bool():
            return "yes" if answer else "no"
        case tuple():
            return ", ".join(answer)
        case int() if field.type is FieldType.MONEY:
            return f"{plain_amount(answer, currency)} {currency.upper()}" if currency else f"{answer} minor units"
        case _:
            return str(answer)


def crew_words(days: CrewDays) -> str:
    """``crew-north, of this area: 2 of 6 visits on 3 Dec``."""
    area = ", of this area" if days.serves else ""
    return f"{days.crew.name}{area}: {days.booked[0]} of {days.crew.visits} visits on {days.first:%-d %b}"


def crew_days_words(days: CrewDays) -> str:
    """``3 Dec 2 of 6, 4 Dec 6 of 6``, of a week."""
    week = enumerate(days.booked[:7])
    return ", ".join(
        f"{days.first + timedelta(days=place):%-d %b} {booked} of {days.crew.visits}" for place, booked in week
    )
