"""What coverage finds about service orders: those that stand still, and tasks of theirs that nobody has claimed."""

from collections.abc import Iterator

from billing.completeness.report import Finding, FindingKind
from billing.model import Model, Rows
from billing.remedies import RemedyAction
from billing.tasks.task import Task
from orders.service.service_order import ServiceStanding


class ServiceOrderFaults(Model):
    """``still``: what people were to have done, late by more than the time that they had. ``unowned``: tasks that
    nobody has claimed, though half of their time is over.
    """

    still: Rows[ServiceStanding] = ()
    unowned: Rows[Task] = ()


def service_order_findings(faults: ServiceOrderFaults) -> Iterator[Finding]:
    """A finding for each fault. People are reminded of a late task anyway."""
    for standing in faults.still:
        due = f"{standing.due_at:%Y-%m-%d %H:%M} UTC" if standing.due_at else ""
        text = f"order {standing.number} of {standing.customer_id} stands still: {standing.step_title!r} was due {due}"
        yield _finding(FindingKind.STANDS_STILL, standing.customer_id, standing.number, text).evolve(is_told=True)
    for task in faults.unowned:
        number = task.order_number or ""
        text = f"task {task.number} of {task.department}, for order {number} of {task.customer_id}, is nobody's"
        yield _finding(FindingKind.UNOWNED, task.customer_id, number, text)


def _finding(kind: FindingKind, customer_id: str, number: str, text: str) -> Finding:
    return Finding(
        kind=kind,
        customer_id=customer_id,
        order_number=number[:100],
        text=text,
        advice="have somebody of the department claim it",
        remedies=(RemedyAction.SHOW_ORDER.of().evolve(order_number=number[:100]),),
        matter=f"{kind} {text}"[:500],
    )
