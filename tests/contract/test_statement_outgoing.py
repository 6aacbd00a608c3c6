"""Lines of money that leaves the account: refunds, returns of the bank, and what is nobody's refund."""

from adapters.sql.ledger import SqlLedger
from adapters.statements.files import StatementFiles
from billing.receivables.incoming import PaymentKind
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import PaymentName
from services.statements import Statements, Upload
from tests import statement_samples as samples
from tests.contract.statement_fixtures import BANK, NOW, RAILS, clearing, outcomes, owed, owing, paid, taken, told


async def test_outgoing_lines_are_kept_and_book_nothing(ledger: SqlLedger) -> None:
    report = await taken(ledger, paid(is_in=False, text="аренда"))
    assert outcomes(report) == {"outgoing": 1}
    assert await clearing(ledger) == 0
    assert await told(ledger) == []


async def test_money_that_we_give_back_by_name_is_a_refund_and_a_return_of_the_bank_a_chargeback(
    ledger: SqlLedger,
) -> None:
    await owing(ledger, amount_minor=15000)
    service = Statements(StatementFiles(), ledger, {"bank": BANK.evolve(currency="kzt")}, RAILS)
    await service.take(Upload("x", samples.MT940.encode()), "ann", NOW)
    record = await ledger.incoming_payment(PaymentName.of("bank", "BANK000005"))
    assert record is not None
    assert (record.payment.kind, record.payment.amount_minor) == (PaymentKind.CHARGEBACK, -15000)
    assert record.payment.original == PaymentName.of("bank", "BANK000001")


async def test_a_commission_that_quotes_a_payment_is_no_refund_of_it(ledger: SqlLedger) -> None:
    await owing(ledger)
    report = await taken(ledger, paid("1", "100.00", "order 1042"))
    charge = paid("2", "1.50", f"commission for {report.rows[0].key}", is_in=False)
    assert outcomes(await taken(ledger, charge)) == {"outgoing": 1}
    assert (await owed(ledger), await clearing(ledger)) == (0, 10000)
    assert sum("1.50 EUR has left bank and names payment" in each for each in await told(ledger)) == 1


async def test_a_refund_that_is_to_be_made_by_hand_is_told_and_booked_once(ledger: SqlLedger) -> None:
    await owing(ledger)
    report = await taken(ledger, paid("1", "100.00", "order 1042"))
    name = report.rows[0].payment
    assert name is not None
    asked = {"instruction_id": "i1", "kind": InstructionKind.REFUND, "payment": name, "by_hand": True}
    await ledger.instruct(InstructionRequest(**asked, by="ann", reason="returned", via="cli"), {}, NOW)  # type: ignore[arg-type]
    key = report.rows[0].key
    back = await taken(ledger, paid("9021", "100.00", f"refund of {key}", is_in=False))
    assert outcomes(back) == {"to confirm": 1}
    assert sum("has left bank" in each for each in await told(ledger)) == 1
    await ledger.confirm("i1", "ann", "paid out", NOW, "9021", by_hand=True)
    sums = await ledger.statement_balance("bank", "eur")
    assert (sums.clearing_minor, sums.lines_minor, sums.by_hand_minor) == (0, 10000, -10000)


async def test_a_refund_that_a_person_has_recorded_is_matched(ledger: SqlLedger) -> None:
    await owing(ledger)
    report = await taken(ledger, paid("1", "100.00", "order 1042"))
    name = report.rows[0].payment
    assert name is not None
    asked = {"instruction_id": "i1", "kind": InstructionKind.REFUND, "payment": name, "refund_reference": "9021"}
    await ledger.instruct(InstructionRequest(**asked, by="ann", reason="returned", via="cli"), {}, NOW)  # type: ignore[arg-type]
    assert outcomes(await taken(ledger, paid("9021", "100.00", "возврат", is_in=False))) == {"matched": 1}
    assert await clearing(ledger) == 0
