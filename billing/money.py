"""Money: exact integers of minor units, by the table of currencies that cards are charged by (not ISO's, not Babel's).

The limits of one charge are a matter of the payment method.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from billing.errors import InvalidInput
from billing.typed_amount import is_sign, number_in

MAX_AMOUNT_MINOR = 999_999_999_999
"""No amount has more than twelve digits, in any currency: what a card takes.

Source: docs.stripe.com/currencies, "Maximum charge amounts", as of 2026. It gives cards twelve digits, American Express
nine "in most currencies", and twelve (IDR), ten (COP), nine (INR) or eight digits to other payment methods only. The
reference of PaymentIntent still names eight. What Stripe refuses as ``amount_too_large`` waits for a person.
"""

_ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())  # noqa: SIM905
_THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())  # noqa: SIM905
_TWO_DECIMAL = frozenset(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc
    cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr
    kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk
    php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx usd
    uyu uzs wst xcd xcg yer zar zmw
    """.split()  # noqa: SIM905
)
_CODES = _ZERO_DECIMAL | _TWO_DECIMAL | _THREE_DECIMAL
_STEP_MINOR = {**dict.fromkeys(_THREE_DECIMAL, 10), "isk": 100, "ugx": 100}
_FLOAT_RESIDUE = Decimal("1e-6")  # what 0.1 + 0.2 leaves behind; more than that is a real digit


def currency_code(text: str) -> str:
    """The lower-case code of a currency that can be charged. Raises ``InvalidInput`` for any other."""
    code = text.strip().lower()
    if code not in _CODES:
        raise InvalidInput(f"{text!r} is not a currency that can be charged; use a code such as eur, usd or jpy")
    return code


def is_currency(text: str) -> bool:
    """Whether ``text`` is the code or a sign of any currency that can be charged."""
    return text.strip().lower() in _CODES or is_sign(text)


def minor_digits(currency: str) -> int:
    """The number of decimals of ``currency``: 0, 2 or 3."""
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def step_minor(currency: str) -> int:
    """The smallest part of ``currency`` that can be paid, in minor units; amounts are multiples of it."""
    return _STEP_MINOR.get(currency, 1)


def with_digits(digits: int) -> frozenset[str]:
    """The currencies with so many decimals: 0, 2 or 3."""
    return {0: _ZERO_DECIMAL, 2: _TWO_DECIMAL, 3: _THREE_DECIMAL}[digits]


def parse_amount(cell: object, currency: str, decimal_separator: str = ".") -> int:
    """The amount in a cell of a sheet, or on a command line, in minor units of ``currency``.

    Takes whole and decimal numbers, negative ones too (a credit), and text as spreadsheets write them: with thousands
    that fit ``decimal_separator`` (``1,234.56``) and the sign or code of ``currency`` (``$99``, ``5 EUR``). Anything
    ambiguous is refused with ``InvalidInput``: the other separator (``12,50``), another
    currency, errors (``#REF!``), ``(5.00)``, ``5-``, ``NaN``, ``-0``, TRUE, empty cells, more digits than the currency
    has, and amounts above ``MAX_AMOUNT_MINOR``.
    """
    value = _decimal(cell, currency, decimal_separator)
    if value.is_zero() and value.is_signed():
        raise InvalidInput("-0 is not an amount; write 0, or the amount that was meant")
    exact = value.scaleb(minor_digits(currency))
    minor = int(exact.to_integral_value())
    if abs(exact - minor) > _FLOAT_RESIDUE or minor % step_minor(currency):
        raise InvalidInput(f"{cell} has more digits than {currency.upper()} can be charged in")
    if abs(minor) > MAX_AMOUNT_MINOR:
        limit = format_amount(MAX_AMOUNT_MINOR, currency)
        raise InvalidInput(f"{cell} {currency.upper()} is more than the {limit} limit")
    return minor


def format_amount(amount_minor: int, currency: str) -> str:
    """The exact amount, written alike everywhere: ``1234.50 EUR``, ``-3 JPY``."""
    return f"{plain_amount(amount_minor, currency)} {currency.upper()}"


def sums_of(amounts: Iterable[tuple[int, str]]) -> dict[str, int]:
    """The sums of amounts in minor units, by currency."""
    sums: Counter[str] = Counter()
    for amount_minor, currency in amounts:
        sums[currency] += amount_minor
    return dict(sums)


def sums_text(amounts: Iterable[tuple[int, str]], write: Callable[[int, str], str] = format_amount) -> str:
    """``150.00 EUR``; of amounts in several currencies, ``150.00 EUR and 3 JPY``."""
    return " and ".join(write(total, currency) for currency, total in sums_of(amounts).items())


def totals_text(sums: Mapping[str, int]) -> str:
    """A line of sums by currency: ``150.00 EUR · 3 JPY``."""
    return " · ".join(format_amount(total, currency) for currency, total in sorted(sums.items()))


def plain_amount(amount_minor: int, currency: str) -> str:
    """The amount as people type it, without the currency: ``1234.50``."""
    digits = minor_digits(currency)
    return f"{Decimal(amount_minor).scaleb(-digits):.{digits}f}"


def _decimal(cell: object, currency: str, separator: str) -> Decimal:
    if isinstance(cell, bool) or cell is None or cell == "":
        raise InvalidInput(f"{cell!r} is not an amount" if cell not in (None, "") else "the amount is empty")
    if isinstance(cell, int | float | Decimal):
        value = Decimal(str(cell))
        if not value.is_finite():
            raise InvalidInput(f"{cell} is not an amount")
        return value
    text = str(cell).strip()
    digits = minor_digits(currency)
    number = number_in(text, currency, digits, separator)
    if number is None and text.isascii() and text.isdigit():
        raise InvalidInput(f"{text} {currency.upper()} is more than any amount that can be written down")
    if number is None:
        example = f"1234{separator}50" if digits else "1234"
        raise InvalidInput(f"{text!r} is not an amount in {currency.upper()}; write it like {example}")
    return number
