"""The judge knows that credit pays what is still due beside money of a bank's app, and says so where it does not."""

from datetime import UTC, datetime

import pytest

from billing.receivables.journal import AccountKind, Cause, Subject, Transaction, credit, moved, receivable
from sandbox.judge.account import Account, Entries, Place
from sandbox.judge.app_credit import AppCredit
from sandbox.judge.orders.order_books import OrderBooks

AT = datetime(2026, 11, 30, 7, tzinfo=UTC)
ORDER = Subject.order("15")


def transaction(cause: Cause = Cause.ALLOCATION) -> Transaction:
    entries = moved(300, "eur", credit("buyer"), receivable("buyer", ORDER))
    return Transaction(key="one", cause=cause, at=AT, customer_id="buyer", entries=entries)


@pytest.fixture
def beside() -> AppCredit:
    """An order of which 3.00 are due, and 8.00 of credit."""
    account = Account()
    account.due["order 15"] = AT
    account.enter(Entries({Place(AccountKind.RECEIVABLE, "order 15"): 300, Place(AccountKind.CREDIT): -800}))
    return AppCredit(account, OrderBooks(account, {}), [])


def test_credit_pays_what_is_due_beside_an_apps_money(beside: AppCredit) -> None:
    beside.paid_at = AT
    paid = {Place(AccountKind.RECEIVABLE, "order 15"): -300, Place(AccountKind.CREDIT): 300}
    assert beside.used_by(transaction()) == [paid]
    assert beside.used_by(transaction()) == [], "once"
    assert beside.wrong == []


def test_credit_that_is_left_although_something_is_due_is_named(beside: AppCredit) -> None:
    beside.paid_at = AT
    assert beside.used_by(transaction(Cause.WRITE_OFF)) == []
    assert "pays nothing that is due" in beside.wrong[0]
