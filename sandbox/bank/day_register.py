"""The bank's register of a day: what it has taken by a contract, as CSV or in OSMP's text; wrong lines on request."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from pydantic import BaseModel

from sandbox.bank.contracts import Contract, Dialect
from sandbox.bank.store import AppPayment

HEADER = ("txn_id", "txn_date", "account", "sum", "original")


class RegisterPlan(BaseModel, extra="forbid"):
    """What is wrong with a register: the payments that it leaves out, by ``txn_id``."""

    leave_out: list[str] = []


def payments_of(contract: Contract, payments: Iterable[AppPayment], day: date) -> list[AppPayment]:
    """Those of that day by the contract's clock, oldest first."""
    of_day = (payment for payment in payments if contract.local(payment.taken_at).date() == day)
    return sorted(of_day, key=lambda payment: payment.taken_at)


def register_of(contract: Contract, payments: Sequence[AppPayment]) -> str:
    return _osmp(contract, payments) if contract.dialect is Dialect.OSMP else _csv(contract, payments)


def _csv(contract: Contract, payments: Iterable[AppPayment]) -> str:
    """A reversal is a line of its own."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(HEADER)
    for payment in payments:
        at = f"{contract.local(payment.taken_at):%d.%m.%Y %H:%M:%S}"
        writer.writerow((payment.txn_id, at, payment.account, payment.sum, ""))
        if payment.reversed_by:
            writer.writerow((payment.reversed_by, at, payment.account, f"-{payment.sum}", payment.txn_id))
    return text.getvalue()


def _osmp(contract: Contract, payments: Sequence[AppPayment]) -> str:
    """It has no word for reversals: those are told by mail."""
    lines = []
    for payment in payments:
        at = contract.local(payment.taken_at)
        lines.append("\t".join((payment.txn_id, f"{at:%d.%m.%Y}", f"{at:%H:%M:%S}", payment.account, payment.sum)))
    total = sum((Decimal(payment.sum) for payment in payments), Decimal("0.00"))
    return "\r\n".join([*lines, f"Total:\t{len(payments)}\t{total}", ""])
