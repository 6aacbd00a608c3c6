"""Statements in the ledger: what becomes of each line, once, on SQLite and PostgreSQL."""

# ruff: noqa: RUF001 - Cyrillic texts
import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from adapters.sql.ledger import SqlLedger
from adapters.statements.files import StatementFiles
from billing.errors import InvalidInput
from billing.payments.rails import Rail, RailKind
from billing.receivables.incoming import IncomingPayment, PaymentKind
from billing.receivables.instructions import InstructionKind, InstructionRequest, InstructionState
from billing.receivables.journal import AccountKind, PaymentName, Subject
from billing.statements.bank_account import BankAccount
from billing.statements.outcomes import ImportReport, LineOutcome
from billing.statements.payouts import PayoutRule, TypedPayout
from services.statements import PAGE_LINES, Statements, Upload
from tests import statement_samples as samples
from tests.contract.ledger_fixtures import read, run
from tests.ordering import cancel, request

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
RAILS = {
    "bank": Rail(kind=RailKind.STATEMENTS),
    "bank-app": Rail(kind=RailKind.BILLER),
    "wayforpay": Rail(kind=RailKind.GATEWAY),
}
BANK = BankAccount(
    account=samples.OWN,
    currency="eur",
    timezone="Asia/Almaty",
    settlements={"bank-app": PayoutRule(payer="Bank JSC", text="settlement")},
)


def statements(ledger: SqlLedger) -> Statements:
    return Statements(StatementFiles(), ledger, {"bank": BANK}, RAILS)


async def taken(ledger: SqlLedger, *documents: str, name: str = "day.txt", **given: Any) -> ImportReport:
    content = samples.one_c(*documents, opening="", closing="").encode()
    return await statements(ledger).take(Upload(name, content), "ann", NOW, **given)


def paid(number: str = "77", amount: str = "100.00", text: str = "за услуги", **changes: Any) -> str:
    return samples.one_c_document(number, amount, text, **changes)


def outcomes(report: ImportReport) -> dict[str, int]:
    return {str(total.outcome): total.lines for total in report.totals}


async def owing(ledger: SqlLedger, number: str = "1042", customer_id: str = "buyer", amount_minor: int = 10000) -> None:
    """Somebody who owes for an order."""
    asked = request(number, amount_minor)
    await ledger.open_order(asked.evolve(buyer=asked.buyer.evolve(customer_id=customer_id)), NOW)


async def owed(ledger: SqlLedger, customer_id: str = "buyer") -> int:
    return sum(item.amount_minor for item in (await ledger.balance(customer_id)).owed)


async def clearing(ledger: SqlLedger, rail: str = "bank") -> int:
    totals = await ledger.trial_balance()
    return sum(row.closing_minor for row in totals if (row.kind, row.rail) == (AccountKind.CLEARING, rail))


async def told(ledger: SqlLedger) -> list[str]:
    return [alert.text for alert in await ledger.alerts()]


@pytest.mark.parametrize("words", ["Оплата заказа 1042", "ORDER-1042/A", "pay no. 1042", "счет №1042 от 28.11.2026"])
async def test_an_order_that_is_named_is_paid(ledger: SqlLedger, words: str) -> None:
    await owing(ledger)
    assert outcomes(await taken(ledger, paid(text=words))) == {"booked": 1}
    assert (await owed(ledger), await clearing(ledger)) == (0, 10000)
    assert await told(ledger) == []


async def test_an_account_number_and_an_id_in_capitals_name_their_customer(ledger: SqlLedger) -> None:
    await owing(ledger)
    account = await ledger.open_number("buyer", "79927398713", "ann", "asked", NOW)
    first = paid("1", "30.00", f"лицевой счет {account.number}")
    report = await taken(
        ledger, first, paid("2", "30.00", "INV-BUYER-2026-11"), paid("3", "1.00", "account 79927398714")
    )
    assert outcomes(report) == {"booked": 2, "unmatched": 1}
    assert await owed(ledger) == 4000


