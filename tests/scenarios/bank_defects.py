"""Defects at the bank's door that are planted into the real application: each function breaks one thing."""

import logging
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import count
from typing import Any

import pytest
import uvicorn

from adapters.sql.payments import registers
from adapters.sql.payments.registers import SqlRegisters
from adapters.sql.receivables.billers import SqlBillers
from adapters.sql.statements import lines
from billing.billers.biller import Answered, BillerCode, BillerPayment, Outcome, Render
from billing.receivables.journal import PaymentName
from billing.registers.register import RegisterLine, RegisterTerms
from billing.statements.keys import KeyedLine, keyed
from billing.statements.matching import decide
from billing.statements.statement import StatementLine
from process.server import configuration
from services import statements
from tests.bed import Bed
from tests.console import conftest


def reads_long_numbers_as_floats(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """The last digits of 20 are lost; so a repeat is another payment."""
    pay, lost = SqlBillers.pay_account, count(100)

    async def rounded(self: SqlBillers, payment: BillerPayment, render: Render, at: datetime) -> Answered:
        if len(payment.txn_id) < 20:
            return await pay(self, payment, render, at)
        other = payment._replace(txn_id=f"{payment.txn_id[:-3]}{next(lost)}")
        return await pay(self, other, lambda outcome: render(outcome._replace(txn_id=payment.txn_id)), at)

    patch.setattr(SqlBillers, "pay_account", rounded)


def answers_before_it_has_committed(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """And then dies."""

    async def hasty(self: SqlBillers, payment: BillerPayment, render: Render, at: datetime) -> Answered:
        return Answered(7, render(Outcome(BillerCode.OK, payment.txn_id, payment.amount_minor, 7)), True)

    patch.setattr(SqlBillers, "pay_account", hasty)


def makes_a_new_answer_for_a_repeat(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Which says another number of ours."""
    pay = SqlBillers.pay_account

    async def anew(self: SqlBillers, payment: BillerPayment, render: Render, at: datetime) -> Answered:
        known = await pay(self, payment, render, at)
        outcome = Outcome(BillerCode.OK, payment.txn_id, payment.amount_minor, known.number + 1000)
        return known if known.is_new else known._replace(answer=render(outcome))

    patch.setattr(SqlBillers, "pay_account", anew)


def ignores_what_only_a_register_has(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Only what we know is compared."""
    save = SqlRegisters.save_register_lines

    async def known(self: SqlRegisters, terms: RegisterTerms, day: date, found: Sequence[RegisterLine]) -> None:
        names = [PaymentName.of(terms.rail, line.original or line.reference) for line in found]
        own = [line for line, name in zip(found, names, strict=True) if await bed.ledger.booked_at(name)]
        await save(self, terms, day, own)

    patch.setattr(SqlRegisters, "save_register_lines", known)


def tells_nobody_of_a_register(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(registers, "of_register", lambda day, at: None)


def books_a_line_beside_the_apps_payment(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """That the statement repeats what an app has told, nobody notices."""
    patch.setattr(lines, "decide", lambda line, facts: decide(line, facts._replace(posted=())))


def merges_equal_lines_of_a_day(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """By payer and amount: the second one is taken for the first."""

    def merged(found: Iterable[StatementLine]) -> list[KeyedLine]:
        kept: dict[object, KeyedLine] = {}
        for each in keyed(found):
            kept.setdefault((each.line.booked_on, each.line.amount_minor, each.line.payer_account), each)
        return list(kept.values())

    patch.setattr(statements, "keyed", merged)


def logs_what_was_asked(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """As servers do unless they are told not to: with the query string."""

    def talkative(app: Any, **more: Any) -> uvicorn.Config:
        config, access = configuration(app, **more), logging.getLogger("uvicorn.access")
        for log in (access, access.parent):  # the stand-ins in this process have turned all of this off
            patch.setattr(log, "propagate", True)
        patch.setattr(access, "isEnabledFor", lambda level: True)
        return config

    patch.setattr(conftest, "configuration", talkative)
