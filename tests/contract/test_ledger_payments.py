"""The ledger's payments, refunds, webhook events and mails, on SQLite and on PostgreSQL alike."""

from datetime import timedelta

from adapters.sql_ledger import SqlLedger
from billing.keys import message_id, payment_key
from billing.payment import Payment, PaymentStatus
from billing.ports import Letter, LetterKind, MessageStatus
from tests.contract.ledger_fixtures import (
    ACME,
    AT,
    DECEMBER,
    INVOICE,
    LATER,
    NOVEMBER,
    drafted,
    ledger,
    postgresql,
    read,
    url,
)

__all__ = ["ledger", "postgresql", "url"]  # fixtures


async def test_a_payment_that_has_succeeded_stays_so(ledger: SqlLedger, url: str) -> None:
    payment = Payment(
        payment_id="pi_1",
        status=PaymentStatus.NEW,
        amount_minor=2**40,
        currency="EUR",
        stripe_customer_id="cus_1",
        created_at=AT,
        key=payment_key("acme", NOVEMBER),
        customer_id="acme",
        period=NOVEMBER,
    )
    other = payment.evolve(payment_id="pi_2", status=PaymentStatus.CANCELED)
    statuses = [PaymentStatus.NEW, PaymentStatus.DECLINED, PaymentStatus.PROCESSING, PaymentStatus.SUCCEEDED]
    await ledger.save_payment(other, AT)
    for minutes, status in enumerate(statuses):
        at = AT + timedelta(minutes=minutes)
        await ledger.save_payment(payment.evolve(status=status, code=f"code {status}"), at)
        row, untouched = await ledger.payments("acme", NOVEMBER)
        assert (row.payment_id, row.status, row.code, row.at) == ("pi_1", status, f"code {status}", at)
        assert (row.key, row.customer_id, row.period) == (payment.key, "acme", NOVEMBER)
        assert (untouched.payment_id, untouched.status) == ("pi_2", "canceled")
    for status in PaymentStatus:
        await ledger.save_payment(payment.evolve(status=status, amount_minor=1), LATER)
        assert await ledger.payments("acme", NOVEMBER) == [row, untouched]
    assert await ledger.payments("acme", DECEMBER) == []
    assert read(url, "SELECT count(*) FROM charges WHERE first_at < at") == [(1,)]


async def test_a_message_that_was_sent_stays_so(ledger: SqlLedger) -> None:
    def letter(number: int) -> Letter:
        name = message_id("notice", "acme", NOVEMBER, str(number), "billing.example")
        return Letter(kind=LetterKind.NOTICE, message_id=name, to=ACME.email, month=drafted())

    for minutes, status in enumerate([MessageStatus.SENDING, MessageStatus.FAILED, MessageStatus.SENT]):
        at = AT + timedelta(minutes=minutes)
        await ledger.save_message(letter(1), 1, status, at)
        (row,) = await ledger.messages("acme", NOVEMBER)
        assert (row.status, row.at, row.recipient, row.total_minor) == (status, at, ACME.email, INVOICE.total_minor)
    for status in MessageStatus:
        await ledger.save_message(letter(1), 1, status, LATER)
    await ledger.save_message(letter(2), 2, MessageStatus.SENDING, LATER)
    first, second = await ledger.messages("acme", NOVEMBER)
    assert first == row
    assert (second.number, second.status) == (2, MessageStatus.SENDING)
