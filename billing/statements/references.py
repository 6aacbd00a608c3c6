"""What a line's texts may name: words and numbers to look up, and months. Amounts and days name nothing."""

# ruff: noqa: RUF001 - words of other alphabets
import re
from collections.abc import Iterator
from typing import NamedTuple

from billing.customers.account_numbers import is_personal_number
from billing.errors import InvalidInput
from billing.period import Period
from billing.statements.statement import StatementLine

WORDS_MAX = 200
"""Of one line; a text that has more names nothing beyond them."""
_PARTS_MAX = 6
_SHORT = re.compile(r"[0-9]{1,4}")
_AMOUNT = re.compile(r"(?<![\w.,-])[0-9]{1,3}(?:[ '\u00a0]?[0-9]{3})*[.,][0-9]{2}(?![0-9.,]*[0-9])")
_DAY = re.compile(
    r"(?<![0-9])(?:[0-9]{1,2}[./-][0-9]{1,2}[./-](?:[0-9]{4}|[0-9]{2})|20[0-9]{2}-[0-9]{2}-[0-9]{2})(?![0-9])"
)
_MONTH = re.compile(r"(?<![0-9])(20[0-9]{2})-(0[1-9]|1[0-2])(?![0-9])")
_TWELVE = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")
_TOKEN = re.compile(r"\w+(?:[-./]\w+)*")
_PART = re.compile(r"[-./]")
_KEYWORD = re.compile(
    r"(?:\b(?:orders?|ord|invoice|inv|bestellung|rechnung|commande|facture|zamówienie|заказ(?:а|у|ы|ов)?|зак|счет[ау]?|сч[её]т[ау]?|"
    r"тапсырыс|замовлення|no|nr|n)\b\.?|[№#])[\s:.№#-]*(?:(?:no|nr|n)\b\.?[\s:]*)?"
    r"(?:[\w-]+\s*(?:,|;|&|\+|\band\b|\bund\b|\bet\b|\bи\b|\bта\b)\s*)*$",
    re.IGNORECASE,
)


class References(NamedTuple):
    """``words`` as they stand; ``weak`` are short numbers without a word such as "order" before them."""

    words: frozenset[str]
    weak: frozenset[str]
    months: frozenset[Period]

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset(word for word in self.words if word.isascii() and word.isdecimal())


def references_of(line: StatementLine) -> References:
    """What the line may name, in its text, its number and the bank's reference.

    A word may run over a line break of the file: both readings count.
    """
    texts = {" ".join(line.text.split()), line.text.replace("\n", "")}
    months = {month for text in texts for month in _months(text)}
    words, weak = set[str](), set[str]()
    for text in sorted(texts):
        for word, is_weak in _words(text):
            (weak if is_weak else words).add(word)
    words |= {text.strip() for text in (line.number, line.bank_reference) if text and text.strip()}
    kept = sorted(words)[:WORDS_MAX]
    return References(frozenset(kept), frozenset(sorted(weak - words)[:WORDS_MAX]), frozenset(months))


def _months(text: str) -> Iterator[Period]:
    for match in _MONTH.finditer(_DAY.sub(" ", text)):
        try:
            yield Period(match[0])
        except InvalidInput:
            continue


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """Words, and parts of those that are joined by signs, as ``INV-acme-2026-11``; whether each is weak."""
    bare = _AMOUNT.sub(lambda match: " " * len(match[0]), _DAY.sub(lambda match: " " * len(match[0]), text))
    for match in _TOKEN.finditer(bare):
        token = match[0]
        cuts = [0, *(sign.end() for sign in _PART.finditer(token))]
        ends = [*(sign.start() for sign in _PART.finditer(token)), len(token)]
        for first, start in enumerate(cuts):
            for end in ends[first : first + _PARTS_MAX]:
                word = token[start:end]
                is_named = _KEYWORD.search(bare[: match.start() + start][-80:]) is not None
                yield word, _SHORT.fullmatch(word) is not None and not is_named


def without_personal_numbers(text: str) -> str:
    """The text with the last four digits only of each personal number."""
    return _TWELVE.sub(lambda match: f"********{match[0][-4:]}" if is_personal_number(match[0]) else match[0], text)
