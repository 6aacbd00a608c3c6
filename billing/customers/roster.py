"""The roster: customers in CSV files. Each row read becomes a customer or a problem with its line number.

A customer has a card's ids at the processor, or ``pay_by`` is ``bill``; a newcomer has a card ``token`` of an old form
to exchange for them, or no card yet.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Annotated, TypeVar

from pydantic import StringConstraints, ValidationError

from billing.cells import Writer, folded
from billing.csv_rows import reader_of, rows_of
from billing.customers.account_numbers import checked_number
from billing.customers.customer import Customer, Email, Party, ReviewMode, Terms
from billing.customers.ports import RosterRow
from billing.customers.row_owners import Owners
from billing.errors import InvalidInput
from billing.model import Count, Model, Words
from billing.money import currency_code, parse_amount
from billing.payments.methods import BillPayer, CardOnFile
from billing.validation import explain

_PARTY = ("customer_id", "email", "name", "currency", "timezone")
_CARD = ("stripe_customer_id", "payment_method_id")
REQUIRED = (*_PARTY, *_CARD)
PAY_BY = "pay_by"
"""``card`` or ``bill``; in a file with this column, those of emails and cards are optional."""
OPTIONAL = ("review_mode", "terms", "phone", PAY_BY)
TERMS = ("approve_when", "unusual_change_percent", "unusual_above", "bill_by")
"""Also optional: such as ``first+changed+edited``, ``30``, ``500.00`` (in the row's currency), and ``mail+sms``."""
NUMBERS = "account_number"
"""Also optional: the number that the customer types in a bank's app; several with a semicolon between them."""
TOKEN = "token"
_COLUMNS = (*REQUIRED, TOKEN, *OPTIONAL, NUMBERS, *TERMS)
_SIMILAR = 0.75
_NO_CARD = (
    "the row has no card: write stripe_customer_id and payment_method_id, or pay_by bill; customers import also finds "
    "cards at Stripe, and invites by mail whoever has none"
)

Token = Annotated[str, StringConstraints(pattern=r"^(tok_\w+)?$", max_length=255)]


class Newcomer(Party):
    """A customer with a single-use card token instead of a card on file; without one (""), a card is to be found."""

    email: Email
    token: Token = ""
    terms: Terms = Terms()


class _Listed(Party):
    """A row of the roster: of who pays by bill, unless it has a card."""

    terms: Terms = Terms()

    def customer(self) -> Customer:
        """Raises ``pydantic.ValidationError`` if they could not be told about their bills."""
        return Customer(**dict(self), payment_method=BillPayer())


class _WithCard(_Listed):
    email: Email
    stripe_customer_id: Annotated[str, StringConstraints(pattern=r"^cus_\w+$", max_length=255)]
    payment_method_id: Annotated[str, StringConstraints(pattern=r"^(pm|card|src)_\w+$", max_length=255)]

    def customer(self) -> Customer:
        card = CardOnFile(payer_id=self.stripe_customer_id, card_id=self.payment_method_id)
        return Customer(**dict(self), payment_method=card)


ReadPhone = Callable[[str], str]
_KINDS: dict[str, type[_Listed]] = {"": _WithCard, "card": _WithCard, "bill": _Listed}
_L = TypeVar("_L", Customer, Customer | Newcomer)


class RowProblem(Model):
    """A row that cannot be read: its line in the file (the header is line 1) and the reason."""

    line: Count
    customer_id: Words
    reason: Words


def parse_roster(text: str, read_phone: ReadPhone = str) -> tuple[dict[int, Customer], list[RowProblem]]:
    """The customers of a CSV file with a header row, by line, and the rows that cannot be read.

    ``read_phone`` answers a phone number in E.164, or raises ``InvalidInput``.
    Raises ``InvalidInput`` if the header is unreadable, lacks a column, or has a column with almost a known name.
    """
    required = tuple(name for name in _PARTY if name != "email") if PAY_BY in _header(text) else REQUIRED
    return _parsed(_customer, text, required, read_phone)


def parse_import(
    text: str, read_phone: ReadPhone = str, cards_elsewhere: bool = False
) -> tuple[dict[int, Customer | Newcomer], list[RowProblem]]:
    """Like ``parse_roster``, but a row with a token, or without a card, is a newcomer.

    A column ``token`` replaces the card's two; with ``cards_elsewhere`` the file needs none of the three.
    """
    party = tuple(name for name in _PARTY if name != "email") if PAY_BY in _header(text) else _PARTY
    needed = (TOKEN,) if has_tokens(text) else _CARD if party is _PARTY else ()
    return _parsed(_imported, text, party if cards_elsewhere else (*party, *needed), read_phone)


def numbers_in(text: str, read_phone: ReadPhone = str) -> dict[int, tuple[str, ...]]:
    """The account numbers of a parsed file, by the line of their customer, as far as that can be read."""
    customers, _ = _parsed(_imported, text, (), read_phone)
    numbers = {line: _numbers(row) for line, row, _ in rows_of(_reader(text, ())) if line in customers}
    return {line: own for line, own in numbers.items() if own}


def _parsed(
    read: Callable[[dict[str, str]], _L], text: str, required: tuple[str, ...], read_phone: ReadPhone
) -> tuple[dict[int, _L], list[RowProblem]]:
    customers: dict[int, _L] = {}
    problems = []
    owners = Owners()
    for line, row, fault in rows_of(_reader(text, required)):
        try:
            if fault:
                raise InvalidInput(fault)
            customer = read(row | {"phone": read_phone(row["phone"])} if row.get("phone") else row)
            owners.take(line, customer, row.get(TOKEN, ""), _numbers(row))
        except InvalidInput as error:
            problems.append(RowProblem(line=line, customer_id=row.get("customer_id", ""), reason=str(error)))
        else:
            customers[line] = customer
    return customers, problems


def ignored_columns(text: str) -> tuple[str, ...]:
    """The columns of a parsed file that are not read, as spelled there."""
    header: list[str] = next(csv.reader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True))
    ignored = [name.strip() for name in header if name.strip().lower() not in _COLUMNS]
    unnamed = () if all(ignored) else ("those without a name",)
    return (*filter(None, ignored), *unnamed)


