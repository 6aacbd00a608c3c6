"""What an erasure takes from registers, and that no personal number is kept of them."""

from adapters.sql.ledger import SqlLedger
from billing.customers.account_numbers import is_personal_number, personal_digest
from billing.customers.erasure import ERASED
from tests.contract.ledger_fixtures import read
from tests.contract.register_fixtures import BY, FIRST, KEY, NOW, RAIL, SECOND, desk_of, line, taken, with_account

PERSONAL = next(text for text in (f"88010130012{digit}" for digit in range(10)) if is_personal_number(text))


async def test_no_file_brings_back_what_an_erasure_has_taken_from_a_line(ledger: SqlLedger, url: str) -> None:
    await with_account(ledger)
    await ledger.keep_personal("acme", personal_digest(PERSONAL, KEY), PERSONAL[-4:], "ann", NOW)
    await taken(ledger, line(account=PERSONAL))
    row = await desk_of(ledger).reject(RAIL, FIRST, *BY)
    await ledger.drop_personal("acme")
    await taken(ledger, line(account=PERSONAL), line(SECOND), name="longer.csv")
    found = read(url, f"SELECT account, personal, decision FROM register_lines WHERE reference = '{FIRST}'")
    assert found == [(ERASED, None, row.decision)]


async def test_another_personal_number_takes_the_one_before_from_lines_too(ledger: SqlLedger, url: str) -> None:
    await with_account(ledger)
    await ledger.keep_personal("acme", personal_digest(PERSONAL, KEY), PERSONAL[-4:], "ann", NOW)
    await taken(ledger, line(account=PERSONAL))
    await ledger.keep_personal("acme", personal_digest("900101300123", KEY), "0123", "ann", NOW)
    assert read(url, "SELECT account, personal FROM register_lines") == [(ERASED, None)]


async def test_no_personal_number_is_kept(ledger: SqlLedger, url: str) -> None:
    await with_account(ledger)
    await ledger.keep_personal("acme", personal_digest(PERSONAL, KEY), PERSONAL[-4:], "ann", NOW)
    await taken(ledger, line(account=PERSONAL))
    await desk_of(ledger).confirm(RAIL, FIRST, *BY)
    assert (await ledger.balance("acme")).credits == {"kzt": -10_000}
    assert PERSONAL not in str(read(url, "SELECT * FROM register_lines"))
    assert read(url, "SELECT account FROM register_lines") == [(f"…{PERSONAL[-4:]}",)]
