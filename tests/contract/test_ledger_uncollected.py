"""What is owed for closed months and nobody collects; on SQLite and on PostgreSQL alike."""

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.payments.payment import ReversalStatus
from billing.receivables.incoming import PaymentKind
from billing.receivables.journal import Subject
from tests.contract.ledger_fixtures import ACME, AT, NOVEMBER
from tests.contract.test_ledger_incoming import LATE, UNKNOWN, close_account
from tests.contract.test_ledger_journal import DISPUTE, PAYMENT, announced, balances, drafted, record


async def test_what_is_owed_again_after_its_month_has_closed_is_found(ledger: SqlLedger, url: str) -> None:
    month = await record(ledger, announced(drafted(1200)))
    transfer = UNKNOWN.evolve(customer_id="acme", subject=Subject.month(NOVEMBER))
    await ledger.book(transfer, LATE)
    close_account(url)
    assert await ledger.uncollected(LATE) == []
    back = transfer.evolve(
        reference="7799", kind=PaymentKind.CHARGEBACK, amount_minor=-1200, original=transfer.name, subject=None
    )
    await ledger.book(back, LATE)
    assert await ledger.uncollected(AT) == [], "it has just closed"
    (debt,) = await ledger.uncollected(LATE)
    assert (debt.customer_id, debt.period, debt.owed_minor) == ("acme", month.period, 1200)
    await ledger.record_collection(Collection(customer=ACME, period=NOVEMBER, debts=(_debt(),), since=AT), AT)
    assert await ledger.uncollected(LATE) == []


async def test_what_a_bank_withholds_is_collected_once_it_has_decided(ledger: SqlLedger, url: str) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.save_payment(PAYMENT, AT)
    close_account(url)
    await ledger.save_reversals(PAYMENT, [DISPUTE], LATE)
    assert await balances(ledger) == ({NOVEMBER: 1000}, 0)
    assert await ledger.uncollected(LATE) == []
    await ledger.save_reversals(PAYMENT, [DISPUTE.evolve(status=ReversalStatus.RETURNED, code="lost")], LATE)
    (debt,) = await ledger.uncollected(LATE)
    assert (debt.period, debt.owed_minor) == (NOVEMBER, 1000)


def _debt() -> Debt:
    return Debt(
        period=NOVEMBER, amount_minor=1200, currency="eur", opened_at=AT, method=ACME.card_on_file, by_card=False
    )
