"""A bank's CSV file, by a mapping of its columns; separator and encoding are found out."""

import csv
import re
from collections.abc import Iterator
from io import StringIO
from itertools import pairwise
from typing import NamedTuple

from adapters.statements.cells import line_of, minor_of
from adapters.statements.decoding import decoded
from billing.cells import unguarded
from billing.errors import InvalidInput
from billing.money import currency_code, minor_digits
from billing.statements.mapping import EXAMPLE, CsvMapping
from billing.statements.statement import FileFormat, Statement, StatementLine, check_count

_SEPARATORS = (";", ",", "\t", "|")
_GROUP = 3  # digits of thousands
_HEAD_LINES = 30  # of which one names the columns
_SPACES = str.maketrans("", "", " \u00a0\u202f\u2009'")
_TOTAL = re.compile(r"(итого|всего|обороты|жиыны|барлығы|total|totals|sum|summe|gesamt)\b", re.IGNORECASE)
Row = dict[str, str]


class _Table(NamedTuple):
    line: int  # of the header
    separator: str


def read_csv(content: bytes, currency: str, mapping: CsvMapping) -> Statement:
    """Raises ``InvalidInput``, with the line."""
    try:
        text = decoded(content, ("cp1251", "cp866", "cp1252"), lambda text: _table(text, mapping) is not None)
    except InvalidInput:
        missing = ", ".join(mapping.columns)
        raise InvalidInput(f"no row of the file names the columns {missing}; map others with {EXAMPLE}") from None
    table = _table(text, mapping)
    assert table is not None
    rows = list(_rows(text, table, mapping))
    lines = tuple(_line(row, number, currency, mapping) for number, row in rows)
    opening, closing = _balances(rows, lines, currency, mapping)
    accounts, currencies = _names(rows, mapping.account), _names(rows, mapping.currency)
    days = [line.booked_on for line in lines]
    if len(accounts) > 1 or len(currencies) > 1:
        raise InvalidInput("the file has several accounts or currencies; export each by itself")
    return Statement(
        file_format=FileFormat.CSV,
        account=line_of(accounts.pop()) if accounts else None,
        currency=currency_code(currencies.pop()) if currencies else None,
        since=min(days, default=None),
        until=max(days, default=None),
        opening_minor=opening,
        closing_minor=closing,
        lines=lines,
    )


def _table(text: str, mapping: CsvMapping) -> _Table | None:
    """Where the columns are named, and what separates them."""
    wanted = set(mapping.columns)
    for place, line in enumerate(text.removeprefix("\ufeff").splitlines()[:_HEAD_LINES]):
        for separator in _SEPARATORS:
            if wanted <= {cell.strip().casefold() for cell in _cells(line, separator)}:
                return _Table(place, separator)
    return None


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return []


def _rows(text: str, table: _Table, mapping: CsvMapping) -> Iterator[tuple[int, Row]]:
    """The rows that have a day and an amount, with their lines in the file. Others are totals, or empty, or refused."""
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)[table.line :]
    reader = csv.reader(StringIO("".join(lines)), delimiter=table.separator, strict=True)
    try:
        names = _columns(next(reader), mapping)
        for count, cells in enumerate(reader, start=1):
            row = {name: unguarded(cell.strip()) for name, cell in zip(names, cells, strict=False)}
            number = table.line + reader.line_num
            check_count(count)
            if not _is_total(row, mapping):
                _check_row(row, cells, len(names), number, mapping)
                yield number, row
    except csv.Error as error:
        raise InvalidInput(f"the file is cut off or damaged ({error}); export it again") from None


def _columns(cells: list[str], mapping: CsvMapping) -> list[str]:
    names = [name.strip().casefold() for name in cells]
    if twice := [name for name in mapping.columns if names.count(name) > 1]:
        raise InvalidInput(f"the file has several columns {twice[0]!r}; name each otherwise, and map the right one")
    return names


def _is_total(row: Row, mapping: CsvMapping) -> bool:
    """Without a day it is empty, or adds others up in so many words."""
    if _cell(row, mapping.date):
        return False
    return not _has_amount(row, mapping) or any(_TOTAL.match(cell) for cell in row.values())


def _has_amount(row: Row, mapping: CsvMapping) -> bool:
    return any(_cell(row, column) for column in (mapping.amount, mapping.incoming, mapping.outgoing))


