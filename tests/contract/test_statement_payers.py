"""Accounts of payers: who has paid from one before, who may confirm it, and who is nobody's payer."""

# ruff: noqa: RUF001 - Cyrillic texts
import pytest

from adapters.sql.ledger import SqlLedger
from adapters.statements.files import StatementFiles
from billing.errors import InvalidInput
from billing.receivables.instructions import InstructionKind, InstructionRequest, InstructionState
from services.statements import Statements, Upload
from tests import statement_samples as samples
from tests.contract.statement_fixtures import BANK, NOW, RAILS, outcomes, owed, owing, paid, taken, told


async def test_a_known_payer_of_exactly_what_is_owed_is_proposed_confirmed_once_then_booked(ledger: SqlLedger) -> None:
    await owing(ledger)
    await taken(ledger, paid("1", "40.00", "order 1042"))
    assert outcomes(await taken(ledger, paid("2", "59.00"))) == {"unmatched": 1}
    assert outcomes(await taken(ledger, paid("3", "60.00"))) == {"proposed": 1}
    assert await owed(ledger) == 6000
    proposal = (await ledger.instructions())[0]
    assert (proposal.kind, proposal.state, proposal.customer_id) == (
        InstructionKind.ASSIGN,
        InstructionState.PROPOSED,
        "buyer",
    )
    assert sum("proposes to assign 60.00" in each for each in await told(ledger)) == 1
    await ledger.confirm(proposal.instruction_id, "ann", "it is theirs", NOW)
    assert await owed(ledger) == 0
    await owing(ledger, "1043")
    assert outcomes(await taken(ledger, paid("4", "100.00"))) == {"booked": 1}
    assert await owed(ledger) == 0


async def test_an_account_of_many_books_for_nobody_whose_name_is_another(ledger: SqlLedger) -> None:
    """Terminals, and apps of other banks, pay for everybody by one account."""
    await owing(ledger)
    name = (await taken(ledger, paid("1", "40.00"))).rows[0].payment
    assert name is not None
    asked = {"instruction_id": "i1", "kind": InstructionKind.ASSIGN, "payment": name, "customer_id": "buyer"}
    await ledger.instruct(InstructionRequest(**asked, by="ann", reason="by phone", via="cli"), {}, NOW)  # type: ignore[arg-type]
    assert outcomes(await taken(ledger, paid("2", "60.00").replace("ТОО Пример", "Б. Другой"))) == {"unmatched": 1}
    assert outcomes(await taken(ledger, paid("3", "60.00").replace("ТОО Пример", ""))) == {"proposed": 1}
    assert outcomes(await taken(ledger, paid("4", "60.00").replace("ТОО Пример", "тоо «ПРИМЕР»"))) == {"booked": 1}
    (known,) = await ledger.known_payers("bank")
    assert (known.account, known.payer, known.customer_id) == (samples.PAYER, "ТОО Пример", "buyer")
    assert await ledger.forget_payer("bank", samples.PAYER)
    assert not await ledger.forget_payer("bank", samples.PAYER)
    await owing(ledger, "1043")
    assert outcomes(await taken(ledger, paid("5", "100.00"))) == {"unmatched": 1}


async def test_our_own_account_is_nobodys_payer(ledger: SqlLedger) -> None:
    """A text names both accounts, and a reader may take the wrong one."""
    await owing(ledger)
    content = samples.MT940.replace(f":25:{samples.OWN}", f":25:BANKXX/{samples.OWN}").replace(
        samples.PAYER, samples.OWN
    )
    bank = BANK.evolve(currency="kzt", account=f"BANKXX/{samples.OWN}")
    service = Statements(StatementFiles(), ledger, {"bank": bank}, RAILS)
    report = await service.take(Upload("x", content.encode()), "ann", NOW)
    assert {row.payer_account for row in report.rows} == {None}
    assert await ledger.known_payers() == []


async def test_a_large_amount_takes_somebody_besides_whoever_has_imported_it(ledger: SqlLedger) -> None:
    await owing(ledger)
    service = Statements(StatementFiles(), ledger, {"bank": BANK}, RAILS, four_eyes={"eur": 5999})
    for number, amount, words in (("1", "40.00", "order 1042"), ("2", "60.00", "")):
        content = samples.one_c(paid(number, amount, words), opening="", closing="").encode()
        report = await service.take(Upload("day.txt", content), "ann", NOW)
    assert outcomes(report) == {"proposed": 1}
    (proposal,) = await ledger.instructions()
    with pytest.raises(InvalidInput, match="somebody else has to confirm it"):
        await ledger.confirm(proposal.instruction_id, "Ann", "it is theirs", NOW)
    await ledger.confirm(proposal.instruction_id, "bob", "it is theirs", NOW)
    assert await owed(ledger) == 0
    await owing(ledger, "1043", amount_minor=6000)
    content = samples.one_c(paid("3", "60.00"), opening="", closing="").encode()
    assert outcomes(await service.take(Upload("next.txt", content), "ann", NOW)) == {"proposed": 1}, "confirmed, but"


async def test_an_account_that_has_paid_for_two_customers_proposes_nothing(ledger: SqlLedger) -> None:
    await owing(ledger)
    await owing(ledger, "1043", "other")
    await taken(ledger, paid("1", "40.00", "order 1042"), paid("2", "40.00", "order 1043"))
    assert outcomes(await taken(ledger, paid("3", "60.00"))) == {"unmatched": 1}


async def test_assigning_by_hand_confirms_the_payer(ledger: SqlLedger) -> None:
    await owing(ledger)
    report = await taken(ledger, paid("1", "40.00"))
    name = report.rows[0].payment
    assert name is not None
    asked = {"instruction_id": "i1", "kind": InstructionKind.ASSIGN, "payment": name, "customer_id": "buyer"}
    await ledger.instruct(InstructionRequest(**asked, by="ann", reason="by phone", via="cli"), {}, NOW)  # type: ignore[arg-type]
    assert outcomes(await taken(ledger, paid("2", "60.00"))) == {"booked": 1}
    assert await owed(ledger) == 0
