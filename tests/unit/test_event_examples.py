"""Events in docs/events.md: the examples are what is sent, and every type is there."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from billing.events.event import INTERNAL, Event, EventType
from billing.receivables.allocation import assigned, booked
from billing.receivables.incoming import IncomingPayment, PaymentRecord
from billing.receivables.journal import (
    NOTHING_OWED,
    Cause,
)
from billing.subscribers.events import service_changed
from billing.subscribers.service import ServiceCause, ServiceChange, ServiceState
from orders.events import order_changed, order_released
from orders.order import Agreement, Order, OrderLine, OrderStanding, Release, ReleaseKind
from orders.procedures.procedure import Procedure
from orders.service.events import order_step
from orders.service.service_order import ServiceOrder
from tests.unit.told_events import AT, BILLED, CREDIT, DUE, OWED, bill, paid, told, transaction, void

DOCUMENT = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
TRANSFER = IncomingPayment(
    rail="transfer", reference="7731", customer_id=None, amount_minor=12000, currency="eur", paid_at=DUE
)


def story() -> Iterator[Event]:
    """What the examples of the document tell."""
    taken = transaction(Cause.DRAFT, (CREDIT, 300), (OWED, -300))
    notice = transaction(Cause.NOTICE, (BILLED, -10000), (OWED, 300), (OWED, 9700), due_at=DUE)
    yield from told([taken], [notice], [paid(9700, 9700, "pi_3Q9")])
    yield from told([bill(10000)], [void(10000)])[1:]
    yield from ordered()
    yield led()
    yield restored()
    unknown = booked(TRANSFER, NOTHING_OWED, DUE)
    record = PaymentRecord(payment=TRANSFER, booked_at=DUE, transactions=(unknown,), returned_minor=0)
    whose = TRANSFER.evolve(customer_id="acme", by="ann", reason="asked")
    yield from told([unknown], [assigned(record, whose, NOTHING_OWED, DUE + timedelta(days=1))])


def ordered() -> Iterator[Event]:
    """What is told of an order that is paid."""
    release = Release(kind=ReleaseKind.PRODUCTION, version=1, at=DUE, position=7, owed_minor=0)
    order = Order(
        number="1042",
        customer_id="acme",
        currency="eur",
        agreed=Agreement(lines=(OrderLine(description="Sign, 40 x 60", quantity=2, amount_minor=9700),)),
        opened_at=AT,
        opened_by="",
        revision=2,
        releases=(release,),
    )
    yield order_changed(OrderStanding(order=order, owed_minor=0), DUE)
    yield order_released(order, release)


def led() -> Event:
    """What is told of a subscriber who is led through a procedure."""
    connect = Procedure.model_validate(
        {
            "name": "connect",
            "title": "Connect a subscriber",
            "steps": [
                {
                    "kind": "task",
                    "name": "installation",
                    "title": "Install, and hand the equipment over",
                    "department": "crew",
                    "due": "1d",
                    "next": "connected",
                },
                {"kind": "end", "name": "connected", "title": "Connected", "outcome": "connected"},
            ],
            "undo": "connected",
        }
    )
    service = ServiceOrder(
        number="77",
        procedure=connect,
        customer_id="acme",
        account=None,
        currency="eur",
        timezone="Europe/Paris",
        values={},
        step="installation",
        position=9,
        step_since=DUE,
        opened_at=AT,
        opened_by="",
        revision=9,
    )
    return order_step(service, DUE)


def restored() -> Event:
    """What is told of a service that works again."""
    return service_changed(
        ServiceChange(
            number="1000009",
            position=4,
            customer_id="acme",
            state=ServiceState.ACTIVE,
            cause=ServiceCause.PAID,
            key="paid 1",
            at=DUE,
            by=None,
            reason="nothing is overdue any more",
        )
    )


def test_the_examples_of_the_document_are_what_is_sent() -> None:
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)]
    assert examples == [event.model_dump(mode="json") for event in story()]


def test_every_type_of_event_is_in_the_document() -> None:
    assert set(re.findall(r"^\| `([a-z.]+)` \|", DOCUMENT, re.MULTILINE)) == set(EventType) - INTERNAL
