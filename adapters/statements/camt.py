"""camt.053 (statements) and camt.054 (notifications) of ISO 20022.

One entry may hold many transactions, or none. Only booked entries count. The bank's reference is optional, and that of
an entry with several transactions is none of theirs. ``NtryRef`` says nothing: some banks count the entries of each
file with it. The free text may be anywhere.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from adapters.statements.cells import line_of, minor_of, text_of
from billing.errors import InvalidInput
from billing.money import currency_code
from billing.statements.statement import Entry, FileFormat, Statement, StatementLine, check_count, joined

_ROOTS = {"BkToCstmrStmt": FileFormat.CAMT_053, "BkToCstmrDbtCdtNtfctn": FileFormat.CAMT_054}
_PARTS = ("Stmt", "Ntfctn")
_DEPTH_MAX, _ELEMENTS_MAX = 60, 1_000_000
_NONE = frozenset({"NOTPROVIDED", "NONREF"})
_NOT_BOOKED = frozenset({"PDNG", "INFO", "FUTR"})
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_camt(content: bytes) -> Statement:
    """Raises ``InvalidInput``; entities and document types are refused unread."""
    try:
        parts = list(_parts(content))
    except DefusedXmlException:
        raise InvalidInput(
            "the file declares a document type or entities, which no statement has; it is refused"
        ) from None
    except (ParseError, ValueError, LookupError) as error:
        place = f" (line {error.position[0]})" if isinstance(error, ParseError) else ""
        raise InvalidInput(f"the file is cut off or damaged: it is no whole XML{place}; export it again") from None
    if not parts:
        raise InvalidInput("the XML is no camt.053 or camt.054; export the statement in one of these formats")
    return joined(parts)


def _parts(content: bytes) -> Iterator[Statement]:
    depth = count = 0
    file_format: FileFormat | None = None
    entries: list[tuple[int, Element]] = []
    for event, element in iterparse(BytesIO(content), events=("start", "end"), forbid_dtd=True):
        name = _name(element)
        if event == "start":
            depth, count = depth + 1, count + 1
            file_format = _ROOTS.get(name, file_format)
            if depth > _DEPTH_MAX or count > _ELEMENTS_MAX:
                raise InvalidInput("the XML has too many elements for a statement; it is refused")
            continue
        depth -= 1
        if name == "Ntry":
            entries.append((count, element))
            check_count(len(entries))
        elif name in _PARTS and file_format is not None:
            yield _statement(element, entries, file_format)
            element.clear()
            entries = []


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _all(element: Element, path: str) -> Iterator[Element]:
    """The elements at a path of names, in any namespace."""
    first, _, rest = path.partition("/")
    for child in element:
        if _name(child) == first:
            yield from _all(child, rest) if rest else (child,)


def _text(element: Element, *paths: str) -> str | None:
    """The first text at one of the paths; None if there is none."""
    for path in paths:
        for found in _all(element, path):
            if found.text and found.text.strip():
                return found.text.strip()
    return None


def _statement(element: Element, entries: list[tuple[int, Element]], file_format: FileFormat) -> Statement:
    """``entries`` with numbers that no other entry of the file has."""
    balances = list(_balances(element))
    opening = next((balance for balance in balances if balance.kind in ("OPBD", "PRCD", "ITBD")), None)
    closing = next((balance for balance in balances[::-1] if balance.kind in ("CLBD", "ITBD")), None)
    is_statement = file_format is FileFormat.CAMT_053
    if is_statement and (opening is None or closing is None):
        raise InvalidInput("the statement has no opening or no closing balance; export it again")
    batch = None if is_statement else line_of(_text(element, "Id"), 255)
    lines = tuple(line for number, entry in entries for line in _lines(number, entry, batch))
    days = [line.booked_on for line in lines]
    currencies = {_currency(entry) for _, entry in entries} | {balance.currency for balance in balances}
    if len(currencies) > 1:
        raise InvalidInput(f"the file has several currencies: {', '.join(sorted(currencies))}")
    named = _text(element, "Acct/Ccy")
    return Statement(
        file_format=file_format,
        account=line_of(_text(element, "Acct/Id/IBAN", "Acct/Id/Othr/Id")),
        currency=currencies.pop() if currencies else currency_code(named) if named else None,
        since=_day(_text(element, "FrToDt/FrDtTm", "FrToDt/FrDt")) or min(days, default=None),
        until=_day(_text(element, "FrToDt/ToDtTm", "FrToDt/ToDt")) or max(days, default=None),
        opening_minor=opening.minor if is_statement and opening else None,
        closing_minor=closing.minor if is_statement and closing else None,
        lines=lines,
    )


class _Balance(NamedTuple):
    kind: str
    currency: str
    minor: int


def _balances(element: Element) -> Iterator[_Balance]:
    for balance in _all(element, "Bal"):
        kind = _text(balance, "Tp/CdOrPrtry/Cd") or ""
        yield _Balance(kind, _currency(balance), _signed(balance, _amount(balance)))


def _currency(element: Element) -> str:
    amount = next(_all(element, "Amt"), None)
    if amount is None:
        raise InvalidInput("an entry or balance has no amount; export the statement again")
    return currency_code(amount.get("Ccy") or "")


def _amount(element: Element) -> int:
    return minor_of(_text(element, "Amt") or "", _currency(element))


def _signed(element: Element, minor: int, default: str | None = None) -> int:
    direction = _text(element, "CdtDbtInd") or default
    if direction not in ("CRDT", "DBIT"):
        raise InvalidInput(f"an entry is neither credit nor debit ({direction}); export the statement again")
    return -minor if direction == "DBIT" else minor


def _lines(number: int, entry: Element, batch: str | None) -> Iterator[StatementLine]:
    """The lines of a booked entry: one for each of its transactions, if their amounts add up to the entry's."""
    status = _text(entry, "Sts/Cd", "Sts")
    if status in _NOT_BOOKED:
        return
    if status != "BOOK":
        raise InvalidInput(f"an entry is neither booked nor announced ({line_of(status, 40)}); export it again")
    booked_on = _day(_text(entry, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm"))
    if booked_on is None:
        raise InvalidInput("an entry has no day; export the statement again")
    minor, currency = _signed(entry, _amount(entry)), _currency(entry)
    reference = _reference(_text(entry, "AcctSvcrRef"))
    parts = list(_all(entry, "NtryDtls/TxDtls"))
    amounts = [_part_minor(part, entry, currency) for part in parts]
    if len(parts) <= 1 or None in amounts or sum(filter(None, amounts)) != minor:
        part = parts[0] if len(parts) == 1 else entry
        yield _line(entry, part, minor, booked_on, batch).evolve(bank_reference=_own(part) or reference)
        return
    whole = Entry(number=number, amount_minor=minor, reference=reference)
    shared = Counter((reference, *(own for part in parts if (own := _own(part)) != reference)))
    for part, amount in zip(parts, amounts, strict=True):
        own = _own(part)
        line = _line(entry, part, amount or 0, booked_on, batch)
        yield line.evolve(bank_reference=own if shared[own] == 1 and own != reference else None, entry=whole)


def _own(part: Element) -> str | None:
    return _reference(_text(part, "Refs/AcctSvcrRef"))


def _part_minor(part: Element, entry: Element, currency: str) -> int | None:
    """The signed amount of a transaction within an entry; None if it is not said in the account's currency."""
    default = _text(entry, "CdtDbtInd")
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        for amount in _all(part, path):
            if (amount.get("Ccy") or "").lower() == currency:
                return _signed(part, minor_of(amount.text or "", currency), default)
    return None


def _line(entry: Element, part: Element, minor: int, booked_on: date, batch: str | None) -> StatementLine:
    other = "Dbtr" if minor > 0 else "Cdtr"
    remittance = [found.text for path in ("RmtInf/Ustrd", "RmtInf/Strd/CdtrRefInf/Ref") for found in _all(part, path)]
    accounts = (f"RltdPties/{other}Acct/Id/IBAN", f"RltdPties/{other}Acct/Id/Othr/Id")
    return StatementLine(
        booked_on=booked_on,
        amount_minor=minor,
        number=_reference(_text(part, "Refs/EndToEndId")) or _reference(_text(part, "Refs/InstrId")),
        payer_account=line_of(_text(part, *accounts)),
        payer=line_of(_text(part, f"RltdPties/{other}/Nm", f"RltdPties/{other}/Pty/Nm")),
        text=text_of((*remittance, _text(part, "AddtlTxInf"), _text(entry, "AddtlNtryInf"))),
        is_reversal=_text(entry, "RvslInd") in ("true", "1"),
        batch=batch,
    )


def _reference(text: str | None) -> str | None:
    reference = line_of(text, 255)
    return None if reference is None or reference.upper() in _NONE else reference


def _day(text: str | None) -> date | None:
    match = _DAY.match(text or "")
    try:
        return date.fromisoformat(match[0]) if match else None
    except ValueError:
        return None
