"""The journal in the ledger: every place where money moves posts it, once, on SQLite and on PostgreSQL alike."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage
from billing.errors import BalanceChanged
from billing.invoices.stages import Stage
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Balance, Subject
from tests.contract.journal_fixtures import (
    DUE,
    PAYMENT,
    announced,
    balances,
    close_as_carried,
    drafted,
    invoice_of,
    record,
    sums,
)
from tests.contract.ledger_fixtures import AT, NOVEMBER, read, succeed
from tests.debts import settled, with_fields
from tests.forks import Fork


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
