"""Whether lines of files that were read differently can be one movement, and how alike they are."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

from billing.customers.erasure import ERASED
from billing.statements.statement import StatementLine, plain_account

DAYS_APART = timedelta(days=5)
"""Between booking and value date, with a weekend."""
REFERENCE_MIN = 8
"""Characters of a reference that names a movement on another day, too; a shorter one counts the entries of a file."""
CUT_AT = 16
"""MT940 has no more characters of a reference than 16, or 23."""

_Same = Callable[[str, str], bool]


class Face(NamedTuple):
    """What a file says of a movement: by a line, or (``is_sum``) of the entry of which the line is a part."""

    day: date
    amount_minor: int
    reference: str | None
    account: str | None = None
    number: str | None = None
    text: str = ""
    is_sum: bool = False


def faces(line: StatementLine) -> list[Face]:
    own = Face(
        line.booked_on, line.amount_minor, line.bank_reference, line.payer_account, line.number, _plain(line.text)
    )
    if line.entry is None:
        return [own]
    return [own, Face(line.booked_on, line.entry.amount_minor, line.entry.reference, is_sum=True)]


def are_one(one: Face, other: Face) -> bool:
    """Whether both can be one movement: of one amount and day; days may be apart if a long reference is the same.

    They are two if references or accounts that both have differ. Two sums are compared by their parts.
    """
    if one.amount_minor != other.amount_minor or (one.is_sum and other.is_sum):
        return False
    if one.day != other.day and not (abs(one.day - other.day) <= DAYS_APART and _is_named_alike(one, other)):
        return False
    return _may_be(one.reference, other.reference, _is_cut) and _may_be(one.account, other.account, _is_end)


def likeness(one: Face, other: Face) -> tuple[bool, bool, bool, bool, int]:
    """The greater, the more alike."""
    words = set(one.text.split()) & set(other.text.split())
    return (
        _is_same(one.reference, other.reference, _is_cut),
        _is_same(one.account, other.account, _is_end),
        _is_same(one.number, other.number),
        one.day == other.day,
        len(words),
    )


def is_told_again(one: Face, other: Face) -> bool:
    """Whether one file may tell of the movement again in other words: account and number are the same, or all is."""
    if not are_one(one, other) or one.is_sum or other.is_sum:
        return False
    is_alike = one.number == other.number and _may_be(one.account, other.account, _is_end)
    return is_alike and (None not in (one.number, one.account, other.account) or one.text == other.text)


def _is_named_alike(one: Face, other: Face) -> bool:
    is_long = all(len(each.reference or "") >= REFERENCE_MIN for each in (one, other))
    return is_long and _is_same(one.reference, other.reference, _is_cut)


def _may_be(one: str | None, other: str | None, is_same: _Same) -> bool:
    return not {one, other}.isdisjoint({None, ERASED}) or _is_same(one, other, is_same)


def _is_same(one: str | None, other: str | None, is_same: _Same = str.__eq__) -> bool:
    return one is not None and other is not None and is_same(one, other)


def _is_cut(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return one == other or (len(shorter) >= CUT_AT and longer.startswith(shorter))


def _is_end(one: str, other: str) -> bool:
    """One file has the bank before the number of the account, or spaces in it."""
    shorter, longer = sorted((plain_account(one), plain_account(other)), key=len)
    return longer.endswith(shorter) if len(shorter) >= REFERENCE_MIN else longer == shorter


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
