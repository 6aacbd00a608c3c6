"""What a bank has settled of another rail's money: moved with its fee, once, or settled by a person."""

# ruff: noqa: RUF001 - Cyrillic texts
from datetime import timedelta

import pytest
from sqlalchemy import event

from adapters.sql.ledger import SqlLedger
from adapters.statements.files import StatementFiles
from billing.errors import InvalidInput
from billing.receivables.journal import AccountKind
from billing.statements.payouts import TypedPayout
from services.statements import Statements, Upload
from tests import statement_samples as samples
from tests.contract.statement_fixtures import (
    BANK,
    NOW,
    RAILS,
    clearing,
    outcomes,
    owing,
    paid,
    posted,
    statements,
    taken,
    told,
)


def payout(amount: str, words: str = "Settlement for 29.11.2026") -> str:
    return paid("9", amount, words).replace("ТОО Пример", "Bank JSC of Almaty")


async def test_a_settlement_moves_what_the_rail_has_taken_and_keeps_its_fee(ledger: SqlLedger) -> None:
    await owing(ledger)
    for number in range(3):
        await ledger.book(posted(str(number)), NOW - timedelta(days=2))
    report = await taken(ledger, payout("294.00"))
    assert outcomes(report) == {"settled": 1}
    assert report.rows[0].fee_minor == 600
    assert (await clearing(ledger), await clearing(ledger, "bank-app")) == (29400, 0)
    fees = [row.closing_minor for row in await ledger.trial_balance() if row.kind is AccountKind.FEE]
    assert fees == [600]
    assert sum(row.closing_minor for row in await ledger.trial_balance()) == 0
    assert (await taken(ledger, payout("294.00"), name="again")).known == 1


async def test_a_settlement_that_fitted_nothing_is_settled_by_a_person_once(ledger: SqlLedger) -> None:
    await owing(ledger)
    await ledger.book(posted("1"), NOW - timedelta(days=2))
    report = await taken(ledger, payout("90.00"))
    name = report.rows[0].payment
    assert name is not None
    service = Statements(StatementFiles(), ledger, {"bank": BANK}, RAILS, four_eyes={"eur": 1000})
    typed = TypedPayout(name, "bank-app", 1000, "bob", "a dear month")
    for wrong, why in (
        ({"by": "ann"}, "ann has imported"),
        ({"fee_minor": 1001}, "bank-app has 100.00 EUR that"),
        ({"of_rail": "wayforpay"}, "hands over nothing"),
    ):
        with pytest.raises(InvalidInput, match=why):
            await service.settle(typed._replace(**wrong), NOW)
    assert await service.settle(typed, NOW) == 9000
    assert (await clearing(ledger), await clearing(ledger, "bank-app")) == (9000, 0)
    sums = {row.kind: row.closing_minor for row in await ledger.trial_balance()}
    assert (sums.get(AccountKind.UNMATCHED, 0), sums[AccountKind.FEE]) == (0, 1000)
    record = await ledger.incoming_payment(name)
    assert record is not None
    assert (record.unmatched_minor, record.parts) == (0, {})
    balance = await ledger.statement_balance("bank", "eur")
    assert balance.clearing_minor == balance.lines_minor == 9000
    with pytest.raises(InvalidInput, match="nothing of payment"):
        await service.settle(typed, NOW)


async def test_a_settlement_that_comes_again_is_not_settled_again(ledger: SqlLedger) -> None:
    await owing(ledger)
    await ledger.book(posted("1"), NOW - timedelta(days=2))
    await ledger.book(posted("2", 50000, NOW), NOW)  # after the day of the lines
    assert outcomes(await taken(ledger, payout("98.00"))) == {"settled": 1}
    report = await taken(ledger, payout("98.00"), payout("98.00"))
    assert outcomes(report) == {"unmatched": 1}
    assert await clearing(ledger, "bank-app") == 50000


async def test_what_a_settlement_asks_of_the_ledger_does_not_grow_with_its_age(ledger: SqlLedger) -> None:
    asked: list[str] = []
    event.listen(ledger._engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    counts = set[int]()
    for year in ("2026", "1991"):
        content = samples.one_c(payout("98.00", "Settlement"), opening="", closing="").replace("2026", year).encode()
        asked.clear()
        await statements(ledger).take(Upload(year, content), "ann", NOW)
        counts.add(sum("incoming_payments.paid_at" in statement for statement in asked))
    assert counts == {9}


@pytest.mark.parametrize("amount", ["290.00", "300.01"])
async def test_a_settlement_that_does_not_fit_is_unmatched_and_told(ledger: SqlLedger, amount: str) -> None:
    for number in range(3):
        await ledger.book(posted(str(number)).evolve(customer_id=None, subject=None), NOW - timedelta(days=2))
    before = len(await told(ledger))
    assert outcomes(await taken(ledger, payout(amount))) == {"unmatched": 1}
    news = (await told(ledger))[before:]
    assert len(news) == 1
    assert "settlement of bank-app" in news[0]
