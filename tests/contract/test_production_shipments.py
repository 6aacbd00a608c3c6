"""Shipments and rejections: nothing ships, and nothing is asked again, before production and people agree."""

from collections.abc import Mapping

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import ReceiverUnavailable
from billing.events.event import OutgoingEvent
from billing.events.verdicts import Verdict
from orders.events import ReleaseData
from orders.order import OrderStage, ReleaseKind
from services.orders.releases import ReleaseSender
from tests.contract.production_fixtures import ledger, paid, standing
from tests.ordering import AT, cancel, payment, request, send_again

__all__ = ["ledger"]  # fixture


class Workshop:
    """Answers as it is told; it knows what it was asked for."""

    def __init__(self, accepts: bool) -> None:
        self.accepts = accepts
        self.asked: list[str] = []

    async def release(self, event_id: str, payload: Mapping[str, object], data: ReleaseData) -> Verdict:
        self.asked.append(data.kind)
        return Verdict(accepted=self.accepts, text="an answer")


async def events(ledger: SqlLedger, kind: ReleaseKind) -> OutgoingEvent:
    found = [event async for page in ledger.outgoing_events() for event in page]
    return next(event for event in found if event.payload["data"]["kind"] == kind)  # type: ignore[index]


async def test_a_shipment_waits_until_production_has_agreed(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(10000), AT)
    workshop = Workshop(accepts=False)
    sender = ReleaseSender(ledger, workshop)
    production, shipment = [await events(ledger, kind) for kind in ReleaseKind]
    with pytest.raises(ReceiverUnavailable, match="the shipment of order 1042 waits"):
        await sender.send(shipment)
    await sender.send(production)
    with pytest.raises(ReceiverUnavailable, match="the shipment of order 1042 waits"):
        await sender.send(shipment)
    assert workshop.asked == ["production"]
    await ledger.change_order("1042", send_again(), AT)
    workshop.accepts = True
    await sender.send(production)
    await sender.send(shipment)
    assert workshop.asked == ["production", "production", "shipment"]
    assert (await standing(ledger)).stage is OrderStage.FULFILLED


async def test_what_was_rejected_is_not_asked_again_without_a_person(ledger: SqlLedger) -> None:
    await paid(ledger)
    workshop = Workshop(accepts=False)
    production = await events(ledger, ReleaseKind.PRODUCTION)
    for _ in range(2):  # killed between the answer and the end of the delivery
        await ReleaseSender(ledger, workshop).send(production)
    assert workshop.asked == ["production"]


async def test_what_was_cancelled_after_a_rejection_does_not_ship(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(10000), AT)
    workshop = Workshop(accepts=False)
    production, shipment = [await events(ledger, kind) for kind in ReleaseKind]
    await ReleaseSender(ledger, workshop).send(production)
    await ledger.change_order("1042", cancel(), AT)
    await ReleaseSender(ledger, workshop).send(shipment)
    assert workshop.asked == ["production"]
