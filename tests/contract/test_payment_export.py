"""Incoming payments for accounting, on SQLite and PostgreSQL alike: whose, for what, in pages, each once."""

from datetime import timedelta

from adapters.sql.ledger import SqlLedger
from billing.accounting.payment_export import ExportedPayment
from billing.receivables.incoming import PaymentKind
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import Subject
from tests.contract.journal_fixtures import announced, drafted
from tests.contract.ledger_fixtures import NOVEMBER
from tests.contract.register_fixtures import NOON, NOW, NUMBER, RAIL, told, with_account
from tests.ordering import payment as order_payment
from tests.ordering import request as order_request

SINCE, UNTIL = NOON - timedelta(hours=1), NOON + timedelta(hours=1)


async def exported(ledger: SqlLedger, rail: str = RAIL) -> list[ExportedPayment]:
    return [row async for page in ledger.payments_between(rail, SINCE, UNTIL) for row in page]


async def test_each_payment_of_the_time_is_exported_once_in_its_order_however_many_there_are(ledger: SqlLedger) -> None:
    await with_account(ledger)
    payment = await told(ledger, "0", 100)

    def fill() -> None:
        from adapters.sql.receivables.incoming import book

        with ledger._writing("book many") as connection:
            for number in range(1, 602):
                paid_at = NOON + timedelta(seconds=number // 300)  # many at one instant
                book(connection, payment.evolve(reference=str(number), paid_at=paid_at), NOW)
            for instant in (SINCE - timedelta(seconds=1), UNTIL):
                book(connection, payment.evolve(reference=f"at {instant}", paid_at=instant), NOW)

    await ledger.run(fill)
    rows = await exported(ledger)
    assert sorted(int(row.reference) for row in rows) == list(range(602))
    assert [row.paid_at for row in rows] == sorted(row.paid_at for row in rows)
    assert await exported(ledger, "terminals") == []
    assert await ledger.paid_rails() == [RAIL]
    assert await ledger.paid_before(RAIL, SINCE) == {"kzt": 100}


async def test_a_payment_has_its_customer_their_open_account_numbers_and_what_it_has_paid(ledger: SqlLedger) -> None:
    await ledger.record(announced(drafted(5_000)), SINCE)
    for number in (NUMBER, "2000008"):
        await ledger.open_number("acme", number, "ann", "contract", SINCE)
    await ledger.close_number("2000008", "ann", "moved", SINCE)
    paid = (await told(ledger, "1", 7_000)).evolve(reference="2", currency="eur", subject=Subject.month(NOVEMBER))
    await ledger.book(paid, NOW)
    nobodys = paid.evolve(reference="3", customer_id=None, subject=None, payer="A. Nowak")
    await ledger.book(nobodys, NOW)
    back = {"kind": PaymentKind.CHARGEBACK, "amount_minor": -2_000, "original": paid.name}
    await ledger.book(paid.evolve(reference="2-back", **back), NOW)
    one, two, three, gone = sorted(await exported(ledger), key=lambda row: (len(row.reference), row.reference))
    assert (one.customer_id, one.accounts, one.paid_for) == ("acme", (NUMBER,), ())
    assert (two.paid_for, two.unmatched_minor) == (("2026-11",), 0)
    assert (three.customer_id, three.accounts, three.unmatched_minor, three.payer) == (None, (), 7_000, "A. Nowak")
    assert (gone.kind, gone.amount_minor, gone.reverses) == (PaymentKind.CHARGEBACK, -2_000, "2")
    request = InstructionRequest(
        instruction_id="1",
        kind=InstructionKind.ASSIGN,
        payment=nobodys.name,
        customer_id="acme",
        by="ann",
        reason="asked",
        via="cli",
    )
    await ledger.instruct(request, {}, NOW)
    assigned = next(row for row in await exported(ledger) if row.reference == "3")
    assert (assigned.customer_id, assigned.unmatched_minor) == ("acme", 0)


async def test_a_payment_for_an_order_names_it(ledger: SqlLedger) -> None:
    await ledger.open_order(order_request(price_minor=2_550), SINCE)
    await ledger.book(order_payment(2_550, paid_at=NOON, rail=RAIL), NOW)
    assert [row.paid_for for row in await exported(ledger)] == [("order 1042",)]
