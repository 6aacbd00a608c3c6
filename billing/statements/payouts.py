"""Payouts: a rail hands over in one sum what it has taken, less its commission.

::

    payout = payout_of(line, rules, receipts)   # None: no such line, or its sum does not fit what the rail has taken
    post(payout.transaction("bank", "kzt", key, at))
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, NamedTuple

from pydantic import StringConstraints, model_validator

from billing.model import Line, Minor, Model
from billing.receivables.journal import Cause, Entry, PaymentName, Transaction, clearing, fee, unmatched
from billing.statements.statement import StatementLine, is_same_account

DAYS_BACK = 7
_DAY = re.compile(
    r"(?<![0-9])([0-9]{2})[./-]([0-9]{2})[./-](20[0-9]{2})(?![0-9])|(?<![0-9])(20[0-9]{2})-([0-9]{2})-([0-9]{2})"
)


Percent = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}([.][0-9]{1,3})?$", max_length=6)]


class PayoutRule(Model, extra="forbid"):
    """By what a rail's payouts are known: all that is given. The commission is ``most_percent`` at most."""

    payer: Line | None = None  # the account, or a part of the name
    text: Line | None = None  # a part of the text
    most_percent: Percent = "3"

    @model_validator(mode="after")
    def _is_known_by_something(self) -> "PayoutRule":
        if not (self.payer and self.payer.strip()) and not (self.text and self.text.strip()):
            raise ValueError("name the payer or words of the text, by which a settlement is known")
        return self

    def fits(self, line: StatementLine) -> bool:
        if line.amount_minor <= 0 or line.is_reversal:
            return False
        return (self.payer is None or self._is_payer(line)) and (self.text is None or _has(line.text, self.text))

    def _is_payer(self, line: StatementLine) -> bool:
        assert self.payer is not None
        account = line.payer_account
        return (account is not None and is_same_account(account, self.payer)) or _has(line.payer or "", self.payer)

    def fee_minor(self, gross_minor: int, net_minor: int) -> int | None:
        """What was kept of the gross sum; None: it is below zero, or more than can be."""
        kept = gross_minor - net_minor
        return kept if 0 <= kept <= gross_minor * Decimal(self.most_percent) / 100 else None


class Receipts(NamedTuple):
    """What a rail has taken, net of what went back, by the day in the bank's time zone, from ``DAYS_BACK`` before the
    line's to the line's; ``after_minor`` since. ``unpaid_now_minor`` of all that it has taken were not handed over yet.
    """

    by_day: Mapping[date, int]
    unpaid_now_minor: int
    after_minor: int = 0

    def unpaid_minor(self, until: date) -> int:
        """What was taken until the end of that day, and not handed over."""
        later_minor = sum(minor for day, minor in self.by_day.items() if day > until)
        return self.unpaid_now_minor - self.after_minor - later_minor


class Payout(NamedTuple):
    rail: str
    net_minor: Minor
    fee_minor: Minor

    def transaction(self, bank: str, currency: str, key: str, at: datetime) -> Transaction:
        """Moves the sum from the rail's clearing account to the bank's, and the rest to the rail's fees."""
        parts = (
            (clearing(bank), self.net_minor),
            (fee(self.rail), self.fee_minor),
            (clearing(self.rail), -self.net_minor - self.fee_minor),
        )
        entries = tuple(Entry(account=to, amount_minor=minor, currency=currency) for to, minor in parts if minor)
        return Transaction(key=f"{bank} payout {key}", cause=Cause.PAYOUT, at=at, customer_id=None, entries=entries)


class TypedPayout(NamedTuple):
    """What a person says of money that is nobody's: ``of_rail`` has handed it over, and kept ``fee_minor``."""

    payment: PaymentName
    of_rail: str
    fee_minor: int
    by: str
    reason: str

    def transactions(self, minor: int, currency: str, at: datetime) -> list[Transaction]:
        """Moves the money, and the fee beside it, from the rail's clearing account."""
        of, key = clearing(self.of_rail), f"{self.payment.rail} payout {self.payment.digest}"
        moved = (unmatched(self.payment.rail), minor, key, self.payment)
        kept = (fee(self.of_rail), self.fee_minor, f"{key} fee", None)
        return [
            Transaction(
                key=name,
                cause=Cause.PAYOUT,
                at=at,
                customer_id=None,
                payment=payment,
                entries=(
                    Entry(account=to, amount_minor=moved_minor, currency=currency),
                    Entry(account=of, amount_minor=-moved_minor, currency=currency),
                ),
                by=self.by,
                reason=self.reason,
            )
            for to, moved_minor, name, payment in (moved, kept)
            if moved_minor
        ]


def rail_of(line: StatementLine, rules: Mapping[str, PayoutRule]) -> str | None:
    """The rail whose payout it is, by the settings; None: of none, or of several."""
    rails = [rail for rail, rule in rules.items() if rule.fits(line)]
    return rails[0] if len(rails) == 1 else None


def payout_of(line: StatementLine, rail: str, rule: PayoutRule, receipts: Receipts) -> Payout | None:
    """The payout, by the first sum of receipts that it fits: those of the days that it names, of one or of all; what
    was not handed over until the day before, or until its own day; those of one of the days before. None: it fits none.

    What was taken is handed over once: no more than what was not, until the end of those days.
    """
    for gross_minor, until in _sums(line, receipts):
        kept = rule.fee_minor(gross_minor, line.amount_minor)
        if kept is not None and gross_minor <= receipts.unpaid_minor(until):
            return Payout(rail, line.amount_minor, kept)
    return None


def _sums(line: StatementLine, receipts: Receipts) -> Iterator[tuple[int, date]]:
    day, taken = line.booked_on, receipts.by_day
    named = sorted(set(_days(line.text)))
    yield from ((taken.get(one, 0), one) for one in named)
    if named:
        yield sum(taken.get(one, 0) for one in named), named[-1]
    if any(taken.get(one, 0) for one in named if one < day):
        return  # it is of those days, and of no others
    yield from ((receipts.unpaid_minor(until), until) for until in (day - timedelta(days=1), day))
    days = (day - timedelta(days=back) for back in range(DAYS_BACK + 1))
    yield from ((taken.get(one, 0), one) for one in days)


def _days(text: str) -> Iterator[date]:
    for match in _DAY.finditer(text):
        day, month, year, *other = match.groups()
        if year is None:
            year, month, day = other
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:
            continue


def _has(text: str, part: str) -> bool:
    return " ".join(part.split()).casefold() in " ".join(text.split()).casefold()
