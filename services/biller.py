"""One contract with a bank: answers what is due, and books what was paid, whatever the dialect.

Every answer comes within ``DEADLINE_SECONDS``: the bank waits 15 seconds. Whoever is not sure whether a payment was
committed answers ``AGAIN``, and the same request gets its answer later.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from traceback import extract_tb

from billing.billers.biller import (
    Answer,
    Asked,
    BillerCode,
    BillerPayment,
    Contract,
    Outcome,
    Render,
    asked_digest,
)
from billing.billers.ports import BillerBooks
from billing.billers.typed import is_likely, is_txn_id, typed_date, typed_sum
from billing.customers.account_numbers import account_key, masked_name
from billing.errors import BillingError

DEADLINE_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Biller:
    """``secret`` keys the digests of personal numbers, and of what was asked."""

    def __init__(self, contract: Contract, ledger: BillerBooks, secret: str, now: Callable[[], datetime]) -> None:
        self.contract = contract
        self._ledger = ledger
        self._secret = secret
        self._now = now

    async def check(self, asked: Asked) -> Outcome:
        """What is due; the sum is judged only if there is one. No side effect."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await self._checked(asked)
        except Exception as error:  # of any kind: it comes again
            return self._unsure("check", asked, error)

    async def pay(self, asked: Asked, render: Render) -> Answer:
        """The answer on record once the payment is committed; a repeat gets the same one, word for word."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await self._paid(asked, render)
        except Exception as error:  # of any kind: it comes again
            return render(self._unsure("pay", asked, error))

    async def _checked(self, asked: Asked) -> Outcome:
        key = account_key(asked.account, self._secret)
        if key is None:
            return Outcome(BillerCode.BAD_ACCOUNT, asked.txn_id)
        found = await self._ledger.account_due(key, self.contract.currency)
        if found is None:
            return Outcome(BillerCode.NOT_FOUND, asked.txn_id)
        if found.is_closed and not found.due_minor:
            return Outcome(BillerCode.CLOSED, asked.txn_id)
        return Outcome(self._within_limits(asked), asked.txn_id, found.due_minor, name=masked_name(found.name))

    def _within_limits(self, asked: Asked) -> BillerCode:
        amount = typed_sum(asked.sum, self.contract.currency) if asked.sum else self.contract.least_minor
        if isinstance(amount, BillerCode):
            return amount
        if amount < self.contract.least_minor:
            return BillerCode.TOO_SMALL
        return BillerCode.TOO_LARGE if amount > self.contract.most_minor else BillerCode.OK

    async def _paid(self, asked: Asked, render: Render) -> Answer:
        if not is_txn_id(asked.txn_id):
            return self._refused(asked, BillerCode.MALFORMED, render)
        now, rail = self._now(), self.contract.rail
        payment = self._read(asked, now)
        if isinstance(payment, BillerCode):
            known = await self._ledger.answered(rail, asked.txn_id, self._digest(asked), now)
            return known.answer if known else self._refused(asked, payment, render)
        paid = await self._ledger.pay_account(payment, render, now)
        if paid.answer.code is not BillerCode.OK:
            return self._refused(asked, paid.answer.code, lambda _: paid.answer)
        if paid.is_new:
            _log.info("%s: payment %s is booked as %d", rail, asked.txn_id, paid.number)
        return paid.answer

    def _read(self, asked: Asked, now: datetime) -> BillerPayment | BillerCode:
        """The payment, or why there is none."""
        contract, amount = self.contract, typed_sum(asked.sum, self.contract.currency)
        key, paid_at = account_key(asked.account, self._secret), typed_date(asked.date, contract.timezone, now)
        if isinstance(amount, BillerCode):
            return amount
        if key is None:
            return BillerCode.BAD_ACCOUNT
        if paid_at is None:
            return BillerCode.MALFORMED
        digest = self._digest(asked)
        payment = BillerPayment(contract.rail, asked.txn_id, key, amount, contract.currency, paid_at, digest)
        return payment if is_likely(paid_at, now) else payment._replace(paid_at=now, misdated=paid_at)

    def _digest(self, asked: Asked) -> str:
        """Of account and sum; 12.5 and 12.50 are one sum."""
        amount = typed_sum(asked.sum, self.contract.currency)
        return asked_digest(asked.account, asked.sum if isinstance(amount, BillerCode) else str(amount), self._secret)

    def _refused(self, asked: Asked, code: BillerCode, render: Render) -> Answer:
        """Without the account: it may be a personal number."""
        txn_id = asked.txn_id if is_txn_id(asked.txn_id) else ""
        _log.warning("%s: payment %s is not booked: %s", self.contract.rail, txn_id or "without a number", code)
        return render(Outcome(code, txn_id))

    def _unsure(self, command: str, asked: Asked, error: Exception) -> Outcome:
        reason: object = error if isinstance(error, BillingError) else _place(error)
        _log.error("%s: %s is to be repeated: %s", self.contract.rail, command, reason)
        return Outcome(BillerCode.AGAIN, asked.txn_id)


def _place(error: Exception) -> str:
    """Without the error's text, which may quote what was asked."""
    places = extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {Path(places[-1].filename).name}:{places[-1].lineno}" if places else "?"
