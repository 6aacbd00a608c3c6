"""1CClientBankExchange: what banks of Kazakhstan, Russia and their neighbours export for accounting programs.

Keys are Russian or those of Kazakhstan, sometimes in capitals; values may run over lines. No field says whether money
came or went: our account is the payee's, or the payer's. There is no reference of the bank's.
"""

# ruff: noqa: RUF001 - Cyrillic keys
import re
from collections.abc import Iterator
from datetime import date, datetime
from itertools import chain

from adapters.bank_files.decoding import decoded
from adapters.statements.cells import line_of, minor_of
from billing.errors import InvalidInput
from billing.money import format_amount
from billing.statements.statement import FileFormat, Statement, StatementLine, check_count, is_same_account

_MARK = b"1CClientBankExchange"
_KEY = re.compile(r"([А-Яа-яЁё][\w]*)\s*=(.*)", re.DOTALL)
_KNOWN = (
    "плательщик", "получатель", "дата", "сумма", "номер", "вид", "код", "показатель", "статус", "очередность", "срок",
    "услов", "назначение", "квитанция", "начальный", "конечный", "всего", "расч", "валют", "банк", "секция", "версия",
    "отправитель", "время", "документ", "период", "резерв",
)  # fmt: skip
_LONG = re.compile(r"назначение.*|(плательщик|получатель)(1|наименование)?")
"""Keys whose values may run over lines."""
_END = "\x1a\0\ufeff "
_DATE = re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})")
Section = dict[str, str]
_OWN = ("плательщик", "получатель")


def is_one_c(content: bytes) -> bool:
    """Whether the file says so in its first line."""
    return _MARK in content[:200].replace(b"\0", b"")


def read_one_c(content: bytes, currency: str) -> Statement:
    """Raises ``InvalidInput``."""
    text = decoded(content, _encodings(content), lambda text: "секция" in text.casefold())
    head, accounts, documents = _sections(text)
    account = _account(head, accounts)
    lines = tuple(
        line
        for number, document in enumerate(documents, start=1)
        if (line := _line(document, number, account, currency))
    )
    _check_totals(accounts, lines, currency)
    opening, closing = _balances(accounts, currency)
    days = [line.booked_on for line in lines]
    return Statement(
        file_format=FileFormat.ONE_C,
        account=account,
        currency=None,
        since=_day(head.get("датаначала")) or min(days, default=None),
        until=_day(head.get("датаконца")) or max(days, default=None),
        opening_minor=opening,
        closing_minor=closing,
        lines=lines,
    )


def _encodings(content: bytes) -> tuple[str, ...]:
    """By the header's word, which may be wrong: then by what can be read."""
    is_dos = re.search(rb"=\s*DOS\b", content[:2000], re.IGNORECASE)
    return ("cp866", "cp1251") if is_dos else ("cp1251", "cp866")


def _sections(text: str) -> tuple[Section, list[Section], list[Section]]:
    """The head, the sections of accounts and the documents. Raises ``InvalidInput`` if the end is missing."""
    head: Section = {}
    accounts: list[Section] = []
    documents: list[Section] = []
    current, key, is_inside, is_whole = head, "", False, False
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.strip().casefold()
        if is_whole and word.strip(_END):
            raise InvalidInput(f"the file goes on after КонецФайла (line {number}); import each file by itself")
        if word == "конецфайла":
            if is_inside:
                break
            is_whole = True
            continue
        if word.startswith(("секциядокумент", "секциярасчсчет", "секциярасчсчёт")):
            if is_inside:
                break
            current, key, is_inside = {}, "", True
            (documents if word.startswith("секциядокумент") else accounts).append(current)
            check_count(len(documents))
        elif word.startswith(("конецдокумента", "конецрасчсчет", "конецрасчсчёт")):
            current, key, is_inside = head, "", False
        elif not is_whole:
            key = _keep(current, key, line, number)
    if not is_whole or is_inside:
        raise InvalidInput("the file is cut off: it does not end with КонецФайла; export it again")
    return head, accounts, documents


def _keep(section: Section, key: str, line: str, number: int) -> str:
    """Keeps the line's value, or adds it to the text or name before; returns the key that the next line may go on with.

    A key that nobody knows is left out, except within a text. Raises ``InvalidInput`` for a line that is none.
    """
    match = _KEY.fullmatch(line.strip())
    name = match[1].casefold().replace("ё", "е") if match else ""
    if match and name.startswith(_KNOWN) and not (key.startswith("назначение") and name in section):
        section.setdefault(name, match[2].strip())
        return name
    if _LONG.fullmatch(key) and line.strip():
        section[key] = f"{section[key]}\n{line.strip()}"
    elif line.strip() and not match and _MARK.decode() not in line:
        raise InvalidInput(f"line {number} is neither a key nor part of a text; export the file again")
    return key if _LONG.fullmatch(key) else ""


