"""No lock of the account: two payments at one instant then pay more than is owed, and the judge's books name it."""

import asyncio
import threading
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Connection

from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables import accounts, incoming
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Balance, Subject
from sandbox.judge.books import Books
from sandbox.judge.facts import Facts
from sandbox.judge.rails.registers import Arrival, Registers
from tests.contract.journal_fixtures import DUE, announced, drafted, record
from tests.contract.ledger_fixtures import NOVEMBER

_MEET_SECONDS = 1.0


def meet_once_both_have_read(patch: pytest.MonkeyPatch) -> None:
    """Who has read the balance waits for the other one; in vain, if the lock keeps that one from it."""
    read, meeting = accounts.balance, threading.Barrier(2)

    def and_wait(connection: Connection, *of: Any) -> Balance:
        balance = read(connection, *of)
        with suppress(threading.BrokenBarrierError):
            meeting.wait(_MEET_SECONDS)
        return balance

    patch.setattr(incoming, "balance", and_wait)


@pytest.mark.parametrize("is_locked", [True, False], ids=["the real build", "no lock of the account"])
async def test_the_judge_names_two_payments_that_pay_more_than_is_owed(
    ledger: SqlLedger, url: str, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    await record(ledger, announced(drafted(1000)))
    meet_once_both_have_read(monkeypatch)
    if not is_locked:
        monkeypatch.setattr(incoming, "lock_account", lambda connection, customer_id: True)
    payments = [
        IncomingPayment(
            rail="bank",
            reference=reference,
            customer_id="acme",
            subject=Subject.month(NOVEMBER),
            amount_minor=600,
            currency="eur",
            paid_at=DUE,
        )
        for reference in ("one", "other")
    ]
    assert await asyncio.gather(*(ledger.book(payment, DUE) for payment in payments)) == [True, True]
    arrivals = [Arrival("bank", payment.reference, "acme", NOVEMBER, 600, "eur") for payment in payments]
    registers = Registers({arrival.name: arrival for arrival in arrivals})
    transactions = await ledger.transactions("acme")
    wrong = Books("acme", "eur", transactions, registers, Facts({NOVEMBER: [1000]}, set(), set())).end()
    if is_locked or "sqlite" in url:  # SQLite has a single writer
        assert wrong == []
    else:
        (found,) = wrong
        assert "-600 receivable 2026-11, should be" in found
        assert "-400 receivable 2026-11" in found
