"""Customers in CSV files: read, every row becoming one or a problem with its line, none dropped; and written.

A customer has the ids of a card at the processor; a newcomer, from an old form, has a ``token`` that becomes one.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Annotated, TypeVar

from pydantic import StringConstraints, ValidationError

from billing.cells import Writer, folded, unguarded
from billing.customers.address import email_key
from billing.customers.customer import Customer, Party, ReviewMode, Terms
from billing.errors import InvalidInput
from billing.model import Count, Model, Words
from billing.money import currency_code, parse_amount
from billing.payments.methods import CardOnFile
from billing.validation import explain

_WHO = ("customer_id", "email", "name", "currency", "timezone")
REQUIRED = (*_WHO, "stripe_customer_id", "payment_method_id")
OPTIONAL = ("review_mode", "terms")
TERMS = ("approve_when", "unusual_change_percent", "unusual_above")
"""Also optional: such as ``first+changed+edited``, ``30`` and ``500.00`` (in the row's currency)."""
TOKEN = "token"
_CARD = ("stripe_customer_id", "payment_method_id")
_COLUMNS = (*REQUIRED, TOKEN, *OPTIONAL, *TERMS)
_SIMILAR = 0.75

Token = Annotated[str, StringConstraints(pattern=r"^tok_\w+$", max_length=255)]


class Newcomer(Party):
    """A customer whose card is a token that may be used once."""

    token: Token
    terms: Terms = Terms()


class _WithCard(Party):
    """A customer whose card is on file at Stripe."""

    stripe_customer_id: Annotated[str, StringConstraints(pattern=r"^cus_\w+$", max_length=255)]
    payment_method_id: Annotated[str, StringConstraints(pattern=r"^(pm|card|src)_\w+$", max_length=255)]
    terms: Terms = Terms()

    def customer(self) -> Customer:
        card = CardOnFile(payer_id=self.stripe_customer_id, card_id=self.payment_method_id)
        return Customer(**dict(self), payment_method=card)


_L = TypeVar("_L", _WithCard, Newcomer)


class RowProblem(Model):
    """A row that cannot be taken: its line in the file (the header is line 1) and why."""

    line: Count
    customer_id: Words
    reason: Words


def parse_roster(text: str) -> tuple[dict[int, Customer], list[RowProblem]]:
    """The customers of a CSV file with a header row, by line, and the rows that cannot be taken.

    Raises ``InvalidInput`` if the header cannot be read, lacks a column, or has one that is almost another.
    """
    listed, problems = _parsed(_WithCard, text, REQUIRED)
    return {line: row.customer() for line, row in listed.items()}, problems


def parse_newcomers(text: str) -> tuple[dict[int, Newcomer], list[RowProblem]]:
    """The same for a file with a column ``token`` instead of the two of a card."""
    return _parsed(Newcomer, text, (*_WHO, TOKEN))


def _parsed(kind: type[_L], text: str, required: tuple[str, ...]) -> tuple[dict[int, _L], list[RowProblem]]:
    listed: dict[int, _L] = {}
    problems = []
    others = _Others()
    for line, row, trouble in _rows(_reader(text, required)):
        try:
            customer = _listed(kind, row, _fields(row, trouble, (*required, *OPTIONAL)))
            others.take(line, customer)
        except InvalidInput as error:
            problems.append(RowProblem(line=line, customer_id=row.get("customer_id", ""), reason=str(error)))
        else:
            listed[line] = customer
    return listed, problems


def ignored_columns(text: str) -> tuple[str, ...]:
    """The columns of a file that has been parsed which are not read, as they are written."""
    header: list[str] = next(csv.reader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True))
    others = [name.strip() for name in header if name.strip().lower() not in _COLUMNS]
    unnamed = () if all(others) else ("those without a name",)
    return (*filter(None, others), *unnamed)


def has_tokens(text: str) -> bool:
    """Whether the file is one of newcomers, by its first row."""
    first = next(iter(text.removeprefix("\ufeff").splitlines()), "")
    return TOKEN in (cell.strip().strip('"').lower() for cell in first.split(","))


def write_roster(customers: Iterable[Customer], header: bool = True) -> str:
    """A CSV file that ``parse_roster`` reads as the same customers, and that a spreadsheet calculates nothing of.

    Without ``header``, rows to append to it.
    """
    file = io.StringIO(newline="")
    writer = Writer(file, "\r\n")
    if header:
        writer.row((*REQUIRED, *OPTIONAL))
    for customer in customers:
        terms = customer.terms.model_dump(mode="json", exclude={"review_mode"}, exclude_defaults=True)
        cells = [str(getattr(customer, name)) for name in _WHO]
        cells += [customer.payment_method.payer_id, customer.payment_method.card_id]
        cells += [customer.terms.review_mode, json.dumps(terms) if terms else ""]
        writer.row(cells)
    return file.getvalue()