def _account(head: Section, accounts: list[Section]) -> str | None:
    found: list[str] = []
    for section in (head, *accounts):
        account = _first(section, "расчсчет", "расчетныйсчет")
        if account and not any(is_same_account(account, known) for known in found):
            found.append(account)
    if len(found) > 1:
        raise InvalidInput(
            f"the file has statements of several accounts, {', '.join(found[:3])}; export each by itself"
        )
    return found[0] if found else None


def _first(section: Section, *names: str) -> str:
    return next((section[name] for name in names if section.get(name)), "")


def _balances(accounts: list[Section], currency: str) -> tuple[int | None, int | None]:
    """The balance at which the first day begins and the last one ends."""
    dated = sorted(accounts, key=lambda section: _day(section.get("датаначала")) or date.min)
    if not dated:
        return None, None
    opening, closing = _first(dated[0], "начальныйостаток"), _first(dated[-1], "конечныйостаток")
    return (minor_of(opening, currency) if opening else None), (minor_of(closing, currency) if closing else None)


def _check_totals(accounts: list[Section], lines: tuple[StatementLine, ...], currency: str) -> None:
    """Raises ``InvalidInput`` unless the lines add up to what the sections say, if all of them do."""
    for name, sign in (("всегопоступило", 1), ("всегосписано", -1)):
        totals = [_sum(section, name, currency) for section in accounts]
        found = sum(sign * line.amount_minor for line in lines if line.amount_minor * sign > 0)
        if totals and None not in totals and sum(filter(None, totals)) != found:
            said, has = (format_amount(minor, currency) for minor in (sum(filter(None, totals)), found))
            raise InvalidInput(f"the file says {said} by {name}, and its documents have {has}; export it again")


def _line(document: Section, number: int, account: str | None, currency: str) -> StatementLine | None:
    try:
        minor = _amount(document, account, currency)
        if not minor:
            return None
        day = _booked_on(document, minor > 0)
    except InvalidInput as error:
        raise InvalidInput(f"document {number} of the file: {error}") from None
    other = _OWN[0] if minor > 0 else _OWN[1]
    names = (other, f"{other}1", f"{other}наименование")
    return StatementLine(
        booked_on=day,
        amount_minor=minor,
        number=line_of(_first(document, "номер", "номердокумента"), 255),
        payer_account=line_of(_side(document, other)),
        payer=line_of(_first(document, *names)),
        text="\n".join(filter(None, (_first(document, "назначениеплатежа"), *_more(document)))),
    )


def _more(document: Section) -> Iterator[str]:
    """The text of banks that write it in pieces."""
    return (document[name] for name in sorted(document) if re.fullmatch(r"назначениеплатежа[0-9]", name))


def _side(document: Section, side: str) -> str:
    return _first(document, f"{side}счет", f"{side}иик", f"{side}расчсчет", f"{side}иинсчет")


def _amount(document: Section, account: str | None, currency: str) -> int:
    """Positive if it came to our account. Raises ``InvalidInput`` if nothing says so."""
    came, went = (_sum(document, name, currency) for name in ("суммаприход", "суммарасход"))
    payer, payee = _side(document, "плательщик"), _side(document, "получатель")
    is_payee = account is not None and bool(payee) and is_same_account(payee, account)
    is_payer = account is not None and bool(payer) and is_same_account(payer, account)
    if came or went:
        is_other = bool(payee) and not is_payee if came else bool(payer) and not is_payer
        if (is_other and account) or (came and went):
            raise InvalidInput(f"the account {account} is not the side to which its sum belongs; choose the right file")
        return (came or 0) - (went or 0)
    minor = minor_of(_first(document, "сумма"), currency)
    if is_payee == is_payer:
        raise InvalidInput(f"the account {account or '(not named)'} is not one of its two sides; choose the right file")
    return minor if is_payee else -minor


def _sum(section: Section, name: str, currency: str) -> int | None:
    return minor_of(section[name], currency) if section.get(name) else None


def _booked_on(document: Section, is_in: bool) -> date:
    names = ("датапоступило", "датаоперации") if is_in else ("датасписано", "датаоперации")
    for name in chain(names, ("дата", "датадокумента")):
        if text := document.get(name):
            day = _day(text)
            if day is None:
                raise InvalidInput(f"{text[:40]!r} is no day")
            return day
    raise InvalidInput("it has no day")


def _day(text: str | None) -> date | None:
    match = _DATE.match((text or "").strip())
    try:
        return datetime(int(match[3]), int(match[2]), int(match[1])).date() if match else None  # noqa: DTZ001 - a day
    except ValueError:
        return None
