"""What an erasure takes from statements, and what is never kept of a personal number."""

# ruff: noqa: RUF001 - Cyrillic texts
from adapters.sql.ledger import SqlLedger
from adapters.statements.files import StatementFiles
from services.statements import Statements, Upload
from tests import statement_samples as samples
from tests.contract.ledger_fixtures import read
from tests.contract.statement_fixtures import BANK, NOW, RAILS, outcomes, owing, paid, taken
from tests.ordering import cancel


async def test_an_erasure_takes_payers_accounts_and_texts_and_the_file_is_still_known(
    ledger: SqlLedger, url: str
) -> None:
    await owing(ledger)
    await taken(ledger, paid("1", "40.00", "order 1042, A. Person"), paid("2", "1.00", "somebody else"))
    await ledger.change_order("1042", cancel(), NOW)
    await ledger.settle("buyer", "ann", "gone", NOW)
    await ledger.erase("buyer", "ann", "asked", NOW)
    assert sorted(read(url, "SELECT text FROM statement_lines")) == [("erased",), ("somebody else",)]
    assert read(url, "SELECT account FROM known_payers") == []
    again = await taken(ledger, paid("1", "40.00", "order 1042, A. Person"), paid("2", "1.00", "somebody else"))
    assert again.known == 2


async def test_an_erasure_takes_what_the_same_line_says_in_another_file(ledger: SqlLedger, url: str) -> None:
    """And the line is still known in a third format."""
    await owing(ledger, amount_minor=15000)
    service = Statements(StatementFiles(), ledger, {"bank": BANK.evolve(currency="kzt")}, RAILS)
    await service.take(Upload("x", samples.camt_054("N1", "").encode()), "ann", NOW)
    repeat = samples.one_c(paid("77", "150.00", "order 1042, A. Person"), opening="", closing="")
    await service.take(Upload("x", repeat.encode()), "ann", NOW)
    await ledger.change_order("1042", cancel(), NOW)
    await ledger.settle("buyer", "ann", "gone", NOW)
    await ledger.erase("buyer", "ann", "asked", NOW)
    assert read(url, "SELECT text, payer_account FROM statement_lines") == [("erased", "erased")] * 2
    report = await service.take(Upload("x", samples.CAMT_053.encode()), "ann", NOW)
    assert outcomes(report)["repeated"] == 1


async def test_a_personal_number_is_not_kept_in_any_field(ledger: SqlLedger, url: str) -> None:
    document = paid("900101300007", text="ИИН 9001013\n00007 за интернет").replace("ТОО", "900101300007")
    await taken(ledger, document)
    camt = samples.camt_054("N1", "<AcctSvcrRef>900101300007</AcctSvcrRef>")
    service = Statements(StatementFiles(), ledger, {"bank": BANK.evolve(currency="kzt")}, RAILS)
    report = await service.take(Upload("x", camt.encode()), "ann", NOW)
    assert report.rows[0].bank_reference == "********0007"
    for table in ("statement_lines", "incoming_payments", "alerts"):
        assert "900101300007" not in str(read(url, f"SELECT * FROM {table}"))
    assert "ИИН ********0007 за интернет" in {row[0] for row in read(url, "SELECT text FROM statement_lines")}