def _check_row(row: Row, cells: list[str], width: int, number: int, mapping: CsvMapping) -> None:
    if len(cells) < width:
        raise InvalidInput(f"line {number} has fewer cells than the header: the file is cut off or damaged")
    if any(cell.strip() for cell in cells[width:]):
        raise InvalidInput(f"line {number} has more cells than the header: a text in it has an unquoted separator")
    if not _cell(row, mapping.date) or not _has_amount(row, mapping):
        lacks = "amount" if _cell(row, mapping.date) else "day"
        raise InvalidInput(f"line {number} has no {lacks}; each row needs both: map other columns, or fill it in")


def _line(row: Row, number: int, currency: str, mapping: CsvMapping) -> StatementLine:
    try:
        return StatementLine(
            booked_on=mapping.day(_cell(row, mapping.date)),
            amount_minor=_amount(row, currency, mapping),
            bank_reference=line_of(_cell(row, mapping.reference), 255),
            number=line_of(_cell(row, mapping.number), 255),
            payer_account=line_of(_cell(row, mapping.payer_account)),
            payer=line_of(_cell(row, mapping.payer)),
            text=_cell(row, mapping.text),
        )
    except InvalidInput as error:
        raise InvalidInput(f"line {number}: {error}") from None


def _cell(row: Row, column: str | None) -> str:
    return row.get(column.strip().casefold(), "") if column else ""


def _amount(row: Row, currency: str, mapping: CsvMapping) -> int:
    """A negative amount among the incoming ones is one that the bank took back."""
    if mapping.amount is None:
        came, went = (_minor(_cell(row, column), currency, mapping) for column in (mapping.incoming, mapping.outgoing))
        if came and went:
            raise InvalidInput("money came and went in one row")
        return came - abs(went)
    minor = _minor(_cell(row, mapping.amount), currency, mapping)
    if mapping.sign is None or not minor:
        return minor
    is_out = mapping.is_out(_cell(row, mapping.sign))
    if minor < 0 and not is_out:
        raise InvalidInput(f"{_cell(row, mapping.amount)[:40]!r} went out by its sign, and came by its word")
    return -abs(minor) if is_out else minor


def _minor(cell: str, currency: str, mapping: CsvMapping) -> int:
    """An amount with the mapping's decimal sign; the other sign separates thousands, as spaces do. Nothing is 0.

    Raises ``InvalidInput`` also for what may be meant otherwise: more decimals than the currency has.
    """
    other = "," if mapping.decimal == "." else "."
    plain = cell.translate(_SPACES)
    whole, _, fraction = plain.partition(mapping.decimal)
    first, *groups = whole.lstrip("+-").split(other)
    digits = minor_digits(currency)
    is_odd = other in fraction or len(fraction) > digits or any(len(group) != _GROUP for group in groups)
    is_odd = is_odd or (bool(groups) and (len(first) > _GROUP or (digits == _GROUP and not fraction)))
    if is_odd:
        raise InvalidInput(
            f"{cell[:40]!r} is no amount with {mapping.decimal!r} before its decimals; see --map decimal="
        )
    text = f"{whole.replace(other, '')}.{fraction}" if fraction else whole.replace(other, "")
    return minor_of(text, currency) if text else 0


def _balances(
    rows: list[tuple[int, Row]], lines: tuple[StatementLine, ...], currency: str, mapping: CsvMapping
) -> tuple[int | None, int | None]:
    """The balances before and after, if each row has one: they have to follow each other, in either order."""
    if mapping.balance is None or not lines:
        return None, None
    after = [_minor(_cell(row, mapping.balance), currency, mapping) for _, row in rows]
    pairs = list(zip(after, lines, strict=True))
    if all(this == before + line.amount_minor for (before, _), (this, line) in pairwise(pairs)):
        return after[0] - lines[0].amount_minor, after[-1]
    if all(this == older + line.amount_minor for (this, line), (older, _) in pairwise(pairs)):
        return after[-1] - lines[-1].amount_minor, after[0]
    raise InvalidInput(
        "the balances of the rows do not follow each other: lines are missing, or their order is mixed up"
    )


def _names(rows: list[tuple[int, Row]], column: str | None) -> set[str]:
    return {name for _, row in rows if (name := _cell(row, column))}