def has_tokens(text: str) -> bool:
    """Whether the file's header has a column ``token``: then it lists newcomers."""
    return TOKEN in _header(text)


def _header(text: str) -> list[str]:
    first = next(iter(text.removeprefix("\ufeff").splitlines()), "")
    return [cell.strip().strip('"').lower() for cell in first.split(",")]


def write_roster(customers: Iterable[Customer], header: bool = True) -> str:
    """A CSV file that ``parse_roster`` reads back, safe to open in a spreadsheet. Without ``header``: rows only."""
    file = io.StringIO(newline="")
    writer = Writer(file, "\r\n")
    if header:
        writer.row((*REQUIRED, *OPTIONAL, NUMBERS))
    for customer in customers:
        terms = customer.terms.model_dump(mode="json", exclude={"review_mode"}, exclude_defaults=True)
        cells = [getattr(customer, name) or "" for name in _PARTY]
        cells += [customer.card.payer_id, customer.card.card_id] if customer.card else ["", ""]
        cells += [customer.terms.review_mode, json.dumps(terms) if terms else ""]
        cells += [customer.phone or "", customer.payment_method.kind]
        cells.append(";".join(customer.account_numbers if isinstance(customer, RosterRow) else ()))
        writer.row(cells)
    return file.getvalue()


def _reader(text: str, required: tuple[str, ...]) -> "csv.DictReader[str]":
    reader = reader_of(text, required)
    _check_ignored(list(reader.fieldnames or ()))
    return reader


