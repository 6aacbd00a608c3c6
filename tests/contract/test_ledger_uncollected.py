"""What is owed for closed months and nobody collects; on SQLite and on PostgreSQL alike."""

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.payments.payment import ReversalStatus
from billing.receivables.incoming import PaymentKind
from billing.receivables.journal import Subject
from services.orders.checks import OrderChecks
from tests.contract.incoming_fixtures import LATE, UNKNOWN, close_account
from tests.contract.journal_fixtures import DISPUTE, PAYMENT, announced, balances, drafted, record
from tests.contract.ledger_fixtures import ACME, AT, NOVEMBER
from tests.ordering import AT as PLACED
from tests.ordering import LATER, back, cancel, payment, request


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


async def test_a_debt_of_a_buyer_whose_money_went_back_twice_is_found_until_it_is_paid(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), PLACED)
    paid = payment(9_000)
    await ledger.book(paid, PLACED)
    await ledger.change_order("1042", cancel(), PLACED)
    await ledger.book(back(9_000, paid), PLACED)
    assert await ledger.uncarried() == []
    await ledger.book(back(9_000, paid, PaymentKind.CHARGEBACK).evolve(reference="back again"), PLACED)
    assert await OrderChecks(ledger).findings(LATER) == []
    (debt,) = await ledger.uncarried()
    assert (debt.customer_id, debt.currency, debt.owed_minor) == ("buyer", "eur", 9_000)
    await ledger.book(payment(3_000, "again", None), LATER)
    (debt,) = await ledger.uncarried()
    assert debt.owed_minor == 6_000
    await ledger.settle("buyer", "ann", "not worth a letter", LATER)
    assert await ledger.uncarried() == []


async def test_a_debt_is_taken_over_while_its_customer_is_billed_in_its_currency(ledger: SqlLedger, url: str) -> None:
    await record(ledger, announced(drafted(1200)))
    transfer = UNKNOWN.evolve(customer_id="acme", subject=Subject.month(NOVEMBER))
    await ledger.book(transfer, LATE)
    for reference in ("back", "back again"):
        went_back = {"reference": reference, "kind": PaymentKind.CHARGEBACK, "amount_minor": -1200}
        await ledger.book(transfer.evolve(**went_back, original=transfer.name, subject=None), LATE)
    assert await ledger.uncarried() == [], "the next draft takes it over"
    close_account(url)
    (debt,) = await ledger.uncarried()
    assert (debt.customer_id, debt.owed_minor) == ("acme", 1200)


def _debt() -> Debt:
    return Debt(
        period=NOVEMBER, amount_minor=1200, currency="eur", opened_at=AT, method=ACME.card_on_file, by_card=False
    )
