"""The journal in the ledger: every place where money moves posts it, once, on SQLite and on PostgreSQL alike."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage
from billing.errors import BalanceChanged
from billing.invoices.commands import Delivered
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.keys import payment_key
from billing.payments.payment import (
    ChargeResult,
    ChargeStatus,
    Payment,
    PaymentStatus,
    Reversal,
    ReversalKind,
    ReversalStatus,
)
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Balance, Subject
from tests.contract.ledger_fixtures import ACME, AT, NOVEMBER, read, succeed
from tests.debts import settled, with_fields
from tests.forks import Fork

DUE = AT + timedelta(days=60)  # after the due dates of these months
PAYMENT = Payment(
    rail="stripe",
    payment_id="pi_1",
    status=PaymentStatus.SUCCEEDED,
    amount_minor=1000,
    currency="eur",
    payer_id="cus_1",
    created_at=AT,
    key=payment_key("acme", NOVEMBER),
    customer_id="acme",
    period=NOVEMBER,
)
DISPUTE = Reversal(
    reversal_id="dp_1",
    payment_id="pi_1",
    kind=ReversalKind.DISPUTE,
    amount_minor=1000,
    currency="eur",
    status=ReversalStatus.PENDING,
    code="needs_response",
    created_at=AT,
)


def invoice_of(amount_minor: int, carried_minor: int = 0) -> Invoice:
    lines = (LineItem(line_id="row-2", description="Tea", amount_minor=amount_minor),) if amount_minor else ()
    return Invoice(currency="eur", imported_at=AT, lines=lines, carried_minor=carried_minor)


def drafted(amount_minor: int, carried_minor: int = 0, period: Period = NOVEMBER) -> Month:
    return Month.open(ACME.evolve(currency="eur"), period).drafted(invoice_of(amount_minor, carried_minor))


def announced(month: Month) -> Month:
    return month.announcing(month.notice_at).delivered(Delivered(at=month.notice_at))


async def record(ledger: SqlLedger, *months: Month) -> Month:
    for month in months:
        await ledger.record(month, AT)
    return months[-1]


async def balances(ledger: SqlLedger) -> tuple[dict[str, int], int]:
    """What is owed for each month, and the credit (below 0)."""
    balance = await ledger.balance("acme")
    return {item.subject.name: item.amount_minor for item in balance.owed}, balance.carried_minor("eur")


async def sums(url: str) -> dict[str, int]:
    """The trial balance, past the ledger."""
    return {kind: int(total) for kind, total in read(url, "SELECT kind, sum(amount_minor) FROM entries GROUP BY kind")}


async def close_as_carried(ledger: SqlLedger, amount_minor: int, period: Period = NOVEMBER) -> Month:
    month = await record(ledger, drafted(amount_minor, period=period))
    return await record(ledger, month.announcing(month.notice_at))


async def test_a_bill_is_posted_with_its_notice_and_paid_by_its_charge(ledger: SqlLedger, url: str) -> None:
    month = await record(ledger, drafted(1000))
    assert await balances(ledger) == ({}, 0)
    month = await record(ledger, announced(month))
    (owed,) = (await ledger.balance("acme")).owed
    assert (owed.subject, owed.amount_minor, owed.due_at) == (Subject.month(NOVEMBER), 1000, month.charge_at)
    for _ in range(2):  # the second is a repeat
        await ledger.save_payment(PAYMENT, AT)
        await ledger.record(month, AT)
    assert await balances(ledger) == ({}, 0)
    assert await sums(url) == {"receivable": 0, "billed": -1000, "clearing": 1000}
    assert await ledger.balance("nobody") == Balance(owed=(), credits={})


async def test_a_void_notice_is_reversed_and_the_corrected_bill_posted(ledger: SqlLedger, url: str) -> None:
    month = announced(await record(ledger, drafted(1000)))
    await record(ledger, month)
    void = await record(ledger, month.notice_void(month.charge_at))
    assert await balances(ledger) == ({}, 0)
    again = announced(void.drafted(invoice_of(700)))
    await record(ledger, again)
    assert await balances(ledger) == ({NOVEMBER: 700}, 0)
    assert (await ledger.balance("acme")).owed[0].due_at == again.charge_at
    causes = [cause for (cause,) in read(url, "SELECT cause FROM transactions ORDER BY number")]
    assert causes == ["notice", "void", "notice"]


@pytest.mark.parametrize("amount_minor", [-300, 20])
async def test_what_a_month_leaves_is_taken_over_by_the_next_draft_once(ledger: SqlLedger, amount_minor: int) -> None:
    month = await close_as_carried(ledger, amount_minor)
    assert month.outcome is Stage.CARRIED_FORWARD
    assert await balances(ledger) == ({}, amount_minor)
    following = await record(ledger, drafted(1000, amount_minor, NOVEMBER.next()))
    assert await balances(ledger) == ({following.period: amount_minor}, 0)
    await record(ledger, announced(following))
    assert await balances(ledger) == ({following.period: 1000 + amount_minor}, 0)
    (owed,) = (await ledger.balance("acme")).owed
    assert owed.due_at == following.charge_at


async def test_what_a_void_bill_had_taken_over_is_not_due_any_more(ledger: SqlLedger) -> None:
    await close_as_carried(ledger, 20)
    month = await record(ledger, announced(drafted(1000, 20, NOVEMBER.next())))
    void = await record(ledger, month.notice_void(month.charge_at))
    (owed,) = (await ledger.balance("acme")).owed
    assert (owed.amount_minor, owed.due_at) == (20, None)
    again = await record(ledger, announced(void.drafted(invoice_of(700, 20))))
    (owed,) = (await ledger.balance("acme")).owed
    assert (owed.amount_minor, owed.due_at) == (720, again.charge_at)


@pytest.mark.parametrize("taken_minor", [-301, -600, 1, 300])
async def test_a_draft_cannot_take_over_what_is_not_there(ledger: SqlLedger, taken_minor: int) -> None:
    await close_as_carried(ledger, -300)
    with pytest.raises(BalanceChanged, match="it is read again"):
        await ledger.record_draft(drafted(1000, taken_minor, NOVEMBER.next()), AT)
    assert await balances(ledger) == ({}, -300)
    assert await ledger.month("acme", NOVEMBER.next()) is None


async def test_a_skipped_month_gives_the_balance_back(ledger: SqlLedger) -> None:
    await close_as_carried(ledger, -300)
    following = announced(await record(ledger, drafted(1000, -300, NOVEMBER.next())))
    await record(ledger, following)
    await record(ledger, following.close(Stage.SKIPPED, following.charge_at))
    assert await balances(ledger) == ({}, -300)


async def test_a_month_in_which_credit_pays_everything_leaves_nothing(ledger: SqlLedger) -> None:
    await close_as_carried(ledger, -300)
    following = await record(ledger, drafted(300, -300, NOVEMBER.next()))
    following = await record(ledger, following.announcing(following.notice_at))
    assert following.outcome is Stage.NOTHING_DUE
    assert await balances(ledger) == ({}, 0)


async def test_too_much_money_becomes_credit_and_pays_what_fell_due_first(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    await record(ledger, announced(drafted(500, period=NOVEMBER.next())))
    paid = IncomingPayment(
        rail="bank", reference="1", customer_id="acme", amount_minor=1200, currency="eur", paid_at=AT
    )
    assert await ledger.book(paid, DUE)
    assert not await ledger.book(paid, DUE)
    assert await balances(ledger) == ({NOVEMBER.next(): 300}, 0)
    assert await ledger.book(paid.evolve(reference="2", subject=Subject.month(NOVEMBER)), DUE)
    assert await balances(ledger) == ({NOVEMBER.next(): 300}, -1200)
    assert await ledger.book(paid.evolve(reference="3", customer_id=None), DUE)
    assert await balances(ledger) == ({NOVEMBER.next(): 300}, -1200)


async def test_of_another_currency_money_pays_nothing(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    paid = IncomingPayment(
        rail="bank", reference="1", customer_id="acme", amount_minor=1000, currency="usd", paid_at=AT
    )
    await ledger.book(paid, AT)
    assert await balances(ledger) == ({NOVEMBER: 1000}, 0)
    assert (await ledger.balance("acme")).credits == {"usd": -1000}


async def test_a_dispute_opens_the_debt_again_until_it_is_won(ledger: SqlLedger, url: str) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.save_reversals(PAYMENT, [DISPUTE], AT)  # overtakes its payment: both are booked
    assert await balances(ledger) == ({NOVEMBER: 1000}, 0)
    for number, status in enumerate((ReversalStatus.KEPT, ReversalStatus.KEPT, ReversalStatus.PENDING)):
        await ledger.save_reversals(PAYMENT, [DISPUTE.evolve(status=status, code=f"code {number}")], AT)
    assert await balances(ledger) == ({NOVEMBER: 1000}, 0)
    references = [row[0] for row in read(url, "SELECT reference FROM incoming_payments ORDER BY reference")]
    assert references == ["dp_1", "dp_1#2", "dp_1#3", "pi_1"]


REFUND = DISPUTE.evolve(reversal_id="re_1", kind=ReversalKind.REFUND, status=ReversalStatus.RETURNED)


async def charged_twice(ledger: SqlLedger) -> Payment:
    """November is paid, and a second payment of it is credit."""
    month = announced(drafted(1000)).begin_charge(announced(drafted(1000)).charge_at)
    await record(ledger, month)
    again = PAYMENT.evolve(payment_id="pi_2")
    for payment in (PAYMENT, again):
        await ledger.save_payment(payment, AT)
    paid = ChargeResult(status=ChargeStatus.SUCCEEDED, at=month.charge_at, payment_id="pi_1")
    await record(ledger, month.charged(paid))
    assert await balances(ledger) == ({}, -1000)
    return again


async def test_what_was_refunded_is_not_owed_again(ledger: SqlLedger, url: str) -> None:
    again = await charged_twice(ledger)
    refund = REFUND.evolve(amount_minor=400)
    await ledger.save_reversals(PAYMENT, [refund], AT)
    assert await balances(ledger) == ({}, -600)
    await ledger.save_reversals(again, [REFUND.evolve(reversal_id="re_2", payment_id="pi_2")], AT)
    assert await balances(ledger) == ({}, 0)
    assert (await sums(url))["written_off"] == 400
    await ledger.save_reversals(PAYMENT, [refund.evolve(status=ReversalStatus.KEPT, code="failed")], AT)
    assert await balances(ledger) == ({}, 0)
    assert await sums(url) == {"receivable": 0, "billed": -1000, "clearing": 1000, "credit": 0, "written_off": 0}


async def test_a_dispute_of_what_was_partly_refunded_opens_the_rest_again(ledger: SqlLedger, url: str) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.save_payment(PAYMENT, AT)
    await ledger.save_reversals(PAYMENT, [REFUND.evolve(amount_minor=400), DISPUTE.evolve(amount_minor=600)], AT)
    assert await balances(ledger) == ({NOVEMBER: 600}, 0)
    assert await sums(url) == {"receivable": 600, "billed": -1000, "clearing": 0, "written_off": 400}


async def test_credit_that_a_draft_has_used_is_a_debt_once_its_payment_is_refunded(ledger: SqlLedger) -> None:
    again = await charged_twice(ledger)
    await record(ledger, drafted(1000, -1000, NOVEMBER.next()))
    await ledger.save_reversals(again, [REFUND.evolve(payment_id="pi_2")], AT)
    assert await balances(ledger) == ({NOVEMBER.next(): -1000}, 1000)  # the next draft takes the debt over


async def test_a_payment_that_names_its_month_pays_no_other(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    skipped = announced(drafted(500, period=NOVEMBER.next()))
    await record(ledger, skipped, skipped.close(Stage.SKIPPED, skipped.charge_at))
    named = PAYMENT.incoming(AT).evolve(subject=Subject.month(NOVEMBER.next()), amount_minor=500)
    await ledger.book(named, AT)
    assert await balances(ledger) == ({NOVEMBER: 1000}, -500)


async def test_a_payment_whose_bill_a_restored_ledger_lacks_pays_it_once_it_is_posted(ledger: SqlLedger) -> None:
    month = await record(ledger, drafted(1000))
    await ledger.save_payment(PAYMENT, AT)
    assert await balances(ledger) == ({}, -1000)
    await record(ledger, announced(month))
    assert await balances(ledger) == ({}, 0)


async def test_what_was_paid_for_a_void_bill_pays_the_corrected_one(ledger: SqlLedger) -> None:
    month = await record(ledger, announced(drafted(1000)))
    paid = IncomingPayment(
        rail="bank",
        reference="1",
        customer_id="acme",
        subject=Subject.month(NOVEMBER),
        amount_minor=1000,
        currency="eur",
        paid_at=AT,
    )
    await ledger.book(paid, AT)
    void = await record(ledger, month.notice_void(month.charge_at))
    assert await balances(ledger) == ({}, -1000)
    await record(ledger, announced(void.drafted(invoice_of(700))))
    assert await balances(ledger) == ({}, -300)


async def test_what_was_refunded_and_is_void_then_is_not_paid_out_again(ledger: SqlLedger, url: str) -> None:
    month = await record(ledger, announced(drafted(1000)))
    await ledger.save_payment(PAYMENT, AT)
    await ledger.save_reversals(PAYMENT, [REFUND], AT)
    await record(ledger, month.close(Stage.SKIPPED, month.charge_at))
    assert await balances(ledger) == ({}, 0)
    assert await sums(url) == {"receivable": 0, "billed": 0, "clearing": 0, "written_off": 0}


async def test_a_draft_that_a_restored_ledger_lacks_brings_its_balance_with_it(ledger: SqlLedger) -> None:
    await ledger.record(drafted(1000, -300), AT)
    assert await balances(ledger) == ({NOVEMBER: -300}, 0)
    (alert,) = await ledger.alerts()
    assert "a credit of 3.00 EUR that the ledger did not know" in alert.text


async def test_a_second_draft_takes_over_what_the_first_has_taken(ledger: SqlLedger) -> None:
    await close_as_carried(ledger, -300)
    first = drafted(1000, -300, NOVEMBER.next())
    await ledger.record_draft(first, AT)
    second = first.drafted(invoice_of(1200, -300))
    await ledger.record_draft(second, AT)
    assert await balances(ledger) == ({first.period: -300}, 0)
    with pytest.raises(BalanceChanged):
        await ledger.record_draft(second.drafted(invoice_of(1200, -301)), AT)


async def test_a_collection_posts_what_is_written_off_and_no_payment(ledger: SqlLedger, url: str) -> None:
    month = announced(drafted(1000))
    month = month.begin_charge(month.charge_at)
    declined = ChargeResult(status=ChargeStatus.DECLINED, at=month.charge_at)
    month = await record(ledger, month.charged(declined))
    collection = with_fields(Collection.open(month), paid_otherwise_minor=400)
    await ledger.record_collection(collection, DUE)
    assert await balances(ledger) == ({NOVEMBER: 1000}, 0), "the payment desk books what has arrived"
    transfer = IncomingPayment(
        rail="transfer",
        reference="bank 1",
        customer_id="acme",
        subject=Subject.month(NOVEMBER),
        amount_minor=400,
        currency="eur",
        paid_at=AT,
        by="ann",
    )
    await ledger.book(transfer, DUE)
    closed = settled(collection, CollectionStage.WRITTEN_OFF, DUE + timedelta(days=1))
    for _ in range(2):
        await ledger.record_collection(closed, DUE)
    assert await balances(ledger) == ({}, 0)
    assert await sums(url) == {"receivable": 0, "billed": -1000, "clearing": 400, "written_off": 600}


BOOK_ALL = """
import asyncio, sys
from adapters.sql.ledger import SqlLedger
from billing.receivables.incoming import IncomingPayment
async def main(url, rail, payment):
    ledger = await SqlLedger.connect(url)
    await ledger.ping()
    print("ready", flush=True)
    sys.stdin.readline()
    paid = IncomingPayment.model_validate_json(payment)
    payments = [paid.evolve(rail=rail, reference=str(n), customer_id=f"c{n}") for n in range(100)]
    print(sum(await asyncio.gather(*(ledger.book(payment, paid.paid_at) for payment in payments))))
    await ledger.close()
asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_payments_at_once_never_pay_more_than_is_owed(ledger: SqlLedger, url: str) -> None:
    """A hundred customers owe 1000 each; two banks tell of 600 for each of them at the same instant."""
    month = announced(drafted(1000))
    for n in range(100):
        await ledger.record(
            month.with_customer(month.customer.evolve(customer_id=f"c{n}", email=f"c{n}@a.example")), AT
        )
    paid = IncomingPayment(rail="", reference="0", customer_id=None, amount_minor=600, currency="eur", paid_at=DUE)
    banks = [Fork(BOOK_ALL, url, rail, paid.model_dump_json()) for rail in ("bank a", "bank b")]
    assert [int(printed) for printed in await succeed(*banks)] == [100, 100]
    for n in range(100):
        balance = await ledger.balance(f"c{n}")
        assert (balance.owed, balance.credits) == ((), {"eur": -200}), n
    assert await sums(url) == {"receivable": 0, "billed": -100_000, "clearing": 120_000, "credit": -20_000}
