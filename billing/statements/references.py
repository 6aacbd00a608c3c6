"""What a line's texts may name: words and numbers to look up, and months. Amounts, days and addresses name nothing."""

# ruff: noqa: RUF001 - words of other alphabets
import re
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from billing.customers.account_numbers import is_personal_number
from billing.errors import InvalidInput
from billing.period import Period
from billing.statements.statement import StatementLine

WORDS_MAX = 200
"""Of one line and kind; a text that has more names nothing beyond them."""
_PARTS_MAX = 6
_CLEAR_DIGITS = 8  # of an account number that needs no word before it
_LEAST = 4  # characters of an order's number that has no word before it
_AMOUNT = re.compile(r"(?<![\w.,-])[0-9]{1,3}(?:[ '\u00a0]?[0-9]{3})*[.,][0-9]{2}(?![0-9.,]*[0-9])")
_DASHED_AMOUNT = re.compile(r"[0-9]+-[0-9]{2}")
_MAIL = re.compile(r"\S*@\S*")
_DAY = re.compile(
    r"(?<![0-9])(?:[0-9]{1,2}[./-][0-9]{1,2}[./-](?:[0-9]{4}|[0-9]{2})|20[0-9]{2}-[0-9]{2}-[0-9]{2})(?![0-9])"
)
_YEAR = re.compile(r"20[0-9]{2}")
_MONTH = re.compile(r"(?<![0-9])(20[0-9]{2})-(0[1-9]|1[0-2])(?![0-9])")
_TWELVE = re.compile(r"(?<![0-9])[0-9](?:\s?[0-9]){11}(?!\s?[0-9])")
_ALONE = re.compile(rf"(?<!\w){_TWELVE.pattern}(?!\w)")
_TOKEN = re.compile(r"\w+(?:[-./]\w+)*")
_PART = re.compile(r"[-./]")
_NO = r"[\s:.№#-]*(?:(?:no|nr|n)\b\.?[\s:.№#-]*)?"
_ACCOUNT = re.compile(
    r"\b(?:account|acct|konto|kontonr|compte|шот|рахунок|рахунку|л/с|"
    rf"(?:(?:лиц\w*|расч\w*|личн\w*|текущ\w*|банк\w*|р|л|на|с|со)[\s./]+)?сч[её]т\w*)\b\.?{_NO}$",
    re.IGNORECASE,
)
_BANK_ACCOUNT = re.compile(r"\b(?:лиц\w*|расч\w*|личн\w*|текущ\w*|банк\w*|р|л|на|с|со)[\s./]+сч[её]т", re.IGNORECASE)
_ORDER = re.compile(
    r"\b(?:orders?|ord|invoices?|inv|bestellung|bestellnr|auftrag|rechnung|rechnungsnr|commande|facture|zamówienie|faktura|"
    rf"заказ(?:а|у|ы|ов)?|зак|сч[её]т[ау]?|тапсырыс|замовлення)\b\.?{_NO}"
    r"(?:[\w-]*[0-9][\w-]*\s*(?:,|;|&|\+|\band\b|\bund\b|\bet\b|\bи\b|\bта\b)\s*)*$",
    re.IGNORECASE,
)


class _Kind(StrEnum):
    ORDER = "order"
    ACCOUNT = "account"
    CUSTOMER = "customer"
    WEAK = "weak"


class _Before(NamedTuple):
    """Whether the text before a word ends with a word for orders, or for accounts."""

    is_order: bool
    is_account: bool

    @classmethod
    def of(cls, text: str) -> "_Before":
        orders = _BANK_ACCOUNT.sub(lambda match: "_" * len(match[0]), text)
        return cls(_ORDER.search(orders) is not None, _ACCOUNT.search(text) is not None)


