"""What coverage finds about service orders that stand still, and about tasks that nobody has claimed."""

from collections.abc import Iterator

from billing.completeness.report import Finding, FindingKind
from billing.model import Model, Rows
from billing.remedies import Remedy, RemedyAction
from billing.tasks.task import Task, TaskKind
from orders.service.service_order import ServiceStanding


class ServiceOrderFaults(Model):
    """``still``: what people were to have done, late by more than the time that they had. ``unowned``: tasks of every
    kind that nobody has claimed, though half of their time is over.
    """

    still: Rows[ServiceStanding] = ()
    unowned: Rows[Task] = ()


def service_order_findings(faults: ServiceOrderFaults) -> Iterator[Finding]:
    """A finding for each fault. People are reminded of a late task anyway."""
    for standing in faults.still:
        due = f"{standing.due_at:%Y-%m-%d %H:%M} UTC" if standing.due_at else ""
        text = f"order {standing.number} of {standing.customer_id} stands still: {standing.step_title!r} was due {due}"
        show = RemedyAction.SHOW_ORDER.of().evolve(order_number=standing.number[:100])
        still = _finding(FindingKind.STANDS_STILL, standing.customer_id, standing.number, text, show)
        yield still.evolve(is_told=True)
    for task in faults.unowned:
        text = f"task {task.number} of {task.department}, {_MATTERS[task.kind].format(task=task)}, is nobody's"
        show = RemedyAction.SHOW_TASK.of().evolve(task=task.number)
        yield _finding(FindingKind.UNOWNED, task.customer_id, task.order_number or "", text, show)


_MATTERS = {
    TaskKind.STEP: "for order {task.order_number} of {task.customer_id}",
    TaskKind.DISCONNECT: "to disconnect account {task.account} of {task.customer_id}",
    TaskKind.NO_WORKING_NUMBER: "to find a working phone number of {task.customer_id}",
    TaskKind.PROVISION: "to switch account {task.account} of {task.customer_id}",
    TaskKind.ENTER_AMOUNTS: "to enter amounts of {task.customer_id}",
}


def _finding(kind: FindingKind, customer_id: str, number: str, text: str, show: Remedy) -> Finding:
    return Finding(
        kind=kind,
        customer_id=customer_id,
        order_number=number[:100],
        text=text,
        advice="have somebody of the department claim it",
        remedies=(show,),
        matter=f"{kind} {text}"[:500],
    )