def _reader(text: str, required: tuple[str, ...]) -> "csv.DictReader[str]":
    """Raises ``InvalidInput`` if the header cannot be read, lacks a column, or has one that is almost another."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True, strict=True)
    try:
        columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
    except csv.Error as error:
        raise InvalidInput(f"the first row is not CSV ({error}); it must name {', '.join(required)}") from None
    if not any(columns):
        raise InvalidInput(f"the first row is empty; it must name {', '.join(required)}")
    missing = [name for name in required if name not in columns]
    if missing:
        raise InvalidInput(f"the first row lacks {', '.join(missing)}; it must name {', '.join(required)}")
    repeated = sorted({name for name in columns if name and columns.count(name) > 1})
    if repeated:
        raise InvalidInput(f"the first row has more than one column {', '.join(repeated)}; rename the others")
    _check_others(columns)
    reader.fieldnames = columns
    return reader


def _check_others(columns: Sequence[str]) -> None:
    """Raises ``InvalidInput`` for a column that is not read and may be meant for one that is."""
    if TOKEN in columns and not set(columns).isdisjoint(_CARD):
        raise InvalidInput("the first row names cards and tokens; make a file of each")
    by_words = {folded(name): name for name in _COLUMNS}
    absent = [folded(name) for name in (*OPTIONAL, *TERMS) if name not in columns]
    for column in columns:
        words = folded(column)
        if column in _COLUMNS:
            continue
        if words.replace(" ", "_") in Terms.model_fields and words not in by_words:
            raise InvalidInput(f"{column!r} is no column; write it in 'terms', as JSON")
        alike = [words] if words in by_words else [each for each in absent if words in each.split()]
        if meant := alike or get_close_matches(words, absent, n=1, cutoff=_SIMILAR):
            raise InvalidInput(f"{column!r} is almost {by_words[meant[0]]!r}; correct it, or rename the column")


def _rows(reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str], str]]:
    """Line, cells by column, and what is wrong with the row as such. A quotation mark left open takes rows with it."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reader.line_num = reader.reader.line_num
            yield line, {}, f"not CSV ({error}); nothing was read from here to line {reader.line_num}"
        else:
            cells = {str(name): unguarded(value.strip()) for name, value in row.items() if isinstance(value, str)}
            yield reader.line_num, cells, "more cells than columns" if None in row else ""


def _listed(kind: type[_L], row: dict[str, str], fields: dict[str, str]) -> _L:
    try:
        terms = _agreed(row, fields)
        return kind.model_validate({**fields, "terms": terms})
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None


def _agreed(row: dict[str, str], fields: dict[str, str]) -> Terms:
    """The terms in a row; takes theirs out of its ``fields``."""
    terms = _terms(fields.pop("terms", "{}")) | {"review_mode": fields.pop("review_mode", ReviewMode.MONITOR)}
    given = {name: row[name] for name in TERMS if row.get(name)}
    if "approve_when" in given:
        terms["approve_when"] = triggers(given["approve_when"])
    if "unusual_change_percent" in given:
        terms["unusual_change_percent"] = given["unusual_change_percent"]
    if "unusual_above" in given:
        terms["unusual_above_minor"] = parse_amount(given["unusual_above"], currency_code(row["currency"]))
    return Terms.model_validate(terms)


def triggers(text: str) -> tuple[str, ...]:
    """What demands an approval: ``first+changed``; ``none`` for nothing. Whether such flags exist is checked later."""
    names = (name.strip().lower() for name in text.split("+"))
    return () if text.strip().lower() in ("", "none") else tuple(names)


def _fields(row: dict[str, str], trouble: str, names: tuple[str, ...]) -> dict[str, str]:
    """The cells with these names that are not empty."""
    if trouble:
        raise InvalidInput(trouble)
    if not any(row.values()):
        raise InvalidInput("the row is empty")
    return {name: row[name] for name in names if row.get(name)}


def _terms(text: str) -> dict[str, object]:
    try:
        terms = json.loads(text)
    except (ValueError, RecursionError):  # nested beyond all measure
        terms = None
    unknown = sorted(terms.keys() - Terms.model_fields.keys()) if isinstance(terms, dict) else ["an object"]
    if not isinstance(terms, dict) or unknown:
        raise InvalidInput(f'terms is JSON such as {{"min_notice_hours": 96}}; not known: {", ".join(unknown)}')
    return terms


class _Others:
    """Whose each id, email, card and customer at the processor of the rows so far is.

    They are started together, so that the ledger cannot know of one of them what is refused to another.
    """

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self._emails: dict[str, str] = {}
        self._cards: dict[str, str] = {}
        self._at_processor: dict[str, str] = {}

    def take(self, line: int, one: _WithCard | Newcomer) -> None:
        """Raises ``InvalidInput`` if something of it is another's; then it is not taken."""
        customer_id = one.customer_id
        card = one.token if isinstance(one, Newcomer) else one.payment_method_id
        if customer_id in self._lines:
            raise InvalidInput(f"{customer_id} stands in line {self._lines[customer_id]} already")
        if other := self._emails.get(email_key(one.email)):
            raise InvalidInput(f"its email is the one of {other}; sales rows could not be told apart")
        if other := self._cards.get(card):
            raise InvalidInput(f"its card is the one of {other}")
        if isinstance(one, _WithCard):
            payer_id = one.stripe_customer_id
            if other := self._at_processor.get(payer_id):
                raise InvalidInput(f"its Stripe customer is the one of {other}")
            self._at_processor[payer_id] = customer_id
        self._lines[customer_id] = line
        self._emails[email_key(one.email)] = self._cards[card] = customer_id
