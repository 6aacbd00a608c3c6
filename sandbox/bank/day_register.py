"""The bank's register of a day: what it has taken by a contract, as CSV or in OSMP's text; wrong lines on request."""

import csv
import io
from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel

from sandbox.bank.contracts import Contract, Dialect
from sandbox.bank.store import Payment

HEADER = ("txn_id", "date", "account", "sum", "status")


class RegisterPlan(BaseModel, extra="forbid"):
    """What is wrong with a register: the payments that it leaves out, by ``txn_id``."""

    leave_out: list[str] = []


def register_of(contract: Contract, payments: Iterable[Payment], day: date, plan: RegisterPlan) -> str:
    """Of the payments of that day by the contract's clock, oldest first; a reversal is a line of its own."""
    of_day = (payment for payment in payments if contract.local(payment.taken_at).date() == day)
    listed = sorted((payment for payment in of_day if payment.txn_id not in plan.leave_out), key=lambda p: p.taken_at)
    rows = [row for payment in listed for row in _rows(contract, payment)]
    return _osmp(rows) if contract.dialect is Dialect.OSMP else _csv(rows)


def _rows(contract: Contract, payment: Payment) -> list[tuple[str, ...]]:
    at = f"{contract.local(payment.taken_at):%d.%m.%Y %H:%M:%S}"
    rows: list[tuple[str, ...]] = [(payment.txn_id, at, payment.account, payment.sum, "paid")]
    if payment.reversed_by:
        rows.append((payment.reversed_by, at, payment.account, f"-{payment.sum}", f"reversal of {payment.txn_id}"))
    return rows


def _csv(rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows([HEADER, *rows])
    return text.getvalue()


def _osmp(rows: Iterable[tuple[str, ...]]) -> str:
    return "".join("\t".join(row) + "\r\n" for row in rows)
