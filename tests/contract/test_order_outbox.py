"""What a paid order leaves in the outbox: as few events as tell everything, on SQLite and PostgreSQL."""

from datetime import timedelta

from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination, OutgoingEvent
from orders.order import ReleaseKind
from tests.contract.event_fixtures import listed
from tests.contract.order_fixtures import ledger
from tests.ordering import AT, LATER, halt, payment, request

__all__ = ["ledger"]  # fixture

_SOON = LATER + timedelta(minutes=1)


async def waiting(ledger: SqlLedger, destination: Destination) -> list[OutgoingEvent]:
    return [event for event in await listed(ledger) if event.destination is destination and event.done_at is None]


async def test_the_workflow_of_an_order_is_told_once_of_all_that_has_happened_until_then(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10000), AT)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "made", AT)
    assert len(await waiting(ledger, Destination.ORDER)) == 1


async def test_a_change_while_the_workflow_is_being_told_is_told_after_that(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    (told,) = await ledger.claim_events(Destination.ORDER, LATER, _SOON, 10)
    await ledger.change_order("1042", halt(), LATER)
    await ledger.events_are_done([told], LATER)
    (later,) = await ledger.claim_events(Destination.ORDER, LATER, _SOON, 10)
    assert later.number > told.number


async def test_an_answer_ends_its_event_in_the_same_transaction(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10000), AT)
    (event,) = await ledger.claim_events(Destination.PRODUCTION, LATER, _SOON, 10)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "made", LATER, event)
    assert await waiting(ledger, Destination.PRODUCTION) == []
    (done,) = [event for event in await listed(ledger) if event.destination is Destination.PRODUCTION]
    assert (done.done_at, done.tries) == (LATER, 1)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "made", _SOON, event)
    assert await waiting(ledger, Destination.PRODUCTION) == []


async def test_releases_that_the_brake_holds_are_a_backlog_only_since_it_is_off(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10000), AT)
    for destination in set(Destination) - {Destination.PRODUCTION}:
        while told := await ledger.claim_events(destination, LATER, _SOON, 10):
            await ledger.events_are_done(told, LATER)
    figures = await ledger.vitals(LATER)
    assert (figures.waiting_events, figures.events_waiting_since) == (1, AT)
    await ledger.pull_brake("ann", "wrong file", "cli", AT)
    figures = await ledger.vitals(LATER)
    assert (figures.waiting_events, figures.events_waiting_since) == (0, None)
    await ledger.release_brake("ann", "over", "cli", LATER)
    figures = await ledger.vitals(_SOON)
    assert (figures.waiting_events, figures.events_waiting_since) == (1, LATER)
