"""Incoming payments in the ledger: found, listed, assigned; on SQLite and on PostgreSQL alike."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput, NotFound
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import AccountKind, PaymentName, Subject
from tests.contract.ledger_fixtures import AT, NOVEMBER, ledger, postgresql, url
from tests.contract.test_ledger_journal import announced, balances, drafted, record

__all__ = ["ledger", "postgresql", "url"]  # fixtures

WHY = ("ann", "asked by phone", AT)
UNKNOWN = IncomingPayment(
    rail="transfer",
    reference="7731",
    customer_id=None,
    amount_minor=1200,
    currency="eur",
    paid_at=AT,
    payer="A. Nowak",
    by="ann",
    reason="no reference given",
)
LATE = AT + timedelta(days=20)  # after the month's due date


async def test_unmatched_money_is_assigned_in_parts_and_never_twice(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.book(UNKNOWN, LATE)
    name, to = UNKNOWN.name, UNKNOWN.evolve(customer_id="acme", subject=Subject.month(NOVEMBER))
    found = await ledger.assign(name, to.evolve(amount_minor=700), "ann", "asked", LATE)
    assert found.unmatched_minor == 500
    assert await balances(ledger) == ({NOVEMBER: 300}, 0)
    with pytest.raises(InvalidInput, match=r"7.00 EUR cannot be assigned: 5.00 EUR of payment 7731 \(transfer\)"):
        await ledger.assign(name, to.evolve(amount_minor=700), "ann", "asked", LATE)
    found = await ledger.assign(name, to.evolve(amount_minor=500), "ann", "asked", LATE)
    assert await balances(ledger) == ({}, -200)
    assert {account.kind: minor for account, minor in found.shares.items()} == {
        AccountKind.RECEIVABLE: 1000,
        AccountKind.CREDIT: 200,
    }
    with pytest.raises(
        InvalidInput, match=r"assigned already: 10\.00 EUR receivable acme month 2026-11, 2\.00 EUR credit"
    ):
        await ledger.assign(name, to.evolve(amount_minor=1), "ann", "asked", LATE)
    assert [(t.by, t.reason) for t in found.transactions[1:]] == [("ann", "asked")] * 2


async def test_what_cannot_be_assigned_is_said(ledger: SqlLedger) -> None:
    to = UNKNOWN.evolve(customer_id="acme")
    with pytest.raises(NotFound, match="there is no such payment on transfer"):
        await ledger.assign(UNKNOWN.name, to, *WHY)
    await ledger.book(UNKNOWN, AT)
    with pytest.raises(NotFound, match="does not know acme"):
        await ledger.assign(UNKNOWN.name, to, *WHY)
    assert await ledger.incoming_payment(PaymentName.of("cash", "7731")) is None


async def test_unmatched_payments_are_listed_first_and_found_by_reference_payer_or_customer(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.book(UNKNOWN, AT)
    for number, (customer_id, payer) in enumerate((("acme", "Acme SA"), (None, None), ("acme", "50%_off"))):
        other = UNKNOWN.evolve(reference=f"r{number}", customer_id=customer_id, payer=payer)
        await ledger.book(other, AT + timedelta(hours=number))
    assert [row.reference for row in await ledger.incoming_payments()] == ["r1", "7731", "r2", "r0"]
    assert [row.reference for row in await ledger.incoming_payments(unmatched_only=True)] == ["r1", "7731"]
    for text, references in (("nowak", ["7731"]), ("ACME", ["r2", "r0"]), ("77", ["7731"]), ("%_", ["r2"]), ("x", [])):
        assert [row.reference for row in await ledger.incoming_payments(text=text)] == references, text
    assert [row.reference for row in await ledger.incoming_payments(customer_id="acme", rail="transfer")] == [
        "r2",
        "r0",
    ]


async def test_a_bill_that_is_not_due_yet_is_paid_whole_or_not_at_all(ledger: SqlLedger) -> None:
    month = await record(ledger, announced(drafted(1000)))
    part = UNKNOWN.evolve(customer_id="acme", amount_minor=999)
    await ledger.book(part, month.charge_at - timedelta(seconds=1))
    assert await balances(ledger) == ({NOVEMBER: 1000}, -999)
    await ledger.book(part.evolve(reference="2", amount_minor=1000), month.charge_at - timedelta(seconds=1))
    assert await balances(ledger) == ({}, -999)
