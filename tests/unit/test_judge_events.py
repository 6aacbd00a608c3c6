"""The judge finds every way in which events can fail to tell what the journal has."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.judge.events import differing_events
from tests.unit.test_events import disputed
from tests.unit.told_events import bill, paid, told

Deliveries = list[dict[str, Any]]

PAYMENT = paid(1000, 1000)
STORY = [bill(1000), PAYMENT, disputed(PAYMENT, 400)]


def deliveries() -> Deliveries:
    return [event.model_dump(mode="json") for event in told(*([transaction] for transaction in STORY))]


def judged(delivered: Deliveries | None) -> list[str]:
    account = SimpleNamespace(customer_id="acme", transactions=STORY)
    evidence: Any = SimpleNamespace(everybody=[account], deliveries=delivered)
    return list(differing_events(evidence))


def test_what_arrived_in_order_is_fine_also_with_copies_and_so_is_a_company_without_a_receiver() -> None:
    events = deliveries()
    assert [event["type"] for event in events] == [
        *("bill.issued", "payment.booked", "receivable.settled", "payment.booked")
    ]
    assert judged(events) == []
    assert judged([*events, events[0]]) == []
    assert judged(None) == []


def lost(number: int) -> Callable[[Deliveries], Deliveries]:
    return lambda events: [*events[:number], *events[number + 1 :]]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lost(0), "was told, should be"),
        (lost(1), "was told, should be"),
        (lambda events: [events[1], events[0], *events[2:]], "was told, should be"),
        (lambda events: [*events[:3], events[2], events[3] | {"id": "another"}, events[3]], "was told, should be"),
        (lambda events: [*events, events[0] | {"version": 2}], "has come with another body"),
        (lambda events: [*events, events[0] | {"id": "x", "customer_id": "kiwi"}], "about kiwi"),
        (lambda events: events[:3], "were told to be settled"),
    ],
)
def test_what_did_not_arrive_as_it_should_is_named(spoil: Callable[[Deliveries], Deliveries], words: str) -> None:
    found = judged(spoil(deliveries()))
    assert found
    assert any(words in wrong for wrong in found), found
