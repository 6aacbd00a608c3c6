"""What is promised of service orders and of planned works: each promise by name, with what finds it broken."""

from collections.abc import Callable, Iterator

from sandbox.judge.evidence import Evidence
from sandbox.judge.service_orders.announced import wrongly_announced
from sandbox.judge.service_orders.effects import wrongly_asked_fees, wrongly_begun, wrongly_switched
from sandbox.judge.service_orders.told import wrongly_escalated, wrongly_told
from sandbox.judge.service_orders.way import wrongly_led

PROMISES: dict[str, Callable[[Evidence], Iterator[str]]] = {
    "a service order goes by its procedure as people have said, each task done once, by its department": wrongly_led,
    "the fee of a service order is asked for once, settled with money, and voided if it comes to nothing": (
        wrongly_asked_fees
    ),
    "an account is switched once, after all that leads there, and with a debt only if a person decided": (
        wrongly_switched
    ),
    "billing begins and ends with the service, not before, and what is missing is charged once": wrongly_begun,
    "each step of a service order is told once, in order, to other systems, and by text to its customer": wrongly_told,
    "a late task goes to another department once, and is kept by whoever claims it": wrongly_escalated,
    "planned works are told once to everybody who is concerned, and to nobody else": wrongly_announced,
}
