"""What customers are told of the steps of their service orders: once, within contact hours; or people tell them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sql.ledger import SqlLedger
from billing.customers.contact_hours import ContactHours
from billing.errors import OutsideContactHours, TextsUnavailable, TextUnknown
from billing.events.event import Destination, OutgoingEvent
from billing.subscribers.newcomer import NewSubscriber
from billing.texts.text import Language, TextStatus
from services.alerts import Alerts
from services.orders.step_texts import StepTexts
from tests.contract.event_fixtures import listed
from tests.contract.test_customer_messages import TERMS, Woken, World
from tests.contract.test_customer_messages import world as world  # a fixture
from tests.contract.test_shipped_procedures import does, opens
from tests.service_ordering import LATER, YES, payment

ENGLISH = TERMS.evolve(language=Language.ENGLISH)
NOON = datetime(2026, 12, 1, 7, tzinfo=UTC)  # in Almaty; a Tuesday
NIGHT = NOON + timedelta(hours=10)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    ledger = await SqlLedger.connect(url, (Destination.CUSTOMER,))
    yield ledger
    await ledger.close()


def sender(world: World, ledger: SqlLedger, at: datetime, can_text: bool = True) -> StepTexts:
    world.at = at
    alerts = Alerts(ledger, Woken(), True)
    return StepTexts(ledger, world.texts(ENGLISH) if can_text else None, alerts, ContactHours(), lambda: at)


async def asked_for_fee(ledger: SqlLedger, phone: str | None = "+77011234567") -> list[OutgoingEvent]:
    """What the customer is to be told until then: the request is confirmed, and the fee is asked for."""
    values = {"tariff": "internet-100", "address": "Abay Ave. 1"}
    await opens(ledger, "77", "connect", subscriber=NewSubscriber(phone=phone), values=values)
    await does(ledger, "77", "feasibility", possible=YES, equipment="no")
    return sorted(await listed(ledger), key=lambda event: event.number)


async def test_each_step_is_told_once_with_the_fee_that_is_owed(world: World, ledger: SqlLedger) -> None:
    events, texts = await asked_for_fee(ledger), sender(world, ledger, NOON)
    for event in (*events, *events):
        await texts.send(event)
    number = (await ledger.services_of("dana"))[0].number
    assert await world.received() == [
        f"We have received your request 77. Account {number}",
        f"To be paid: 5000 KZT. Account {number}. Kaspi",
    ]


async def test_nobody_is_told_at_night_nor_of_a_fee_that_is_paid(world: World, ledger: SqlLedger) -> None:
    events = await asked_for_fee(ledger)
    with pytest.raises(OutsideContactHours) as early:
        await sender(world, ledger, NIGHT).send(events[1])
    assert early.value.retry_after == timedelta(hours=11)
    await ledger.book(payment(), LATER)
    await sender(world, ledger, NOON).send(events[1])
    assert await world.received() == []


@pytest.mark.parametrize(
    ("path", "fault", "error", "bodies", "status"),
    [
        ("faults", {"kind": "drop_after", "path": "send"}, TextUnknown, 1, TextStatus.DELIVERED),
        ("faults", {"kind": "drop_before", "path": "send"}, TextUnknown, 0, TextStatus.UNKNOWN),
        ("answers", {"smsc_code": 3}, TextsUnavailable, 0, TextStatus.UNKNOWN),
    ],
    ids=["taken", "not taken", "refused"],
)
async def test_a_text_that_was_begun_before_the_fee_was_paid_comes_to_an_end(
    world: World, ledger: SqlLedger, path: str, fault: object, error: type[Exception], bodies: int, status: TextStatus
) -> None:
    (_, event), texts = await asked_for_fee(ledger), sender(world, ledger, NOON)
    await world.stand(path, fault)
    with pytest.raises(error):
        await texts.send(event)
    await ledger.book(payment(), LATER)
    for _ in range(2):
        await texts.send(event)
    assert (len(await world.received()), (await world.row()).status) == (bodies, status)


@pytest.mark.parametrize(("phone", "can_text"), [(None, True), ("+77011234567", False)])
async def test_people_tell_whoever_cannot_be_texted(
    world: World, ledger: SqlLedger, phone: str | None, can_text: bool, tmp_path: Path
) -> None:
    (first, _), texts = await asked_for_fee(ledger, phone), sender(world, ledger, NOON, can_text)
    await texts.send(first)
    await texts.send(first)
    (alert,) = await ledger.alerts()
    assert "Confirm the request: its customer could not be told" in alert.text