class References(NamedTuple):
    """What may name an order, behind a word such as "order"; an account or personal number; a customer by the id.

    ``weak``: other words, which may be anything. ``papers``: the document's number and the bank's reference, which
    name payments only, as any of the other words do.
    """

    orders: frozenset[str]
    accounts: frozenset[str]
    customers: frozenset[str]
    weak: frozenset[str]
    papers: frozenset[str]
    months: frozenset[Period]

    @property
    def words(self) -> frozenset[str]:
        return self.orders | self.accounts | self.customers | self.weak | self.papers


def references_of(line: StatementLine) -> References:
    """What the line may name. A word may run over a line break of the file: both readings count.

    The document's number is the payer's own: it names somebody only as "ORDER-1042" does, or by a check digit.
    """
    found: defaultdict[_Kind, set[str]] = defaultdict(set)
    texts = {" ".join(line.text.split()), line.text.replace("\n", "")}
    for text in texts:
        for word, kind in _words(text):
            found[kind].add(word)
    for word, kind in _words(line.number or ""):
        if kind is not _Kind.WEAK:
            found[kind].add(word)
    papers = frozenset(text.strip() for text in (line.number, line.bank_reference) if text and text.strip())
    months = frozenset(month for text in texts for month in _months(text))
    orders, accounts, customers, weak = (frozenset(sorted(found[kind])[:WORDS_MAX]) for kind in _Kind)
    return References(orders, accounts, customers, weak, papers, months)


def _months(text: str) -> Iterator[Period]:
    for match in _MONTH.finditer(_DAY.sub(" ", text)):
        try:
            yield Period(match[0])
        except InvalidInput:
            continue


def _words(text: str) -> Iterator[tuple[str, _Kind]]:
    """Words, and parts of those that are joined by signs, as ``INV-acme-2026-11``; as what each may count."""
    bare = text
    for nothing in (_MAIL, _DAY, _AMOUNT):
        bare = nothing.sub(lambda match: " " * len(match[0]), bare)
    for match in _TOKEN.finditer(bare):
        token = match[0]
        cuts = [0, *(sign.end() for sign in _PART.finditer(token))]
        ends = [*(sign.start() for sign in _PART.finditer(token)), len(token)]
        for first, start in enumerate(cuts):
            before = _Before.of(bare[: match.start() + start][-80:])
            for end in ends[first : first + _PARTS_MAX]:
                word = token[start:end]
                yield from ((word, kind) for kind in _kinds(token, word, before, is_all=word == bare.strip()))


def _kinds(token: str, word: str, before: _Before, is_all: bool) -> Iterator[_Kind]:
    """As what a word of the token counts, behind the text before it; or if it is all of the text."""
    is_number = word.isascii() and word.isdecimal()
    is_of_order = before.is_order and any(sign.isdecimal() for sign in word)
    if is_of_order:
        yield _Kind.ORDER
    if is_number and (len(word) >= _CLEAR_DIGITS or before.is_account):
        yield _Kind.ACCOUNT
    has_letter = any(sign.isalpha() for sign in word)
    if has_letter and (is_all or before.is_order or not word.isalpha()):
        yield _Kind.CUSTOMER
    is_amount = _DASHED_AMOUNT.fullmatch(token) is not None
    if not is_of_order and not is_amount and not (is_number and (len(word) < _LEAST or _YEAR.fullmatch(word))):
        yield _Kind.WEAK


def kept(line: StatementLine) -> StatementLine:
    """The line without personal numbers: payers type theirs in any field."""
    texts = {name: getattr(line, name) for name in ("payer", "text")}
    codes = {name: getattr(line, name) for name in ("bank_reference", "number")}
    changes = {name: without_personal_numbers(text) for name, text in texts.items() if text}
    return line.evolve(**changes, **{name: nobodys(code) for name, code in codes.items() if code})


def nobodys(reference: str) -> str:
    """As ``without_personal_numbers``; but twelve digits beside letters are the bank's own."""
    return _ALONE.sub(_masked, reference)


def without_personal_numbers(text: str) -> str:
    """The text with the last four digits only of each personal number, also of one that runs over a line break."""
    return _TWELVE.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    digits = "".join(match[0].split())
    return f"********{digits[-4:]}" if is_personal_number(digits) else match[0]
