"""Disputes, refunds and void bills in the journal: what they open again, once, on both databases."""

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import BalanceChanged
from billing.invoices.stages import Stage
from billing.payments.payment import ChargeResult, ChargeStatus, Payment, ReversalStatus
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Subject
from tests.contract.journal_fixtures import (
    DISPUTE,
    PAYMENT,
    REFUND,
    announced,
    balances,
    close_as_carried,
    drafted,
    invoice_of,
    record,
    sums,
)
from tests.contract.ledger_fixtures import AT, NOVEMBER, read


async def test_a_dispute_opens_the_debt_again_until_it_is_won(ledger: SqlLedger, url: str) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.save_reversals(PAYMENT, [DISPUTE], AT)  # overtakes its payment: both are booked
    assert await balances(ledger) == ({NOVEMBER: 1000}, 0)
    for number, status in enumerate((ReversalStatus.KEPT, ReversalStatus.KEPT, ReversalStatus.PENDING)):
        await ledger.save_reversals(PAYMENT, [DISPUTE.evolve(status=status, code=f"code {number}")], AT)
    assert await balances(ledger) == ({NOVEMBER: 1000}, 0)
    references = [row[0] for row in read(url, "SELECT reference FROM incoming_payments ORDER BY reference")]
    assert references == ["dp_1", "dp_1#2", "dp_1#3", "pi_1"]


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
