"""The ledger's payments, refunds, webhook events and mails, on SQLite and on PostgreSQL alike."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import PaymentMismatch
from billing.keys import message_id, payment_key
from billing.mails.mail import CustomerMail, CustomerMailKind, MessageStatus, RenderedMail
from billing.payments.payment import Payment, PaymentEvent, PaymentStatus, Reversal, ReversalKind, ReversalStatus
from tests.contract.ledger_fixtures import ACME, AT, DECEMBER, INVOICE, LATER, NOVEMBER, drafted, read, succeed
from tests.forks import Fork

PAYMENT = Payment(
    rail="stripe",
    payment_id="pi_1",
    status=PaymentStatus.NEW,
    amount_minor=2**40,
    currency="EUR",
    payer_id="cus_1",
    created_at=AT,
    key=payment_key("acme", NOVEMBER),
    customer_id="acme",
    period=NOVEMBER,
)
TRIABLE = (PaymentStatus.NEW, PaymentStatus.DECLINED, PaymentStatus.AUTHENTICATION_REQUIRED)
FACTS = (PaymentStatus.PROCESSING, PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED)
REFUND = Reversal(
    reversal_id="re_1",
    payment_id="pi_1",
    kind=ReversalKind.REFUND,
    amount_minor=500,
    currency="EUR",
    status=ReversalStatus.PENDING,
    code="pending",
    reason="requested_by_customer",
    created_at=AT,
)
DISPUTE = REFUND.evolve(reversal_id="dp_1", kind=ReversalKind.DISPUTE, code="needs_response", reason="fraudulent")
EVENT = PaymentEvent(
    event_id="evt_1", type="charge.refunded", object_id="ch_1", payment_id="pi_1", created_at=AT - timedelta(hours=1)
)


async def kept(ledger: SqlLedger) -> dict[str, str]:
    """The status of every payment of November by its id."""
    return {row.payment_id: row.status for row in await ledger.payments_of(NOVEMBER)}


# -- payments


async def test_a_payment_that_has_succeeded_stays_so(ledger: SqlLedger, url: str) -> None:
    other = PAYMENT.evolve(payment_id="pi_2", status=PaymentStatus.CANCELED)
    statuses = [PaymentStatus.NEW, PaymentStatus.DECLINED, PaymentStatus.PROCESSING, PaymentStatus.SUCCEEDED]
    await ledger.save_payment(other, AT)
    for minutes, status in enumerate(statuses):
        at = AT + timedelta(minutes=minutes)
        await ledger.save_payment(PAYMENT.evolve(status=status, code=f"code {status}"), at)
        row, untouched = await ledger.payments("acme", NOVEMBER)
        assert (row.payment_id, row.status, row.code, row.at) == ("pi_1", status, f"code {status}", at)
        assert (row.key, row.customer_id, row.period) == (PAYMENT.key, "acme", NOVEMBER)
        assert (untouched.payment_id, untouched.status) == ("pi_2", "canceled")
    for status in PaymentStatus:
        await ledger.save_payment(PAYMENT.evolve(status=status, amount_minor=1), LATER)
        assert await ledger.payments("acme", NOVEMBER) == [row, untouched]
    assert await ledger.payments("acme", DECEMBER) == []
    assert read(url, "SELECT count(*) FROM charges WHERE first_at < at") == [(1,)]


async def test_a_second_payment_that_could_be_confirmed_is_refused(ledger: SqlLedger) -> None:
    for status in (*TRIABLE, PaymentStatus.PROCESSING, PaymentStatus.SUCCEEDED):
        await ledger.save_payment(PAYMENT.evolve(status=status), AT)
        for second in TRIABLE:
            expected = rf"pi_2 of acme, 2026-11 .* pi_1 \({status}\).*; cancel all but one at the processor"
            with pytest.raises(PaymentMismatch, match=expected):
                await ledger.save_payment(PAYMENT.evolve(payment_id="pi_2", status=second), LATER)
        assert await kept(ledger) == {"pi_1": status}


async def test_what_has_moved_money_or_never_will_is_kept_beside_any_other(ledger: SqlLedger) -> None:
    await ledger.save_payment(PAYMENT, AT)
    for status in FACTS:
        await ledger.save_payment(PAYMENT.evolve(payment_id=f"pi_{status}", status=status), AT)
    assert await kept(ledger) == {"pi_1": "new"} | {f"pi_{status}": status for status in FACTS}


async def test_once_the_first_is_cancelled_or_for_another_key_a_second_payment_is_kept(ledger: SqlLedger) -> None:
    await ledger.save_payment(PAYMENT, AT)
    next_series = PAYMENT.evolve(payment_id="pi_2", key=payment_key("acme", NOVEMBER, series=2))
    await ledger.save_payment(next_series, AT)
    await ledger.save_payment(PAYMENT.evolve(status=PaymentStatus.CANCELED), AT)
    await ledger.save_payment(PAYMENT.evolve(payment_id="pi_3"), AT)
    assert await kept(ledger) == {"pi_1": "canceled", "pi_2": "new", "pi_3": "new"}


async def test_an_answer_from_before_the_cancellation_does_not_undo_it(ledger: SqlLedger) -> None:
    await ledger.save_payment(PAYMENT.evolve(status=PaymentStatus.CANCELED), AT)
    for status in TRIABLE:
        await ledger.save_payment(PAYMENT.evolve(status=status), LATER)
    assert await kept(ledger) == {"pi_1": "canceled"}


async def test_the_last_try_is_kept(ledger: SqlLedger, url: str) -> None:
    for attempt_id in ("", "ch_1", "ch_2"):
        await ledger.save_payment(PAYMENT.evolve(attempt_id=attempt_id), AT)
        assert read(url, "SELECT attempt_id FROM charges") == [(attempt_id,)]


@pytest.mark.parametrize("unknown", ["key", "customer_id"])
async def test_a_payment_of_somebody_else_is_a_bug(ledger: SqlLedger, unknown: str) -> None:
    with pytest.raises(AssertionError, match="pi_1"):
        await ledger.save_payment(PAYMENT.evolve(**{unknown: ""}), AT)


async def test_payments_of_a_period_are_those_of_all_customers(ledger: SqlLedger) -> None:
    for number, (customer_id, period) in enumerate([("bolt", NOVEMBER), ("acme", NOVEMBER), ("acme", DECEMBER)]):
        key = payment_key(customer_id, period)
        await ledger.save_payment(
            PAYMENT.evolve(payment_id=f"pi_{number}", key=key, customer_id=customer_id, period=period), AT
        )
    rows = await ledger.payments_of(NOVEMBER)
    assert [(row.payment_id, row.customer_id) for row in rows] == [("pi_0", "bolt"), ("pi_1", "acme")]


SAVE_ALL = """
import asyncio, sys
from adapters.sql.ledger import SqlLedger
from billing.errors import PaymentMismatch
from billing.payments.payment import Payment, PaymentEvent
print("ready", flush=True)
input()
async def main(url, process, payment, event):
    payment, event = Payment.model_validate_json(payment), PaymentEvent.model_validate_json(event)
    ledger = await SqlLedger.connect(url)
    for n in range(20):
        mine = payment.evolve(payment_id=f"pi_{n}_{process}", key=f"key {n}")
        answers = await asyncio.gather(
            ledger.save_event(event.evolve(event_id=f"evt_{n}"), payment.created_at),
            ledger.save_payment(mine, payment.created_at),
            return_exceptions=True,
        )
        assert answers[1] is None or isinstance(answers[1], PaymentMismatch), answers
        print(answers[0], answers[1] is None)
    await ledger.close()
