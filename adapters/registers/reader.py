"""Reads a bank's register of a day: OSMP's text if it is one, else CSV. A file is taken whole, or not at all.

::

    read = partial(read_register, partial(kept_account, settings.personal_key))
    lines = read(content, terms, day, mapping)
"""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta

from adapters.bank_files.csv_table import table_in
from adapters.bank_files.decoding import decoded
from adapters.registers.csv_lines import csv_lines
from adapters.registers.lines import RawLine, Unreadable, instant_of
from adapters.registers.osmp_lines import is_osmp, osmp_lines
from billing.customers.account_numbers import is_account_number, is_personal_number, personal_digest
from billing.errors import InvalidInput
from billing.money import parse_amount
from billing.registers.mapping import RegisterMapping
from billing.registers.register import RegisterLine, RegisterTerms

LINES_MAX = 500_000
_SHOWN = 3
_REFERENCE = re.compile(r"[0-9]{1,20}", re.ASCII)
_ROUNDED = re.compile(r"[0-9][.,][0-9]*E\+?[0-9]+", re.IGNORECASE)
_PERSONAL, _LAST_FOUR = re.compile(r"(?<!\d)\d{8}(\d{4})(?!\d)", re.ASCII), r"…\1"
_NO_DIGITS = re.compile(r"\.0+$|[^0-9]")
_ENCODINGS = ("cp1251", "cp866")

Kept = Callable[[str], tuple[str, str | None]]
"""How an account is kept: the number, or the last digits of a personal number and its digest."""


def read_register(
    kept: Kept, content: bytes, terms: RegisterTerms, day: date, mapping: RegisterMapping
) -> list[RegisterLine]:
    """The lines of the register, in the file's order.

    Raises ``InvalidInput`` with the first lines that cannot be read. No message has an account in it.
    """
    text = _decoded(content, mapping)
    raw = osmp_lines(text, terms) if is_osmp(text) else csv_lines(text, mapping)
    lines: dict[str, tuple[int, RegisterLine]] = {}
    problems: list[str] = []
    days = set[date]()
    reversals, mixed_up = Counter[str](), 0
    for number, found in raw:
        try:
            if isinstance(found, Unreadable):
                raise InvalidInput(str(found))
            line = _line(found, terms, mapping, kept, reversals)
            mixed_up += is_personal_number(line.reference) and not is_account_number(found.account)
            days.add(_near(terms.day_of(line.paid_at), day))
        except InvalidInput as error:
            problems.append(f"line {number}: {error}")
            continue
        if line.reference in lines:
            problems.append(f"line {number}: {line.reference} is in line {lines[line.reference][0]} already")
        lines[line.reference] = number, line
        if len(lines) > LINES_MAX:
            raise InvalidInput(f"it has more than {LINES_MAX:,} lines; ask the bank for a file of one day")
    if problems:
        more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
        shown = _PERSONAL.sub(_LAST_FOUR, "; ".join(problems[:_SHOWN]))  # a mapping may have mixed columns up
        raise InvalidInput(f"{shown}{more}; nothing was taken in")
    if mixed_up * 2 > len(lines):
        raise InvalidInput("its numbers of payments are personal numbers: another column has the payments', see --map")
    if days and day not in days:
        raise InvalidInput(f"it has payments of {min(days)}, and none of {day}: name its day with --day")
    return [line for _, line in lines.values()]


def kept_account(personal_key: str, text: str) -> tuple[str, str | None]:
    """An account as it is kept; of twelve digits, only the last four are. Without a key, nobody is found by these.

    A file that went through a spreadsheet has them as 900101300123.0 or 900101 300123; people write words beside them.
    """
    digits = _NO_DIGITS.sub("", text)
    if embedded := _PERSONAL.search(text):
        digits = embedded[0]
    if not _PERSONAL.fullmatch(digits):
        return text, None
    is_known = bool(personal_key) and is_personal_number(digits)
    return _PERSONAL.sub(_LAST_FOUR, digits), personal_digest(digits, personal_key) if is_known else None


def _decoded(content: bytes, mapping: RegisterMapping) -> str:
    """In the first encoding in which it is a register; else in any, and its reader says what it lacks."""
    if not content.strip():
        raise InvalidInput("it is empty; of a day without payments, the bank sends its header or its total")

    def is_register(text: str) -> bool:
        return _is_text(text) and (is_osmp(text) or table_in(text, mapping.columns) is not None)

    for is_right in (is_register, _is_text):
        with suppress(InvalidInput):
            return decoded(content, _ENCODINGS, is_right)
    raise InvalidInput("it is no text that we know (UTF-8, UTF-16, Windows-1251); save it as CSV UTF-8")


def _is_text(text: str) -> bool:
    return "\0" not in text


def _line(
    raw: RawLine,
    terms: RegisterTerms,
    mapping: RegisterMapping,
    kept: Kept,
    reversals: Counter[str],
) -> RegisterLine:
    """A bank may give what it takes back no number: it is named by the payment, the amount, and which of these it is.

    Not by its time, which a corrected file may have otherwise. Raises ``InvalidInput``.
    """
    reference = _reference(raw.reference)
    amount_minor = _amount(raw, terms.currency)
    paid_at = instant_of(raw.paid_at, mapping.date_format, terms.timezone)
    account, personal = kept(_account(raw.account))
    is_back = amount_minor < 0 or bool(raw.original) or raw.is_reversal
    if not is_back:
        return RegisterLine(reference, account, amount_minor, paid_at, None, personal)
    original = _reference(raw.original) if raw.original else reference
    if original == reference:
        name = f"{original}#reversal-{abs(amount_minor)}"
        reversals[name] += 1
        reference = f"{name}-{reversals[name]}"
    return RegisterLine(reference, account, -abs(amount_minor), paid_at, original, personal)


def _reference(text: str) -> str:
    if _ROUNDED.fullmatch(text):
        raise InvalidInput(f"{text} was rounded by a spreadsheet, and its digits are lost; take the bank's own file")
    if not _REFERENCE.fullmatch(text):
        raise InvalidInput(f"{text[:50]!r} is not the number of a payment: it has 1 to 20 digits")
    return text


def _amount(raw: RawLine, currency: str) -> int:
    if raw.currency and raw.currency.strip().lower() != currency:
        raise InvalidInput(f"{raw.currency[:10]!r} is not the contract's {currency.upper()}")
    amount_minor = parse_amount(raw.amount, currency, raw.decimal)
    if not amount_minor:
        raise InvalidInput("its amount is 0")
    return amount_minor


def _account(text: str) -> str:
    if _ROUNDED.fullmatch(text):
        raise InvalidInput("its account was rounded by a spreadsheet; take the bank's own file")
    if not text or len(text) > 100 or not text.isprintable():
        raise InvalidInput("it has no account, or one that cannot be read")
    return text


def _near(paid_on: date, day: date) -> date:
    """A bank's day may end before or after midnight. Raises ``InvalidInput`` for any other day."""
    if abs(paid_on - day) > timedelta(days=1):
        raise InvalidInput(f"it is of {paid_on}, not of {day}")
    return paid_on