def _check_ignored(columns: Sequence[str]) -> None:
    """Raises ``InvalidInput`` for an ignored column whose name is probably a misspelled one."""
    if TOKEN in columns and not set(columns).isdisjoint(_CARD):
        raise InvalidInput("the first row names cards and tokens; use a file for each")
    by_words = {folded(name): name for name in _COLUMNS}
    absent = [folded(name) for name in (*OPTIONAL, NUMBERS, *TERMS) if name not in columns]
    for column in columns:
        words = folded(column)
        if column in _COLUMNS:
            continue
        if words.replace(" ", "_") in Terms.model_fields and words not in by_words:
            raise InvalidInput(f"{column!r} is not a column; write it in 'terms', as JSON")
        alike = [words] if words in by_words else [name for name in absent if words in name.split()]
        if similar := alike or get_close_matches(words, absent, n=1, cutoff=_SIMILAR):
            raise InvalidInput(f"{column!r} is almost {by_words[similar[0]]!r}; correct it, or rename the column")


def _customer(row: dict[str, str]) -> Customer:
    pay_by, has_card = _pays_by(row), any(row.get(name) for name in _CARD)
    if pay_by == "bill" and has_card:
        raise InvalidInput(f"{PAY_BY} is bill, but the row has a card; remove one of the two")
    if pay_by != "bill" and row.get("email") and not has_card:
        raise InvalidInput(_NO_CARD)
    with _explained():
        return _KINDS[pay_by].model_validate(_fields(row)).customer()


def _imported(row: dict[str, str]) -> Customer | Newcomer:
    if _pays_by(row) == "bill" or any(row.get(name) for name in _CARD):
        return _customer(row)
    with _explained():
        return Newcomer.model_validate(_fields(row))


def _pays_by(row: dict[str, str]) -> str:
    pay_by = row.get(PAY_BY, "").strip().lower()
    if pay_by not in _KINDS:
        raise InvalidInput(f"{PAY_BY}: write card or bill, not {pay_by[:40]!r}")
    return pay_by


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None


def _fields(row: dict[str, str]) -> dict[str, object]:
    filled = {name: cell for name, cell in row.items() if cell}
    if not filled:
        raise InvalidInput("the row is empty")
    return {**filled, "terms": Terms.model_validate(_terms(filled))}


def _numbers(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(checked_number(number) for number in row.get(NUMBERS, "").split(";") if number.strip())


def _terms(row: dict[str, str]) -> dict[str, object]:
    terms = _json_object(row.get("terms", "{}")) | {"review_mode": row.get("review_mode", ReviewMode.MONITOR)}
    if "approve_when" in row:
        terms["approve_when"] = triggers(row["approve_when"])
    if "bill_by" in row:
        terms["bill_by"] = channels(row["bill_by"])
    if "unusual_change_percent" in row:
        terms["unusual_change_percent"] = row["unusual_change_percent"]
    if "unusual_above" in row:
        terms["unusual_above_minor"] = parse_amount(row["unusual_above"], currency_code(row.get("currency", "")))
    return terms


def triggers(text: str) -> tuple[str, ...]:
    """The flags that require an approval, unchecked: ``first+changed``, or ``none``."""
    names = (name.strip().lower() for name in text.split("+"))
    return () if text.strip().lower() in ("", "none") else tuple(names)


def channels(text: str) -> tuple[str, ...]:
    """The channels of bills, unchecked: ``mail+sms``."""
    return tuple(name.strip().lower() for name in text.split("+"))


def _json_object(text: str) -> dict[str, object]:
    try:
        terms = json.loads(text)
    except (ValueError, RecursionError):
        terms = None
    unknown = sorted(terms.keys() - Terms.model_fields.keys()) if isinstance(terms, dict) else ["an object"]
    if not isinstance(terms, dict) or unknown:
        raise InvalidInput(f'terms is JSON such as {{"min_notice_hours": 96}}; not known: {", ".join(unknown)}')
    return terms