asyncio.run(main(*sys.argv[1:]))
"""


async def test_of_processes_that_save_at_once_one_keeps_the_payment_and_one_the_event(
    ledger: SqlLedger, url: str
) -> None:
    arguments = PAYMENT.model_dump_json(), EVENT.model_dump_json()
    printed = await succeed(*(Fork(SAVE_ALL, url, process, *arguments) for process in "abc"))
    lines = [line.split() for output in printed for line in output.splitlines()]
    assert len(lines) == 60
    assert [line[0] for line in lines].count("True") == 20
    assert [line[1] for line in lines].count("True") == 20
    assert len(await ledger.payments_of(NOVEMBER)) == 20
    assert len(await ledger.open_events()) == 20


# -- refunds and disputes


async def test_refunds_and_disputes_are_news_when_they_are_new_or_have_changed(ledger: SqlLedger) -> None:
    assert await ledger.save_reversals(PAYMENT, [REFUND, DISPUTE], AT) == [REFUND, DISPUTE]
    assert await ledger.save_reversals(PAYMENT, [REFUND, DISPUTE], LATER) == []
    settled, cheaper = REFUND.evolve(status="returned", code="succeeded"), DISPUTE.evolve(amount_minor=300)
    assert await ledger.save_reversals(PAYMENT, [settled, DISPUTE], LATER) == [settled]
    assert await ledger.save_reversals(PAYMENT, [settled, cheaper], LATER) == [cheaper]
    assert await ledger.save_reversals(PAYMENT, [], LATER) == []
    whose = {"customer_id": "acme", "period": NOVEMBER, "at": LATER}
    rows = await ledger.reversals()
    assert [row.model_dump() for row in rows] == [{**dict(each), **whose} for each in (cheaper, settled)]


async def test_a_refund_that_has_not_changed_keeps_the_time_since_when_it_is_known(ledger: SqlLedger) -> None:
    for at in (AT, LATER):
        await ledger.save_reversals(PAYMENT, [REFUND], at)
    assert [row.at for row in await ledger.reversals()] == [AT]


async def test_refunds_are_found_by_period_and_customer_oldest_first(ledger: SqlLedger) -> None:
    whose = [("acme", NOVEMBER), ("acme", DECEMBER), ("bolt", NOVEMBER)]
    for number, (customer_id, period) in enumerate(whose):
        refund = REFUND.evolve(reversal_id=f"re_{number}", created_at=AT - timedelta(days=number))
        await ledger.save_reversals(PAYMENT.evolve(customer_id=customer_id, period=period), [refund], AT)

    async def found(**wanted: Any) -> list[str]:
        return [row.reversal_id for row in await ledger.reversals(**wanted)]

    assert await found() == ["re_2", "re_1", "re_0"]
    assert await found(period=NOVEMBER) == ["re_2", "re_0"]
    assert await found(customer_id="acme") == ["re_1", "re_0"]
    assert await found(period=NOVEMBER, customer_id="acme") == ["re_0"]


# -- events


async def test_an_event_is_kept_once_and_open_until_something_was_done(ledger: SqlLedger, url: str) -> None:
    assert await ledger.save_event(EVENT, AT)
    assert not await ledger.save_event(EVENT.evolve(type="something else"), LATER)
    (row,) = await ledger.open_events()
    assert row.model_dump() == {**dict(EVENT), "received_at": AT, "result": None}
    await ledger.close_event("evt_1", long := "".join(f"{n} " for n in range(5000)))
    await ledger.close_event("evt_1", "something else")
    assert await ledger.open_events() == []
    assert not await ledger.save_event(EVENT, LATER)
    assert read(url, "SELECT type, result FROM events") == [(EVENT.type, long)]


async def test_open_events_come_in_the_order_in_which_they_were_received(ledger: SqlLedger) -> None:
    for number in (3, 1, 2, 0):
        await ledger.save_event(EVENT.evolve(event_id=f"evt_{number}"), AT + timedelta(minutes=number))
    await ledger.close_event("evt_1", "done")
    assert [row.event_id for row in await ledger.open_events()] == ["evt_0", "evt_2", "evt_3"]
    assert [row.event_id for row in await ledger.open_events(limit=2)] == ["evt_0", "evt_2"]


# -- mails


async def test_what_a_mail_said_is_kept_and_one_that_was_sent_stays_so(ledger: SqlLedger) -> None:
    letter = CustomerMail(kind=CustomerMailKind.NOTICE, message_id="<1@billing>", to=ACME.mailbox, month=drafted())
    first = RenderedMail("Invoice: €1 on 8 December", "Hello Añ 茶,\n\n  €1  Tea\n", "<p>Hello Añ 茶</p>")
    other = RenderedMail("something else", "something else", "something else")
    for status in (MessageStatus.SENDING, MessageStatus.SENT):
        await ledger.save_message(letter, 1, status, AT, first)
        (row,) = await ledger.messages("acme", NOVEMBER)
        assert (row.subject, row.text) == first[:2]
    await ledger.save_message(letter, 1, MessageStatus.SENDING, LATER, other)
    assert await ledger.messages("acme", NOVEMBER) == [row]


async def test_a_message_that_was_sent_stays_so(ledger: SqlLedger) -> None:
    def letter(number: int) -> CustomerMail:
        name = message_id("notice", "acme", NOVEMBER, str(number), "billing.example")
        return CustomerMail(kind=CustomerMailKind.NOTICE, message_id=name, to=ACME.mailbox, month=drafted())

    for minutes, status in enumerate([MessageStatus.SENDING, MessageStatus.FAILED, MessageStatus.SENT]):
        at = AT + timedelta(minutes=minutes)
        await ledger.save_message(letter(1), 1, status, at)
        (row,) = await ledger.messages("acme", NOVEMBER)
        assert (row.status, row.at, row.recipient, row.total_minor) == (status, at, ACME.mailbox, INVOICE.total_minor)
    for status in MessageStatus:
        await ledger.save_message(letter(1), 1, status, LATER)
    await ledger.save_message(letter(2), 2, MessageStatus.SENDING, LATER)
    first, second = await ledger.messages("acme", NOVEMBER)
    assert first == row
    assert (second.number, second.status) == (2, MessageStatus.SENDING)
