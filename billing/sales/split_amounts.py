"""Amounts in doubt because of the cell beside them: an unquoted ``1,234.50`` in a CSV file, or a quantity.

``begins_as_amount`` is the one rule for what may be an amount or the rest of one, whatever the language.
"""

# ruff: noqa: RUF001 - signs of other alphabets
import re
import unicodedata

from billing.cells import folded
from billing.customers.address import is_invisible
from billing.money import is_currency
from billing.sales.sales import type_of_cell

_NUMBER = re.compile(r"(?P<before>\D*)(?P<number>\d(?:[\d.,'’`´\s_٫٬]*\d)?)(?P<after>.*)", re.DOTALL)
_COMPLETE = re.compile(r",|\d\.\d{1,2}\D*\Z")
"""No comma follows in any language. A comma in the cell shows that its commas do not separate cells."""
_THOUSANDS = re.compile(r"\d{3}\.\d+")
_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(\d\d|\d{4})")
_TOKEN = re.compile(r"[^\W\d_]+|[^\w\s]|\d+")
_DASHES = ("-", "−", "–", "—", "‒", "‑")
_SIGNS = frozenset("+±~()[]'’\"`´.,:").union(_DASHES)
_WORD_MIN = 4
"""Letters of a word that is certainly no abbreviation of a currency."""
_UNITS = frozenset("h hr hrs std min day kg pcs pc stk шт x 月 月分 日 年 個".split())  # noqa: SIM905
_MONEY = frozenset(
    map(
        folded,
        """
        euro euros euroa evro євро евро ευρώ dollar dollars pound pounds sterling cent cents ct yen yuan rmb franc
        francs franken fr sfr cfa fcfa krona kronor krone kroner krónur koruna korun koruny złoty złote złotych złotówki
        hryvnia hryvnias гривня гривні гривень грн рубль рубля рублей руб rubel ruble rubles тенге tenge lira liras
        forint peso pesos real reais rupee rupees rs rand won baht dirham dirhams dinar dinars riyal ringgit rupiah
        shilling shillings dong lei leu lev leva лв лева manat lari dram som сом сум кр тг 円 元 圓 圆 万円 日元
        美元 欧元 人民币 ユーロ ドル 원 달러 유로
        net netto gross brutto нетто брутто vat mwst ust tva iva btw moms kdv ндс пдв ht ttc incl excl inkl exkl zzgl
        per
        """.split(),  # noqa: SIM905
    )
)
"""Names of currencies, and words beside amounts."""


def is_split(amount: type_of_cell, after: type_of_cell) -> bool:
    """Whether ``after``, the next cell, may be the rest of ``amount``. A number of a spreadsheet is never complete.

    Google's import makes 1.23 of ``1.230,50``, 1 of ``1.000,-`` and 5.5 of the rest of ``1,005.50``.
    """
    if isinstance(amount, bool) or not re.search(r"\d", str(amount)):
        return False
    if isinstance(amount, str):
        return not _COMPLETE.search(amount) and begins_as_amount(after)
    return begins_as_amount(after) or (isinstance(after, str) and after.startswith(_DASHES) and _may_follow(after))


def begins_as_amount(cell: type_of_cell) -> bool:
    """Whether ``cell`` may be an amount, or the end of one: a number, and no word that shows what is counted.

    ``234.50``, ``(500)``, ``EUR 5``, ``50 kr`` and ``50 € a month`` may; ``2 chairs``, ``20%``, ``2026-11-03`` and
    ``No. 5`` may not.
    """
    if isinstance(cell, bool) or cell is None:
        return False
    match = _NUMBER.fullmatch(_plain(str(cell)))
    if match is None or not all(_is_money(token) or token in _SIGNS for token in _TOKEN.findall(match["before"])):
        return False
    number = match["number"]
    return bool(_THOUSANDS.fullmatch(number)) or (not _DATE.fullmatch(number) and _may_follow(match["after"]))


def _plain(text: str) -> str:
    """The text in usual letters and digits, without invisible ones."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", "".join(letter for letter in text if not is_invisible(letter)))
    return text.strip()


def _may_follow(text: str) -> bool:
    """Whether ``text``, behind a number, may belong to an amount."""
    tokens = _TOKEN.findall(text)
    words = [token for token in tokens if token.isalpha() or _is_currency_symbol(token)]
    if not words:
        return all(token in _SIGNS for token in tokens)
    if _is_money(words[0]) or _is_money_in_a_sentence(words[-1]):
        return True
    is_rate = re.match(r"\s*/\s*\D", text) is not None
    return is_rate or not any(len(word) >= _WORD_MIN or folded(word) in _UNITS for word in words)


def _is_money(token: str) -> bool:
    return is_currency(token) or _is_money_in_a_sentence(token)


def _is_money_in_a_sentence(token: str) -> bool:
    """Some codes are words, such as TOP and ALL."""
    is_code = token.isupper() and is_currency(token)
    return is_code or _is_currency_symbol(token) or folded(token) in _MONEY


def _is_currency_symbol(token: str) -> bool:
    return len(token) == 1 and unicodedata.category(token) == "Sc"
