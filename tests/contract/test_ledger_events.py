"""The outbox of events: written with the money they tell of, claimed in order; on SQLite and on PostgreSQL alike."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from adapters.sql.events.outbox import KEPT
from adapters.sql.ledger import SqlLedger
from billing.apart import Failed
from billing.errors import NotFound
from billing.events.event import Destination, OutgoingEvent
from billing.invoices.stages import Stage
from billing.payments.payment import ReversalStatus
from billing.receivables.events import Receivable, Standing, receivables
from billing.receivables.incoming import IncomingPayment
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import Cause, Subject
from tests.contract.erase_fixtures import closed_month, lived
from tests.contract.event_fixtures import ledger, listed, put, telling
from tests.contract.journal_fixtures import DISPUTE, PAYMENT, announced, drafted, invoice_of, record
from tests.contract.ledger_fixtures import AT, NOVEMBER, run
from tests.contract.money_streams import STEPS, Stream

__all__ = ["ledger"]  # fixture

PAYMENT_OF_NOBODY = IncomingPayment(
    rail="transfer", reference="7731", customer_id=None, amount_minor=600, currency="eur", paid_at=AT
)


async def claim(ledger: SqlLedger, now: datetime, until: datetime, limit: int = 10) -> list[OutgoingEvent]:
    return await ledger.claim_events(Destination.RECEIVER, now, until, limit)


async def types(ledger: SqlLedger) -> list[str]:
    return [event.type for event in await listed(ledger)]


# -- what is written


async def test_bills_and_payments_are_told_once_however_often_they_are_recorded(ledger: SqlLedger) -> None:
    month = announced(await record(ledger, drafted(1000)))
    for _ in range(2):
        await ledger.record(month, AT)
        await ledger.save_payment(PAYMENT, AT)
    issued, paid, settled = await listed(ledger)
    assert [issued.type, paid.type, settled.type] == ["bill.issued", "payment.booked", "receivable.settled"]
    assert {event.customer_id for event in (issued, paid, settled)} == {"acme"}
    assert issued.payload["data"] == {
        "subject_kind": "month",
        "subject": "2026-11",
        "currency": "eur",
        "amount_minor": 1000,
        "total_minor": 1000,
        "due_at": f"{month.charge_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert issued.event_id == issued.payload["id"]


async def test_without_a_receiver_nothing_is_written(url: str) -> None:
    silent = await SqlLedger.connect(url)
    await silent.migrate()
    await record(silent, announced(drafted(1000)))
    assert await listed(silent) == []
    assert await claim(silent, AT, AT) == []
    await silent.close()


async def test_a_corrected_bill_voids_the_one_before(ledger: SqlLedger) -> None:
    month = await record(ledger, announced(drafted(1000)))
    void = await record(ledger, month.notice_void(month.charge_at))
    await record(ledger, announced(void.drafted(invoice_of(700))))
    assert await types(ledger) == ["bill.issued", "bill.voided", "bill.issued"]
    assert [event.payload["data"]["amount_minor"] for event in await listed(ledger)] == [1000, 1000, 700]  # type: ignore[index]


async def test_what_a_dispute_opens_is_told_settled_again_as_another_event(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.save_payment(PAYMENT, AT)
    for number, status in enumerate((ReversalStatus.PENDING, ReversalStatus.KEPT)):
        await ledger.save_reversals(PAYMENT, [DISPUTE.evolve(status=status, code=f"code {number}")], AT)
    told = [event for event in await listed(ledger) if event.type == "receivable.settled"]
    assert len({event.event_id for event in told}) == len(told) == 2


async def test_a_skipped_month_is_void_and_the_payment_that_was_freed_settles_nothing(ledger: SqlLedger) -> None:
    month = await record(ledger, announced(drafted(1000)))
    await ledger.save_payment(PAYMENT, AT)
    await record(ledger, month.close(Stage.SKIPPED, month.charge_at))
    assert await types(ledger) == ["bill.issued", "payment.booked", "receivable.settled", "bill.voided"]


async def test_unmatched_money_is_told_without_a_customer_and_again_when_it_is_assigned(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(600)))
    await ledger.book(PAYMENT_OF_NOBODY, AT)
    request = InstructionRequest(
        instruction_id="i1",
        kind=InstructionKind.ASSIGN,
        payment=PAYMENT_OF_NOBODY.name,
        customer_id="acme",
        subject=Subject.month(NOVEMBER),
        by="ann",
        reason="asked",
        via="cli",
    )
    await ledger.instruct(request, {}, AT)
    assert [(event.type, event.customer_id) for event in await listed(ledger)][1:] == [
        ("payment.booked", None),
        ("payment.assigned", "acme"),
        ("receivable.settled", "acme"),
    ]


async def test_an_erased_person_is_in_no_event(ledger: SqlLedger) -> None:
    await lived(ledger, closed_month(Stage.SKIPPED))
    named = PAYMENT_OF_NOBODY.evolve(reference="rent of Erika Mustermann")
    for customer_id in (None, "c77"):
        await ledger.book(named.evolve(customer_id=customer_id, reference=f"{named.reference}, {customer_id}"), AT)
    await ledger.settle("c77", "ann", "paid back", AT)
    assert all("Mustermann" in str(event.payload) for event in await listed(ledger))
    await ledger.erase("c77", "ann", "asked", AT)
    data: list[Any] = [event.payload["data"] for event in await listed(ledger)]
    assert [(each["reference"], each["amount_minor"]) for each in data] == [
        ("rent of erased, None", 600),
        ("rent of erased, c77", 600),
    ]


@pytest.fixture(scope="module")
def streams_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('events') / 'ledger.db'}"


@settings(max_examples=30, deadline=timedelta(minutes=1), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14))
def test_whatever_happens_a_receiver_knows_what_is_billed_paid_and_settled(
    streams_url: str, steps: list[tuple[str, object]]
) -> None:
    """It knows by the events alone what the journal says."""

    async def live() -> None:
        async with telling(streams_url) as ledger:
            stream = Stream(ledger)
            for name, value in steps:
                await stream.step(name, value)
            customer_id = stream.customer.customer_id
            standings, counts = dict[Receivable, Standing](), dict[str, int]()
            for transaction in await ledger.transactions(customer_id):
                counts[transaction.cause] = counts.get(transaction.cause, 0) + 1
                for debt in receivables([transaction]):
                    change = sum(
                        entry.amount_minor
                        for entry in transaction.entries
                        if entry.account.subject == debt.subject and entry.account.kind == "receivable"
                    )
                    standings[debt] = standings.get(debt, Standing()).after(transaction.cause, change)
            events = await listed(ledger, customer_id=customer_id)
            told = [event.type for event in events]
            assert told.count("bill.issued") == counts.get(Cause.NOTICE, 0)
            assert told.count("bill.voided") == counts.get(Cause.VOID, 0)
            moved = (Cause.PAYMENT, Cause.REFUND, Cause.CHARGEBACK)
            assert told.count("payment.booked") == sum(counts.get(cause, 0) for cause in moved)
            settled = {debt.subject.name for debt, standing in standings.items() if standing.is_settled}
            assert understood(events) == settled

    asyncio.run(live())


def understood(events: Sequence[OutgoingEvent]) -> set[str]:
    """The months that are settled, as a receiver understands it."""
    settled = set[str]()
    for event in events:
        data: Any = event.payload["data"]
        match event.type:
            case "receivable.settled":
                settled.add(data["subject"])
            case "bill.issued" | "bill.voided":
                settled.discard(data["subject"])
            case "payment.booked":
                shares = (share for share in data["shares"] if share["account"] == "receivable")
                settled -= {share["subject"] for share in shares if share["amount_minor"] < 0}
    return settled


# -- what is claimed


async def test_of_each_customer_the_oldest_is_claimed_and_no_other_until_it_is_done(ledger: SqlLedger) -> None:
    await put(ledger, "acme", "acme", "kiwi", None, None)
    now, later = AT, AT + timedelta(minutes=1)

    async def claimed(at: datetime) -> list[str]:
        return [event.event_id for event in await claim(ledger, at, at + timedelta(minutes=1))]

    first, *_ = await claim(ledger, now, later, 1)
    assert first.event_id == "0000"
    assert await claimed(now) == ["0002", "0003"]
    assert await claimed(now) == []
    await ledger.events_are_done([first], now)
    assert await claimed(now) == ["0001"]
    assert await claimed(later) == ["0001", "0002", "0003"], "whoever had claimed them is gone"


async def test_what_failed_is_due_again_later_and_holds_back_its_own_customer_only(ledger: SqlLedger) -> None:
    await put(ledger, "acme", "acme", "kiwi")
    now, minute = AT, timedelta(minutes=1)
    failed, other = await claim(ledger, now, now + minute)
    await ledger.event_has_failed(failed, "it answers 500", now + 2 * minute)
    await ledger.events_are_done([other], now)
    assert await claim(ledger, now + minute, now + 2 * minute) == []
    (again,) = await claim(ledger, now + 2 * minute, now + 3 * minute)
    assert (again.event_id, again.tries, again.fault) == ("0000", 1, "it answers 500")
    await ledger.event_has_failed(failed, "of an earlier claim", now)
    assert await claim(ledger, now + 2 * minute, now + 3 * minute) == [], "another process has it"
    await ledger.events_are_done([again], now)
    (done,) = [event for event in await listed(ledger, customer_id="acme") if event.done_at]
    assert (done.tries, done.fault) == (2, None)


async def test_what_cannot_be_read_holds_up_its_own_customer_only(ledger: SqlLedger, url: str) -> None:
    await put(ledger, *[f"c{number}" for number in range(4)])
    broken = text("UPDATE outgoing_events SET payload = '[]' WHERE customer_id <> 'c3'")
    run(url, lambda connection: connection.execute(broken))
    until, failed, events = AT + timedelta(minutes=1), list[Failed](), list[OutgoingEvent]()
    for _ in range(2):
        events += await ledger.claim_events(Destination.RECEIVER, AT, until, 3, failed)
    assert [failure.customer_id for failure in failed] == ["0000", "0001", "0002"]
    assert [event.event_id for event in events] == ["0003"]


async def test_an_event_is_resent_on_request(ledger: SqlLedger) -> None:
    await put(ledger, "acme")
    (event,) = await claim(ledger, AT, AT + timedelta(minutes=1))
    await ledger.events_are_done([event], AT)
    assert await listed(ledger, undelivered_only=True) == []
    await ledger.resend_event("0000")
    assert [event.event_id for event in await claim(ledger, AT, AT)] == ["0000"]
    with pytest.raises(NotFound, match="there is no event 7"):
        await ledger.resend_event("7")


async def test_what_was_delivered_long_ago_is_deleted_with_a_later_delivery(ledger: SqlLedger) -> None:
    await put(ledger, "acme", "acme", None, "kiwi", "kiwi", "lima")
    acme, nobody, kiwi, lima = await claim(ledger, AT, AT + timedelta(minutes=1))
    for event, at in ((acme, AT), (nobody, AT), (kiwi, AT + timedelta(days=1))):
        await ledger.events_are_done([event], at)
    await ledger.event_has_failed(lima, "it answers 500", AT + timedelta(days=365))
    last, _ = await claim(ledger, AT + timedelta(days=2), AT + timedelta(days=2))
    await ledger.events_are_done([last], AT + KEPT + timedelta(hours=1))
    left = [event.event_id for event in await listed(ledger)]
    assert left == ["0001", "0003", "0004", "0005"], "acme's first and nobody's are gone; what waits stays"


async def test_the_backlog_is_in_the_figures_of_health(ledger: SqlLedger, url: str) -> None:
    await put(ledger, "acme", "kiwi")
    figures = await ledger.vitals(AT)
    assert (figures.waiting_events, figures.events_waiting_since) == (2, AT)
    silent = await SqlLedger.connect(url)
    assert (await silent.vitals(AT)).waiting_events == 0, "there is no receiver any more"
    await silent.close()
