"""Limits of a bank's payments, and what is not sure: money that was taken is booked, or asked for again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from adapters.sql.core import database
from adapters.sql.ledger import SqlLedger
from billing.errors import LedgerUnavailable
from billing.receivables.journal import PaymentName
from services import biller as services_biller
from tests.contract.biller_fixtures import NUMBER, Bank, bank

__all__ = ["bank"]  # fixture


async def test_limits_are_told_by_check_and_money_that_was_taken_is_booked(bank: Bank) -> None:
    for total, code in (("0.99", 241), ("1", 0), ("1000000", 0), ("1000000.01", 242), ("x", 300)):
        answer = await bank.osmp("check", txn_id="1", account=NUMBER, sum=total)
        assert f"<result>{code}</result>" in answer.text
    assert (await bank.kaspi("check", txn_id="1", account=NUMBER, sum="0.99")).json()["result"] == 0
    assert "<result>0</result>" in (await bank.osmp("pay", txn_id="1", account=NUMBER, sum="0.99")).text
    assert await bank.booked() == [("terminals", "1", 99)]


@pytest.mark.parametrize("date", ["29991201000000", "19710701000000"])
async def test_money_with_a_date_that_cannot_be_is_booked_by_our_clock_and_told_once_a_day(
    bank: Bank, date: str
) -> None:
    paid = [await bank.osmp("pay", txn_id=str(each), account=NUMBER, sum="1.00", txn_date=date) for each in (1, 2)]
    assert all("<result>0</result>" in answer.text for answer in paid)
    again = await bank.osmp("pay", txn_id="1", account=NUMBER, sum="1.00", txn_date=date)
    assert again.content == paid[0].content
    record = await bank.ledger.incoming_payment(PaymentName.of("terminals", "1"))
    assert record is not None
    assert record.payment.paid_at == bank.clock.now
    (told,) = [alert.text for alert in await bank.ledger.alerts() if "set its clock" in alert.text]
    assert f"payment 1 of terminals {date[:4]}-" in told


async def test_whoever_is_not_sure_asks_for_a_repeat(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any) -> None:
        raise LedgerUnavailable("the ledger could not answer: it is down")

    monkeypatch.setattr(SqlLedger, "pay_account", fails)
    monkeypatch.setattr(SqlLedger, "account_due", fails)
    assert (await bank.pay("bank-app", "1")).status_code == 503
    assert "<result>1</result>" in (await bank.pay("terminals", "1")).text
    neutral = await bank.pay("local-bank", "1")
    assert (neutral.status_code, neutral.headers["Retry-After"], neutral.json()["code"]) == (503, "5", "again")
    assert (await bank.kaspi("check", txn_id="1", account=NUMBER)).status_code == 503


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_customer_whose_books_are_locked_holds_up_nobody_else(
    bank: Bank, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr(services_biller, "DEADLINE_SECONDS", 2.0)
    async with _locked(url, "acme"):
        answers = await asyncio.gather(*(bank.pay("bank-app", "1") for _ in range(2)))
        assert [answer.status_code for answer in answers] == [503, 503]
        assert (await bank.kaspi("check", txn_id="2", account=NUMBER)).json()["result"] == 0
    assert (await bank.pay("bank-app", "1")).json()["result"] == 0
    assert await bank.booked() == [("bank-app", "1", 1000)]


@asynccontextmanager
async def _locked(url: str, customer_id: str) -> AsyncIterator[None]:
    """Another process has the customer's row, and does nothing."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("SELECT 1 FROM customers WHERE customer_id = %s FOR UPDATE", [customer_id])
        yield
        await connection.rollback()


async def test_an_answer_that_comes_too_late_is_on_record_for_the_repeat(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_biller, "DEADLINE_SECONDS", 0.0)
    assert (await bank.pay("bank-app", "1")).status_code == 503
    monkeypatch.undo()
    assert (await bank.pay("bank-app", "1")).json()["result"] == 0
    assert await bank.booked() == [("bank-app", "1", 1000)]
