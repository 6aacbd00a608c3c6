"""Clearing accounts, payment by payment, on SQLite and on PostgreSQL alike."""

from datetime import timedelta

from sqlalchemy import Connection, text

from adapters.sql.ledger import SqlLedger
from billing.apart import Failed
from billing.payments.payment import ReversalStatus
from billing.period import Period
from billing.receivables.incoming import IncomingPayment, PaymentKind
from billing.receivables.journal import PaymentName, Subject
from tests.contract.incoming_fixtures import UNKNOWN
from tests.contract.journal_fixtures import DISPUTE, DUE, PAYMENT, REFUND, announced, drafted, record
from tests.contract.ledger_fixtures import AT, NOVEMBER, run

DECEMBER = NOVEMBER.next()
TRANSFER = UNKNOWN.evolve(customer_id="acme", subject=Subject.month(NOVEMBER))


async def cleared(ledger: SqlLedger, period: Period = NOVEMBER) -> dict[str, int]:
    return {row.reference: row.amount_minor for row in await ledger.cleared(period)}


async def test_a_payment_counts_net_of_what_went_back_in_whatever_month_it_did(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    assert await cleared(ledger) == {}
    await ledger.save_payment(PAYMENT, AT)
    assert await cleared(ledger) == {"pi_1": 1000}
    await ledger.save_reversals(PAYMENT, [REFUND.evolve(amount_minor=400)], DUE)
    assert await cleared(ledger) == {"pi_1": 600}
    await ledger.save_reversals(PAYMENT, [DISPUTE.evolve(amount_minor=600)], DUE)
    assert await cleared(ledger) == {"pi_1": 0}
    await ledger.save_reversals(PAYMENT, [DISPUTE.evolve(amount_minor=600, status=ReversalStatus.KEPT)], DUE)
    assert await cleared(ledger) == {"pi_1": 600}
    found = await ledger.incoming_payment(PaymentName.of("stripe", "pi_1"))
    assert found is not None
    assert found.cleared_minor == {"eur": 600}
    assert await cleared(ledger, DECEMBER) == {}


async def test_what_goes_back_in_another_currency_is_a_sum_of_its_own(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.save_payment(PAYMENT, AT)
    await ledger.save_reversals(PAYMENT, [REFUND.evolve(currency="usd", amount_minor=300)], AT)
    rows = await ledger.cleared(NOVEMBER)
    assert sorted((row.currency, row.amount_minor) for row in rows) == [("eur", 1000), ("usd", -300)]
    assert {(row.name, row.customer_id, row.by) for row in rows} == {(PaymentName.of("stripe", "pi_1"), "acme", None)}


async def test_money_by_hand_counts_for_the_month_that_it_names_else_for_that_in_which_it_was_paid(
    ledger: SqlLedger,
) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.book(TRANSFER, DUE)
    for reference, paid_at in (("first", AT), ("before", AT - timedelta(days=2)), ("after", AT + timedelta(days=32))):
        await ledger.book(UNKNOWN.evolve(reference=reference, paid_at=paid_at), DUE)
    assert await cleared(ledger) == {"7731": 1200, "before": 1200}
    assert await cleared(ledger, DECEMBER) == {"first": 1200}
    back = IncomingPayment(
        rail="transfer",
        reference="7740",
        kind=PaymentKind.REFUND,
        customer_id="acme",
        amount_minor=-200,
        currency="eur",
        paid_at=AT,
        original=TRANSFER.name,
        by="ann",
    )
    await ledger.book(back, DUE)
    assert await cleared(ledger) == {"7731": 1000, "before": 1200}
    assert await cleared(ledger, DECEMBER) == {"first": 1200}
    assert {row.by for row in await ledger.cleared(NOVEMBER)} == {"ann"}


async def test_money_of_nobody_that_a_rail_reported_without_a_month_counts_for_none(ledger: SqlLedger) -> None:
    await ledger.book(UNKNOWN.evolve(rail="stripe-link", by=None), AT)
    assert await cleared(ledger, DECEMBER) == {}


async def test_a_payment_whose_entries_somebody_has_deleted_is_not_there(ledger: SqlLedger, url: str) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.save_payment(PAYMENT, AT)

    def delete(connection: Connection) -> None:
        entries = "DELETE FROM entries WHERE number IN (SELECT number FROM transactions WHERE rail = 'stripe')"
        connection.execute(text(entries))
        connection.execute(text("DELETE FROM transactions WHERE rail = 'stripe'"))

    run(url, delete)
    assert await cleared(ledger) == {}
    found = await ledger.incoming_payment(PaymentName.of("stripe", "pi_1"))
    assert found is not None
    assert found.cleared_minor == {}


async def test_a_row_that_cannot_be_read_stops_no_other(ledger: SqlLedger, url: str) -> None:
    await record(ledger, announced(drafted(1000)))
    for reference in ("7731", "7732"):
        await ledger.book(TRANSFER.evolve(reference=reference), DUE)
    broken = f"UPDATE incoming_payments SET reference = '{'x' * 300}' WHERE reference = '7731'"
    run(url, lambda connection: connection.execute(text(broken)))
    failed: list[Failed] = []
    assert [row.reference for row in await ledger.cleared(NOVEMBER, failed)] == ["7732"]
    assert [failure.customer_id for failure in failed] == ["acme"]
