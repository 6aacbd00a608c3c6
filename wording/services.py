"""Service accounts and tasks in words, for the command line and the console."""

from billing.subscribers.service import ServiceCause, ServiceState
from billing.tasks.task import Task, TaskKind

_CAUSES = {
    ServiceCause.REGISTERED: "registered, not connected yet",
    ServiceCause.CONNECTED: "connected",
    ServiceCause.NON_PAYMENT: "not paid",
    ServiceCause.PAID: "nothing is overdue any more",
    ServiceCause.REQUEST: "on request",
    ServiceCause.TERMINATED: "ended",
}
_TO_PROVISION = {
    ServiceState.ACTIVE: "switch account {} on",
    ServiceState.LIMITED: "limit account {}",
    ServiceState.SUSPENDED: "switch account {} off",
    ServiceState.DISCONNECTED: "disconnect account {}",
}


def cause_words(cause: ServiceCause) -> str:
    return _CAUSES[cause]


def task_words(task: Task) -> str:
    """What is to be done."""
    match task.kind:
        case TaskKind.DISCONNECT:
            return f"disconnect account {task.account}: it is suspended, and was not paid"
        case TaskKind.PROVISION:
            return _TO_PROVISION[ServiceState(task.values["state"])].format(task.account)
        case TaskKind.NO_WORKING_NUMBER:
            number = task.values.get("phone", "")
            return f"find a working phone number{f', for {number} takes no texts' if number else ''}"
