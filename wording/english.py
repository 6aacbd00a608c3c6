"""English for mails and pages: money, dates, reasons."""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import get_currency_symbol

from billing.invoices.invoice import Invoice
from billing.money import minor_digits
from billing.period import Period
from wording.plain import one_line as one_line

LOCALE = "en"
_NO_REASON = "Your bank declined the charge. Only your bank can tell you why."
_SHORT_OF_MONEY = "Your bank says that there is not enough money available on the card."
_LIMIT = "The charge is over a limit of the card."
_TRY_LATER = "Your bank had a technical problem and could not accept the charge."
_NOT_SUPPORTED = "The card cannot be used for this kind of payment."
_REASONS = {
    "insufficient_funds": _SHORT_OF_MONEY,
    "card_velocity_exceeded": _LIMIT,
    "withdrawal_count_limit_exceeded": _LIMIT,
    "expired_card": "The card has expired.",
    "processing_error": _TRY_LATER,
    "issuer_not_available": _TRY_LATER,
    "try_again_later": _TRY_LATER,
    "reenter_transaction": _TRY_LATER,
    "card_not_supported": _NOT_SUPPORTED,
    "currency_not_supported": _NOT_SUPPORTED,
}
"""The reasons that customers read for Stripe's codes. All other codes share one neutral sentence: nobody may learn from
us that a card was reported lost or stolen, or that a charge looked fraudulent."""


def why(code: str) -> str:
    """Why a card was refused, in words for its owner, by Stripe's code."""
    return _REASONS.get(code, _NO_REASON)


def money_text(amount_minor: int, currency: str) -> str:
    """``€1,234.50``, ``-¥3``, ``KWD 1.250``: with as many decimals as Stripe's minor unit has."""
    digits = minor_digits(currency)
    value = Decimal(abs(amount_minor)).scaleb(-digits)
    return f"{'-' if amount_minor < 0 else ''}{_symbol(currency)}{value:,.{digits}f}"


@lru_cache
def _symbol(currency: str) -> str:
    """``€``; letters are followed by a space."""
    symbol = get_currency_symbol(currency.upper(), locale=LOCALE)
    return f"{symbol} " if symbol[-1].isalpha() else symbol


@lru_cache(1024)  # both parts of a mail say the same
def date_text(instant: datetime, pattern: str, zone: str) -> str:
    return format_datetime(instant, pattern, tzinfo=ZoneInfo(zone), locale=LOCALE)


@lru_cache
def month_text(period: Period) -> str:
    """``October 2026``."""
    return format_date(period.first_day, "MMMM y", locale=LOCALE)


def invoice_rows(invoice: Invoice | None) -> list[tuple[str, str]]:
    """Description and amount of each line, each typed text as one clean line, and of the carried balance."""
    if invoice is None:
        return []
    money = partial(money_text, currency=invoice.currency)
    rows = [(one_line(line.description), money(line.amount_minor)) for line in invoice.lines]
    if invoice.carried_minor:
        label = "Carried over from earlier months" if invoice.carried_minor > 0 else "Credit from earlier months"
        rows.append((label, money(invoice.carried_minor)))
    return rows


def hours(seconds: int) -> str:
    """``2 d 3 h``, rounded down."""
    count = seconds // 3600
    return f"{count // 24} d {count % 24} h" if count >= 24 else f"{count} h"
