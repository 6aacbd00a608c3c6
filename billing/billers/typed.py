"""What a bank has typed: sums, references and dates, read exactly or not at all."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.billers.biller import BillerCode
from billing.money import MAX_AMOUNT_MINOR, minor_digits

TXN_ID_MAX = 20
_TXN_ID = re.compile(rf"[0-9]{{1,{TXN_ID_MAX}}}")
_SUM = re.compile(r"(-?)([0-9]{1,100})(?:\.([0-9]{1,100}))?")
_DATE = re.compile(r"[0-9]{14}")
_OLDEST, _AHEAD = timedelta(days=366), timedelta(days=1)
_DATE_MAX = 40


def is_txn_id(text: str) -> bool:
    """References stay text: 18 digits and leading zeros do not survive as a number everywhere."""
    return _TXN_ID.fullmatch(text) is not None


def typed_sum(text: str, currency: str) -> int | BillerCode:
    """The sum in minor units, or why it is none: 12.5, 12.50; never 12,50, 1e3 or 0.001."""
    found = _SUM.fullmatch(text)
    if found is None:
        return BillerCode.BAD_SUM
    sign, whole, fraction = found[1], found[2], found[3] or ""
    if fraction[minor_digits(currency) :].strip("0"):
        return BillerCode.BAD_SUM
    amount_minor = int(Decimal(f"{whole}.{fraction or 0}").scaleb(minor_digits(currency)))
    if sign or not amount_minor:
        return BillerCode.TOO_SMALL
    return amount_minor if amount_minor <= MAX_AMOUNT_MINOR else BillerCode.TOO_LARGE


def typed_date(text: str, timezone: str, now: datetime) -> datetime | None:
    """The instant of ``20261130101500`` in the contract's zone, or of ISO 8601; "": now. None: it is no date."""
    try:
        local = datetime.fromisoformat(f"{text[:8]}T{text[8:]}" if _DATE.fullmatch(text) else text[:_DATE_MAX])
        return (local if local.tzinfo else local.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)
    except (ValueError, OverflowError):
        return now if not text else None


def is_likely(paid_at: datetime, now: datetime) -> bool:
    """Whether money may have been taken then; else the bank's clock is wrong."""
    return now - _OLDEST <= paid_at <= now + _AHEAD
