"""What banks are answered in each dialect, word for word, and what is in the books after it."""

from dataclasses import replace
from functools import partial

import pytest

from adapters.registers.reader import kept_account, read_register
from billing.invoices.stages import Stage
from billing.receivables.journal import PaymentName
from billing.registers.register import RegisterTerms
from sandbox.stand_ins.control import local_http
from services.registers.desk import RegisterDesk
from tests.contract.biller_fixtures import CLOSED, CONTRACTS, MISTYPED, NUMBER, PERSONAL, STRANGE, Bank, bank, routes
from tests.contract.conftest import Serve
from tests.contract.erase_fixtures import closed_month
from tests.contract.ledger_fixtures import AT, leave
from tests.contract.test_ledger_instructions import request

__all__ = ["bank"]  # fixture

XML = '<?xml version="1.0" encoding="UTF-8"?>\n<response>{}</response>\n'
RAILS = pytest.mark.parametrize("rail", ["bank-app", "terminals", "local-bank"])


# -- golden answers


async def test_kaspi_is_answered_in_json(bank: Bank) -> None:
    asked = await bank.kaspi("check", txn_id="17", account=NUMBER, sum="1")
    assert (asked.status_code, asked.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert asked.text == (
        '{"txn_id":"17","result":0,"sum":"10.00","comment":"OK",'
        '"fields":{"field1":{"@name":"name","#text":"A*** 茶."}}}'
    )
    paid = await bank.kaspi("pay", txn_id="17", account=NUMBER, sum="10.00", txn_date="20261201101500")
    assert paid.text == '{"txn_id":"17","prv_txn_id":"1","result":0,"sum":"10.00","comment":"OK"}'
    assert paid.status_code == 200
    settled = await bank.kaspi("check", txn_id="18", account=NUMBER, sum="1")
    assert '"sum":"0.00"' in settled.text


async def test_kaspi_is_answered_in_xml_at_an_address_of_its_own(bank: Bank) -> None:
    asked = await bank.kaspi("check", "bank-app.xml", txn_id="17", account=NUMBER, sum="1")
    assert (asked.status_code, asked.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    fields = '<fields><field1 name="name">A*** 茶.</field1></fields>'
    assert asked.text == XML.format(
        f"<txn_id>17</txn_id><result>0</result><sum>10.00</sum><comment>OK</comment>{fields}"
    )
    paid = await bank.kaspi("pay", "bank-app.xml", txn_id="17", account=NUMBER, sum="4")
    head = "<txn_id>17</txn_id><prv_txn_id>1</prv_txn_id>"
    assert paid.text == XML.format(f"{head}<result>0</result><sum>4.00</sum><comment>OK</comment>")


async def test_osmp_is_answered_in_xml_by_query_and_by_form(bank: Bank) -> None:
    asked = await bank.osmp("check", txn_id="17", account=NUMBER, sum="10.00")
    assert (asked.status_code, asked.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    fields = '<fields><field1 name="name">A*** 茶.</field1></fields>'
    assert asked.text == XML.format(
        f"<osmp_txn_id>17</osmp_txn_id><sum>10.00</sum><result>0</result><comment>OK</comment>{fields}"
    )
    form = {"command": "pay", "txn_id": "00000000000000000017", "account": NUMBER, "sum": "10.00"}
    paid = await bank.http.post("/billers/terminals", data=form)
    head = "<osmp_txn_id>00000000000000000017</osmp_txn_id><prv_txn>1</prv_txn>"
    assert paid.text == XML.format(f"{head}<sum>10.00</sum><result>0</result><comment>OK</comment>")
    assert await bank.booked() == [("terminals", "00000000000000000017", 1000)]


async def test_the_neutral_dialect_is_answered_in_json_with_a_status(bank: Bank) -> None:
    asked = await bank.bill()
    assert (asked.status_code, asked.text) == (
        200,
        '{"code":"ok","message":"OK","due":"10.00","currency":"EUR","name":"A*** 茶."}',
    )
    body = f'{{"id": "17", "account": "{NUMBER}", "sum": "10.00", "paid_at": "2026-12-01T10:15:00+05:00"}}'.encode()
    paid = await bank.told(body)
    assert (paid.status_code, paid.text) == (
        200,
        '{"code":"ok","message":"OK","id":"17","number":"1","sum":"10.00","currency":"EUR"}',
    )
    basic = await bank.bill(STRANGE, Authorization="Basic YmFuazpzZWNyZXQtb2YtdGhlLWNvbnRyYWN0LTAxMjM0NTY3ODlhYmNkZWY=")
    assert (basic.status_code, basic.text) == (404, '{"code":"not_found","message":"There is no such account"}')


@pytest.mark.parametrize(
    ("account", "kaspi", "osmp", "neutral"),
    [(STRANGE, 1, 5, 404), (MISTYPED, 1, 4, 422), ("1" * 40, 1, 4, 422), ("acme", 1, 4, 422), (CLOSED, 0, 0, 200)],
)
async def test_what_check_says_of_other_accounts(bank: Bank, account: str, kaspi: int, osmp: int, neutral: int) -> None:
    """Who closed their account may still pay what they owe."""
    assert (await bank.kaspi("check", txn_id="1", account=account, sum="1")).json()["result"] == kaspi
    assert f"<result>{osmp}</result>" in (await bank.osmp("check", txn_id="1", account=account, sum="1")).text
    assert (await bank.bill(account)).status_code == neutral


async def test_a_closed_account_of_which_nothing_is_owed_is_told_to_be_closed(bank: Bank) -> None:
    await bank.pay("bank-app", "1")
    assert (await bank.kaspi("check", txn_id="2", account=CLOSED, sum="1")).json()["result"] == 1
    assert "<result>79</result>" in (await bank.osmp("check", txn_id="2", account=CLOSED, sum="1")).text
    assert (await bank.bill(CLOSED)).status_code == 410


async def test_check_has_no_side_effect(bank: Bank) -> None:
    before = await bank.ledger.transactions("acme")
    for _ in range(3):
        await bank.kaspi("check", txn_id="1", account=NUMBER, sum="1")
    assert (await bank.ledger.transactions("acme"), await bank.booked()) == (before, [])


# -- what is booked


@RAILS
async def test_money_pays_what_is_owed_and_the_rest_is_credit(bank: Bank, rail: str) -> None:
    await bank.pay(rail, "1", total="12.5")
    assert await bank.booked() == [(rail, "1", 1250)]
    assert await bank.owed() == (0, -250)


@RAILS
async def test_a_personal_number_pays_for_whose_it_is_and_is_nowhere_in_the_answer(bank: Bank, rail: str) -> None:
    answer = await bank.pay(rail, "1", PERSONAL)
    assert PERSONAL not in answer.text
    assert await bank.owed() == (0, 0)


@RAILS
async def test_money_for_a_closed_number_is_booked(bank: Bank, rail: str) -> None:
    await bank.pay(rail, "1", CLOSED)
    assert await bank.owed() == (0, 0)


async def test_money_is_booked_by_the_banks_local_time(bank: Bank) -> None:
    await bank.kaspi("pay", txn_id="1", account=NUMBER, sum="10", txn_date="20261201001500")
    await bank.kaspi("pay", txn_id="2", account=NUMBER, sum="10")
    record = await bank.ledger.incoming_payment(PaymentName.of("bank-app", "1"))
    assert record is not None
    assert record.payment.paid_at.isoformat() == "2026-11-30T19:15:00+00:00"
    later = await bank.ledger.incoming_payment(PaymentName.of("bank-app", "2"))
    assert later is not None
    assert later.payment.paid_at == bank.clock()


async def test_money_of_a_customer_who_has_left_is_credit_and_a_person_is_told(bank: Bank) -> None:
    await bank.ledger.record(closed_month(Stage.PAID), AT)
    await bank.ledger.open_number("c77", STRANGE, "ann", "contract 9", AT)
    assert (await bank.kaspi("check", txn_id="1", account=STRANGE)).json()["result"] == 1
    await bank.pay("bank-app", "1", STRANGE)
    assert (await bank.owed("c77"))[1] == -1000
    assert any("c77, whose account is closed" in text for text in await bank.alerts())


async def test_sums_are_in_the_currency_of_the_contract(bank: Bank, serve: Serve) -> None:
    """Who is billed in another one owes nothing in it; money in it is their credit, and a person is told."""
    contract = replace(CONTRACTS[0], currency="kzt")
    async with local_http(base_url=await serve(routes(bank.ledger, bank.clock, contract))) as http:
        tenge = Bank(http, bank.ledger, bank.clock)
        assert (await tenge.kaspi("check", txn_id="1", account=NUMBER)).json()["sum"] == "0.00"
        assert (await tenge.pay("bank-app", "1", total="500")).json()["sum"] == "500.00"
    assert await bank.owed() == (1000, 0)
    assert (await bank.ledger.balance("acme")).credits == {"kzt": -50000}
    assert any("who is billed in EUR" in text for text in await bank.alerts())


# -- repeats


@RAILS
async def test_a_repeat_gets_the_answer_on_record_word_for_word(bank: Bank, rail: str) -> None:
    first = await bank.pay(rail, "12345678901234567890")
    bank.clock.passes(days=3)
    again = await bank.pay(rail, "12345678901234567890", total="10.0")
    assert (again.content, again.status_code) == (first.content, first.status_code)
    assert await bank.booked() == [(rail, "12345678901234567890", 1000)]
    assert await bank.alerts() == []


@RAILS
@pytest.mark.parametrize("changes", [{"total": "11.00"}, {"account": CLOSED}, {"total": "0.001"}, {"account": "x"}])
async def test_a_repeat_with_another_sum_or_account_gets_the_same_answer_and_a_person_is_told(
    bank: Bank, rail: str, changes: dict[str, str]
) -> None:
    first = await bank.pay(rail, "1")
    for _ in range(2):
        again = await bank.pay(rail, "1", **changes)
        assert (again.content, again.status_code) == (first.content, first.status_code)
    (told,) = await bank.alerts()
    assert told.startswith(f"the bank repeats payment 1 of {rail} with another account or sum")
    assert "10.00 EUR of acme is booked" in told
    assert await bank.booked() == [(rail, "1", 1000)]


@RAILS
async def test_money_for_an_account_that_never_existed_is_not_booked_then_or_later(bank: Bank, rail: str) -> None:
    first = await bank.pay(rail, "1", STRANGE)
    await bank.ledger.open_number("acme", STRANGE, "ann", "new", bank.clock())
    again = await bank.pay(rail, "1", STRANGE)
    assert (again.content, again.status_code) == (first.content, first.status_code)
    assert await bank.booked() == []
    await bank.pay(rail, "2", STRANGE)
    assert await bank.booked() == [(rail, "2", 1000)]


async def test_one_reference_on_two_rails_is_two_payments(bank: Bank) -> None:
    for rail in ("bank-app", "terminals", "local-bank"):
        await bank.pay(rail, "1", total="1")
    assert len(await bank.booked()) == 3


@RAILS
@pytest.mark.parametrize("is_due", [True, False])
async def test_who_pays_what_check_has_said_owes_nothing_any_more(bank: Bank, rail: str, is_due: bool) -> None:
    """Also with credit from before, which the sum leaves out; and a bill that is not due yet is paid whole by both."""
    await leave(bank.ledger, "acme", -300, "eur")
    bank.clock.passes(days=0 if is_due else -1)
    assert (await bank.kaspi("check", txn_id="1", account=NUMBER)).json()["sum"] == "7.00"
    await bank.pay(rail, "1", total="7.00")
    assert await bank.owed() == (0, 0)
    assert (await bank.kaspi("check", txn_id="1", account=NUMBER)).json()["sum"] == "0.00"


@pytest.mark.parametrize("is_due", [True, False])
async def test_who_has_paid_that_owes_nothing_either_if_only_the_register_tells_of_it(bank: Bank, is_due: bool) -> None:
    await leave(bank.ledger, "acme", -300, "eur")
    bank.clock.passes(days=0 if is_due else -1)
    await by_register(bank, "17", NUMBER, "7.00")
    assert await bank.owed() == (0, 0)


async def by_register(bank: Bank, txn_id: str, account: str, total: str) -> None:
    """A payment of which the app does not tell, until somebody confirms it by the register."""
    terms, now = RegisterTerms("bank-app", "eur", "Asia/Almaty"), bank.clock()
    desk = RegisterDesk(bank.ledger, partial(read_register, partial(kept_account, "")), {"bank-app": terms})
    content = f"txn_id,account,sum,txn_date\n{txn_id},{account},{total},{terms.day_of(now)}\n".encode()
    await desk.take("bank-app", terms.day_of(now), "r.csv", content, "ann", now)
    await desk.confirm("bank-app", txn_id, "ann", "by the register", now)


async def test_money_that_is_booked_as_nobodys_is_taken_though_nobody_has_the_account(bank: Bank) -> None:
    """Else the bank gives it back to its payer, and somebody gets it here."""
    await by_register(bank, "77", STRANGE, "10.00")
    before = await bank.alerts()
    answer = (await bank.pay("bank-app", "77", STRANGE)).json()
    assert answer["result"] == 0
    assert await bank.booked() == [("bank-app", "77", 1000)]
    assert (await bank.pay("bank-app", "77", STRANGE)).json() == answer
    assert await bank.alerts() == before


@pytest.mark.parametrize(("total", "is_told"), [("10.00", False), ("12.00", True)])
async def test_what_a_register_told_first_is_told_only_if_the_app_has_another_sum(
    bank: Bank, total: str, is_told: bool
) -> None:
    await by_register(bank, "77", NUMBER, total)
    assert (await bank.pay("bank-app", "77")).json()["result"] == 0
    told = [text for text in await bank.alerts() if "payment 77 (bank-app) as 10.00 EUR of acme; it was booked" in text]
    assert bool(told) == is_told
    assert not [text for text in await bank.alerts() if "repeats payment" in text]


async def test_what_was_assigned_to_its_customer_meanwhile_is_the_same_payment(bank: Bank) -> None:
    await by_register(bank, "77", STRANGE, "10.00")
    asked = request(payment=PaymentName.of("bank-app", "77"))
    assert (await bank.ledger.instruct(asked, {}, bank.clock())).result == "assigned to acme"
    await bank.ledger.open_number("acme", STRANGE, "ann", "their account", bank.clock())
    before = await bank.alerts()
    assert (await bank.pay("bank-app", "77", STRANGE)).json()["result"] == 0
    assert await bank.alerts() == before