async def test_two_who_are_named_are_nobody_and_a_person_is_told(ledger: SqlLedger) -> None:
    await owing(ledger)
    await owing(ledger, "1043", "other")
    assert outcomes(await taken(ledger, paid(text="orders 1042 and 1043"))) == {"unmatched": 1}
    assert await owed(ledger) == 10000
    assert len(await told(ledger)) == 1


async def test_a_number_of_an_order_in_another_currency_books_nothing(ledger: SqlLedger) -> None:
    """It owes as many, of something else."""
    asked = request("1042", 10000)
    await ledger.open_order(asked.evolve(currency="usd"), NOW)
    assert outcomes(await taken(ledger, paid(text="договор 1042"))) == {"unmatched": 1}


async def test_an_app_payment_that_comes_while_the_import_waits_is_matched(ledger: SqlLedger, url: str) -> None:
    """Its customer is locked first, and payments are looked up after that."""
    await owing(ledger)
    other = await SqlLedger.connect(url)
    is_locked = False

    def meet(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        nonlocal is_locked
        if "postgresql" in url and not is_locked and "FOR UPDATE" in statement:
            is_locked = True  # the import has looked up whom the line names, and is about to lock them
            asyncio.run_coroutine_threadsafe(other.book(posted("11111111"), NOW), loop).result()

    loop = asyncio.get_running_loop()
    if "postgresql" not in url:
        await other.book(posted("11111111"), NOW)  # one writer: nobody comes between
    event.listen(ledger._engine, "before_cursor_execute", meet)
    try:
        assert outcomes(await taken(ledger, paid(text="order 1042 txn 11111111"))) == {"matched": 1}
    finally:
        event.remove(ledger._engine, "before_cursor_execute", meet)
        await other.close()
    assert await owed(ledger) == 0


async def test_a_short_number_names_an_order_only_for_exactly_what_it_owes(ledger: SqlLedger) -> None:
    await owing(ledger)
    report = await taken(ledger, paid("1", "99.00", "договор 1042 2026"), paid("2", "100.00", "договор 1042 2026"))
    assert [row.outcome for row in report.rows] == [LineOutcome.UNMATCHED, LineOutcome.BOOKED]


async def test_a_document_number_and_an_address_name_no_order(ledger: SqlLedger) -> None:
    """Neither behind a sign nor by themselves, whatever is owed."""
    await owing(ledger)
    await owing(ledger, "12", "other")
    texts = ("дом № 12, кв. № 7", "Сумма 1042-00 тенге. Без НДС", "buyer@firm.kz")
    report = await taken(ledger, *(paid("1042", "100.00", words) for words in texts))
    assert outcomes(report) == {"unmatched": 3}


async def test_the_amount_alone_books_nothing(ledger: SqlLedger) -> None:
    await owing(ledger)
    assert outcomes(await taken(ledger, paid())) == {"unmatched": 1}
    assert await owed(ledger) == 10000


async def test_the_same_file_a_renamed_one_and_a_longer_one_change_nothing_twice(ledger: SqlLedger) -> None:
    await owing(ledger)
    await taken(ledger, paid(amount="20.00", text="order 1042"))
    assert (await taken(ledger, paid(amount="20.00", text="order 1042"), name="other.txt")).known == 1
    assert await owed(ledger) == 8000
    longer = [paid(amount="20.00", text="order 1042")] * 2
    report = await taken(ledger, *longer)
    assert (outcomes(report), report.known) == ({"booked": 1}, 1)
    assert await owed(ledger) == 6000
    files = await ledger.statement_files("bank")
    assert [(file.lines, file.name, file.by) for file in files] == [(2, "day.txt", "ann"), (1, "day.txt", "ann")]


async def test_a_file_cannot_say_that_it_covers_days_that_are_still_to_come(ledger: SqlLedger) -> None:
    """After which no day would be missed."""
    content = samples.one_c(paid("1", "5.00")).replace("ДатаКонца=30.11.2026", "ДатаКонца=31.12.2099")
    content = content.replace("КонечныйОстаток=1279.50", "КонечныйОстаток=1005.00")
    await statements(ledger).take(Upload("x", content.encode()), "ann", NOW)
    assert [file.until for file in await ledger.statement_files()] == [date(2026, 12, 1)]


async def test_the_same_day_in_another_format_changes_nothing_twice(ledger: SqlLedger) -> None:
    await owing(ledger, amount_minor=15000)
    bank = BANK.evolve(currency="kzt")
    service = Statements(StatementFiles(), ledger, {"bank": bank}, RAILS)
    files = (samples.camt_054(), samples.MT940, samples.CAMT_053, samples.ONE_C)
    totals = [outcomes(await service.take(Upload("x", content.encode()), "ann", NOW)) for content in files]
    first, second, *others = totals
    assert first == {"booked": 1}
    assert second == {"unmatched": 2, "returned": 1, "outgoing": 1}
    assert others == [{"repeated": 2}, {"repeated": 5}]  # two without a reference: texts differ by format
    sums = await ledger.statement_balance("bank", "kzt")
    assert sums.clearing_minor == sums.lines_minor == 45000 - 15000


async def test_two_notifications_without_a_reference_are_two_payments(ledger: SqlLedger) -> None:
    service = Statements(StatementFiles(), ledger, {"bank": BANK.evolve(currency="kzt")}, RAILS)
    for notification in ("N1", "N2", "N1"):
        content = samples.camt_054(notification, "").replace("order 1042", f"order {notification}").encode()
        await service.take(Upload("x", content), "ann", NOW)
    assert await clearing(ledger) == 30000


async def test_what_an_app_has_posted_is_matched_and_books_nothing(ledger: SqlLedger) -> None:
    await owing(ledger)
    await ledger.book(posted("92233720368547758071"), NOW)
    report = await taken(ledger, paid("1", text="перевод 92233720368547758071"), paid("2", text="92233720368547758071"))
    assert outcomes(report) == {"matched": 1, "unmatched": 1}  # the second is money of its own
    assert (await owed(ledger), await clearing(ledger), await clearing(ledger, "bank-app")) == (0, 10000, 10000)


async def test_what_names_a_payment_of_an_app_is_never_booked_beside_it(ledger: SqlLedger) -> None:
    """Less its commission, or a second time: nobody's, whoever is named besides."""
    await owing(ledger, amount_minor=20000)
    await ledger.book(posted("11111111"), NOW)
    words = "order 1042 txn 11111111"
    report = await taken(ledger, paid("1", "98.00", words), paid("2", text=words), paid("3", text=words))
    assert [str(row.outcome) for row in report.rows] == ["unmatched", "matched", "unmatched"]
    assert await owed(ledger) == 10000
    assert len(await told(ledger)) == 2


def posted(reference: str, amount_minor: int = 10000, at: datetime = NOW - timedelta(days=2)) -> IncomingPayment:
    order = Subject.order("1042")
    names = {"rail": "bank-app", "reference": reference, "customer_id": "buyer", "subject": order}
    return IncomingPayment(**names, amount_minor=amount_minor, currency="eur", paid_at=at)  # type: ignore[arg-type]


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


async def test_a_short_number_is_no_reference_of_a_payment(ledger: SqlLedger) -> None:
    await ledger.book(posted("77").evolve(customer_id=None, subject=None), NOW)
    report = await taken(ledger, paid("77", "100.00", "оплата"))
    assert outcomes(report) == {"unmatched": 1}, "a document's number of the payer's"
    key = report.rows[0].key
    assert outcomes(await taken(ledger, paid("78", "100.00", f"refund of {key}", is_in=False))) == {"returned": 1}


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


async def test_a_rehearsal_tells_what_would_be_and_leaves_no_trace(ledger: SqlLedger) -> None:
    await owing(ledger)
    report = await taken(ledger, paid(text="order 1042"), is_rehearsal=True)
    assert (outcomes(report), report.is_rehearsed) == ({"booked": 1}, True)
    assert (await owed(ledger), await ledger.statement_files()) == (10000, [])


async def test_an_import_that_was_killed_goes_on_and_ends_the_same(ledger: SqlLedger, url: str) -> None:
    await owing(ledger, amount_minor=12000)
    documents = [paid(str(number), "1.00", "order 1042") for number in range(120)]
    calls = 0

    class Killed(BaseException): ...

    def advance(done: int, _: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Killed

    with pytest.raises(Killed):
        await taken(ledger, *documents, advance=advance)
    assert (await ledger.statement_files())[0].done_at is None
    assert await owed(ledger) == 12000 - 200 * PAGE_LINES
    report = await taken(ledger, *documents)
    assert (report.known, outcomes(report)) == (2 * PAGE_LINES, {"booked": 120 - 2 * PAGE_LINES})
    assert (await owed(ledger), await clearing(ledger)) == (0, 12000)
    assert (await ledger.statement_files())[0].done_at == NOW
    assert len(read(url, "SELECT 1 FROM statement_lines")) == 120


async def test_two_people_who_import_the_same_file_at_once_book_it_once(ledger: SqlLedger) -> None:
    await owing(ledger, amount_minor=12000)
    documents = [paid(str(number), "1.00", "order 1042") for number in range(60)]
    reports = await asyncio.gather(*(taken(ledger, *documents) for _ in range(3)))
    assert sum(report.known for report in reports) == 120
    assert (await owed(ledger), await clearing(ledger)) == (6000, 6000)


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


async def test_a_bank_that_uses_a_reference_again_has_two_payments(ledger: SqlLedger) -> None:
    bank = BANK.evolve(currency="kzt")
    service = Statements(StatementFiles(), ledger, {"bank": bank}, RAILS)
    await service.take(Upload("x", samples.camt_054().encode()), "ann", NOW)
    await service.take(Upload("x", samples.camt_054("N2").replace("150.00", "50.00").encode()), "ann", NOW)
    assert await clearing(ledger) == 20000


async def test_files_of_others_are_refused_before_anything_is_kept(ledger: SqlLedger) -> None:
    foreign = samples.one_c(paid()).replace(samples.OWN, samples.OTHER).encode()
    with pytest.raises(InvalidInput, match="not of KZ00"):
        await statements(ledger).take(Upload("x", foreign), "ann", NOW)
    with pytest.raises(InvalidInput, match="is no bank account"):
        await statements(ledger).take(Upload("x", foreign, rail="cash"), "ann", NOW)
    assert await ledger.statement_files() == []


async def test_lines_are_found_by_indexes(ledger: SqlLedger, url: str) -> None:
    await taken(ledger, paid())
    if "sqlite" not in url:
        return
    queries = (
        "SELECT key FROM statement_lines WHERE payment IS NOT NULL AND payment_rail = 'a' AND payment = 'b'",
        "SELECT key FROM statement_lines WHERE rail = 'a' AND (booked_on, amount_minor) IN (VALUES ('x', 1))",
        "SELECT key FROM statement_lines WHERE rail = 'a' AND file = 'b' ORDER BY position",
        "SELECT key FROM statement_lines WHERE rail = 'a' AND entry_minor IS NOT NULL "
        "AND (booked_on, entry_minor) IN (VALUES ('x', 1), ('y', 2))",
        "SELECT key FROM statement_lines WHERE rail = 'a' AND twin IS NOT NULL AND twin IN ('b', 'c')",
        "SELECT key FROM statement_lines WHERE rail = 'a' AND (booked_on, amount_minor) IN (VALUES ('x', 1), ('y', 1)) "
        "AND substr(bank_reference, 1, 16) IN ('b')",
    )
    for query in queries:
        plan = run(url, lambda connection, query=query: connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
        assert all("USING" in row[3] and "INDEX" in row[3] for row in plan if "statement_lines" in row[3]), plan


async def test_the_sums_of_days_agree_with_the_payments(ledger: SqlLedger) -> None:
    await owing(ledger)
    await taken(ledger, paid("1", "40.00", "order 1042"), paid("2", "5.00"), paid("3", "7.00", is_in=False))
    assert await ledger.statement_sums("bank", "eur", date(2026, 11, 1), date(2026, 12, 1)) == (4500, 4500)
    assert await ledger.statement_sums("bank", "eur", date(2026, 12, 1), date(2027, 1, 1)) == (0, 0)
