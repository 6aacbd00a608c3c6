"""Amounts as people and spreadsheets type them: ``1,234.50``, ``€ 1.234,50``, ``$99``; read exactly, or not at all."""

# ruff: noqa: RUF001 - signs of other alphabets
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache

_MINUS = ("-", "\u2212")
_SPACES_AND_APOSTROPHES = " \u00a0\u2009\u202f'\u2019"
_GROUPING = {".": f",{_SPACES_AND_APOSTROPHES}", ",": f".{_SPACES_AND_APOSTROPHES}"}
"""The separators of thousands, by the decimal separator."""

_SIGNS_AND_CURRENCIES = """
    $ ars aud bbd bmd bnd bsd bzd cad clp cop fjd gyd hkd jmd kyd lrd mxn nad nzd sbd sgd srd ttd twd usd uyu xcd,
    £ egp fkp gbp gip shp, ¥ cny jpy, ￥ cny jpy, kr dkk isk nok sek, kr. dkk isk nok sek, лв bgn kgs, лв. bgn kgs,
    lei mdl ron, € eur, us$ usd, a$ aud, au$ aud, ca$ cad, c$ cad, nz$ nzd, hk$ hkd, s$ sgd, nt$ twd, mx$ mxn, r$
    brl, 円 jpy, 元 cny, zł pln, kč czk, ft huf, fr. chf, sfr. chf, ₴ uah, грн uah, грн. uah, ₽ rub, руб. rub, ₸
    kzt, тг kzt, ₺ try, tl try, ₹ inr, ₪ ils, ₩ krw, ₫ vnd, ฿ thb, ₱ php, ₦ ngn, ₾ gel, ֏ amd, ₼ azn, r zar, rm
    myr, rp idr
"""
_SIGNS = {sign: currencies for sign, *currencies in map(str.split, _SIGNS_AND_CURRENCIES.split(","))}
"""The currencies of each sign; a shared sign stands for the customer's own."""


def number_in(text: str, currency: str, digits: int, decimal_separator: str) -> Decimal | None:
    """The number in ``text``, with at most ``digits`` decimals; None if it is none, or ambiguous.

    Reads a leading minus, the sign or code of ``currency`` on one side, and thousands in groups of three, by one
    separator that fits ``decimal_separator``. Does not read parentheses, a trailing minus, exponents, groups that begin
    with 0; nor one group without decimals where a currency has three: ``1,234`` could be 1.234.
    """
    number = text.strip()
    is_negative = number.startswith(_MINUS)
    bare = _without_mark(number[is_negative:], currency)
    if not is_negative and bare != number and bare.startswith(_MINUS):
        is_negative, bare = True, bare[1:]
    match = _pattern(digits, decimal_separator).fullmatch(bare)
    if match is None or (match["group"] and digits == 3 and not match["fraction"]):
        return None
    whole = match["whole"].replace(match["group"] or " ", "")
    return Decimal(f"{'-' if is_negative else ''}{whole}.{match['fraction'] or 0}")


def is_mark(text: str, currency: str) -> bool:
    """Whether ``text`` is the code or a sign of ``currency``."""
    return text.strip().casefold() in _marks(currency)


def is_sign(text: str) -> bool:
    """Whether ``text`` is a sign of any currency."""
    return text.strip().casefold() in _SIGNS


def _without_mark(text: str, currency: str) -> str:
    for mark in _marks(currency):
        if text[: len(mark)].casefold() == mark:
            return text[len(mark) :].lstrip()
        if text[-len(mark) :].casefold() == mark:
            return text[: -len(mark)].rstrip()
    return text


@cache
def _marks(currency: str) -> tuple[str, ...]:
    """The longer ones first, as some begin alike."""
    return tuple(sorted(_marks_of(currency), key=len, reverse=True))


def _marks_of(currency: str) -> Iterator[str]:
    yield currency
    yield from (sign for sign, currencies in _SIGNS.items() if currency in currencies)


@cache
def _pattern(digits: int, decimal_separator: str) -> re.Pattern[str]:
    fraction = rf"({re.escape(decimal_separator)}(?P<fraction>[0-9]{{1,{digits}}}))?" if digits else "(?P<fraction>)"
    grouped = rf"[1-9][0-9]{{0,2}}(?P<group>[{_GROUPING[decimal_separator]}])[0-9]{{3}}((?P=group)[0-9]{{3}}){{0,3}}"
    return re.compile(rf"(?P<whole>{grouped}|[0-9]{{1,15}}){fraction}")
