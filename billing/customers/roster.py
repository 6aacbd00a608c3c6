"""The roster: customers in CSV files. Each row read becomes a customer or a problem with its line number.

A customer has a card's ids at the processor; a newcomer, from an old form, has a card ``token`` to exchange for them.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, TypeVar

from pydantic import StringConstraints, ValidationError

from billing.cells import Writer, folded
from billing.csv_rows import reader_of, rows_of
from billing.customers.account_numbers import AccountNumber, checked_number
from billing.customers.address import email_key
from billing.customers.customer import Customer, Party, ReviewMode, Terms
from billing.customers.ports import RosterRow
from billing.errors import InvalidInput
from billing.model import Count, Few, Model, Words
from billing.money import currency_code, parse_amount
from billing.payments.methods import CardOnFile
from billing.validation import explain

_PARTY = tuple(Party.model_fields)
_CARD = ("stripe_customer_id", "payment_method_id")
REQUIRED = (*_PARTY, *_CARD)
OPTIONAL = ("review_mode", "terms")
TERMS = ("approve_when", "unusual_change_percent", "unusual_above")
"""Also optional: such as ``first+changed+edited``, ``30`` and ``500.00`` (in the row's currency)."""
NUMBERS = "account_number"
"""Also optional: the number that the customer types in a bank's app; several with a semicolon between them."""
TOKEN = "token"
_COLUMNS = (*REQUIRED, TOKEN, *OPTIONAL, NUMBERS, *TERMS)
_SIMILAR = 0.75

Token = Annotated[str, StringConstraints(pattern=r"^tok_\w+$", max_length=255)]


class Newcomer(Party):
    """A customer with a single-use card token instead of a card on file."""

    token: Token
    terms: Terms = Terms()
    account_numbers: Few[AccountNumber] = ()


class _WithCard(Party):
    stripe_customer_id: Annotated[str, StringConstraints(pattern=r"^cus_\w+$", max_length=255)]
    payment_method_id: Annotated[str, StringConstraints(pattern=r"^(pm|card|src)_\w+$", max_length=255)]
    terms: Terms = Terms()
    account_numbers: Few[AccountNumber] = ()

    def customer(self) -> Customer:
        card = CardOnFile(payer_id=self.stripe_customer_id, card_id=self.payment_method_id)
        return Customer(**dict(self), payment_method=card)


_L = TypeVar("_L", _WithCard, Newcomer)


class RowProblem(Model):
    """A row that cannot be read: its line in the file (the header is line 1) and the reason."""

    line: Count
    customer_id: Words
    reason: Words


def parse_roster(text: str) -> tuple[dict[int, Customer], list[RowProblem]]:
    """The customers of a CSV file with a header row, by line, and the rows that cannot be read.

    Raises ``InvalidInput`` if the header is unreadable, lacks a column, or has a column with almost a known name.
    """
    rows, problems = _parsed(_WithCard, text, REQUIRED)
    return {line: row.customer() for line, row in rows.items()}, problems


def parse_newcomers(text: str) -> tuple[dict[int, Newcomer], list[RowProblem]]:
    """The newcomers of a CSV file whose column ``token`` replaces the card's two. Otherwise like ``parse_roster``."""
    return _parsed(Newcomer, text, (*_PARTY, TOKEN))


def numbers_in(text: str) -> dict[int, tuple[str, ...]]:
    """The account numbers of a parsed file, by the line of their customer, as far as that can be read."""
    if has_tokens(text):
        rows: Mapping[int, _WithCard | Newcomer] = parse_newcomers(text)[0]
    else:
        rows = _parsed(_WithCard, text, REQUIRED)[0]
    return {line: row.account_numbers for line, row in rows.items() if row.account_numbers}


def _parsed(kind: type[_L], text: str, required: tuple[str, ...]) -> tuple[dict[int, _L], list[RowProblem]]:
    customers: dict[int, _L] = {}
    problems = []
    owners = _Owners()
    for line, row, fault in rows_of(_reader(text, required)):
        try:
            if fault:
                raise InvalidInput(fault)
            customer = _customer(kind, row, required)
            owners.take(line, customer)
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
    first = next(iter(text.removeprefix("\ufeff").splitlines()), "")
    return TOKEN in (cell.strip().strip('"').lower() for cell in first.split(","))


def write_roster(customers: Iterable[Customer], header: bool = True) -> str:
    """A CSV file that ``parse_roster`` reads back, safe to open in a spreadsheet. Without ``header``: rows only."""
    file = io.StringIO(newline="")
    writer = Writer(file, "\r\n")
    if header:
        writer.row((*REQUIRED, *OPTIONAL, NUMBERS))
    for customer in customers:
        terms = customer.terms.model_dump(mode="json", exclude={"review_mode"}, exclude_defaults=True)
        cells = [str(getattr(customer, name)) for name in _PARTY]
        cells += [customer.payment_method.payer_id, customer.payment_method.card_id]
        cells += [customer.terms.review_mode, json.dumps(terms) if terms else ""]
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


def _customer(kind: type[_L], row: dict[str, str], required: tuple[str, ...]) -> _L:
    filled = {name: cell for name, cell in row.items() if cell}
    if not filled:
        raise InvalidInput("the row is empty")
    try:
        terms = Terms.model_validate(_terms(filled))
        numbers = [checked_number(number) for number in filled.get(NUMBERS, "").split(";") if number.strip()]
        known = {name: filled[name] for name in required if name in filled}
        return kind.model_validate({**known, "terms": terms, "account_numbers": numbers})
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None


def _terms(row: dict[str, str]) -> dict[str, object]:
    terms = _json_object(row.get("terms", "{}")) | {"review_mode": row.get("review_mode", ReviewMode.MONITOR)}
    if "approve_when" in row:
        terms["approve_when"] = triggers(row["approve_when"])
    if "unusual_change_percent" in row:
        terms["unusual_change_percent"] = row["unusual_change_percent"]
    if "unusual_above" in row:
        terms["unusual_above_minor"] = parse_amount(row["unusual_above"], currency_code(row.get("currency", "")))
    return terms


def triggers(text: str) -> tuple[str, ...]:
    """The flags that require an approval, unchecked: ``first+changed``, or ``none``."""
    names = (name.strip().lower() for name in text.split("+"))
    return () if text.strip().lower() in ("", "none") else tuple(names)


def _json_object(text: str) -> dict[str, object]:
    try:
        terms = json.loads(text)
    except (ValueError, RecursionError):
        terms = None
    unknown = sorted(terms.keys() - Terms.model_fields.keys()) if isinstance(terms, dict) else ["an object"]
    if not isinstance(terms, dict) or unknown:
        raise InvalidInput(f'terms is JSON such as {{"min_notice_hours": 96}}; not known: {", ".join(unknown)}')
    return terms


class _Owners:
    """The customers read so far: a file's are started together, so the ledger cannot find duplicates among them."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self._numbers: dict[str, str] = {}
        self._owners: dict[tuple[str, str], str] = {}

    def take(self, line: int, customer: _WithCard | Newcomer) -> None:
        """Raises ``InvalidInput``, taking nothing, for a duplicate."""
        customer_id = customer.customer_id
        if customer_id in self._lines:
            raise InvalidInput(f"{customer_id} is already in line {self._lines[customer_id]}")
        keys = {"email": email_key(customer.email)}
        if isinstance(customer, Newcomer):
            keys["card"] = customer.token
        else:
            keys |= {"card": customer.payment_method_id, "Stripe customer": customer.stripe_customer_id}
        for name, key in keys.items():
            if owner := self._owners.get((name, key)):
                ambiguous = "; sales rows could not be told apart" if name == "email" else ""
                raise InvalidInput(f"its {name} is also that of {owner}{ambiguous}")
        for number in customer.account_numbers:
            if owner := self._numbers.get(number):
                raise InvalidInput(f"its account number is also that of {owner}")
        self._lines[customer_id] = line
        self._numbers |= dict.fromkeys(customer.account_numbers, customer_id)
        self._owners |= dict.fromkeys(keys.items(), customer_id)
