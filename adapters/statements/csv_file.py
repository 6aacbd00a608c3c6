"""A bank's CSV file, by a mapping of its columns; separator and encoding are found out."""

from collections.abc import Iterator
from itertools import pairwise

from adapters.bank_files.csv_table import Cells, Table, cell_of, rows_in, says_total, table_in
from adapters.bank_files.decoding import decoded
from adapters.statements.cells import line_of, minor_of
from billing.errors import InvalidInput
from billing.money import currency_code, minor_digits
from billing.statements.mapping import EXAMPLE, CsvMapping
from billing.statements.statement import FileFormat, Statement, StatementLine, check_count

_GROUP = 3  # digits of thousands
_SPACES = str.maketrans("", "", " \u00a0\u202f\u2009'")


def read_csv(content: bytes, currency: str, mapping: CsvMapping) -> Statement:
    """Raises ``InvalidInput``, with the line."""
    try:
        text = decoded(content, ("cp1251", "cp866", "cp1252"), lambda text: table_in(text, mapping.columns) is not None)
    except InvalidInput:
        missing = ", ".join(mapping.columns)
        raise InvalidInput(f"no row of the file names the columns {missing}; map others with {EXAMPLE}") from None
    table = table_in(text, mapping.columns)
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


def _rows(text: str, table: Table, mapping: CsvMapping) -> Iterator[tuple[int, Cells]]:
    """The rows that have a day and an amount, with their lines in the file. Others are totals, or empty, or refused."""
    rows = rows_in(text, table, mapping.columns, lambda row: _is_total(row, mapping))
    for count, (number, row, fault) in enumerate(rows, start=1):
        check_count(count)
        if wrong := fault or _lacks(row, mapping):
            raise InvalidInput(f"line {number} {wrong}")
        yield number, row


def _is_total(row: Cells, mapping: CsvMapping) -> bool:
    """Without a day it is empty, or adds others up in so many words."""
    if cell_of(row, mapping.date):
        return False
    return not _has_amount(row, mapping) or says_total(row)


def _has_amount(row: Cells, mapping: CsvMapping) -> bool:
    return any(cell_of(row, column) for column in (mapping.amount, mapping.incoming, mapping.outgoing))


def _lacks(row: Cells, mapping: CsvMapping) -> str:
    if cell_of(row, mapping.date) and _has_amount(row, mapping):
        return ""
    lacks = "amount" if cell_of(row, mapping.date) else "day"
    return f"has no {lacks}; each row needs both: map other columns, or fill it in"


def _line(row: Cells, number: int, currency: str, mapping: CsvMapping) -> StatementLine:
    try:
        return StatementLine(
            booked_on=mapping.day(cell_of(row, mapping.date)),
            amount_minor=_amount(row, currency, mapping),
            bank_reference=line_of(cell_of(row, mapping.reference), 255),
            number=line_of(cell_of(row, mapping.number), 255),
            payer_account=line_of(cell_of(row, mapping.payer_account)),
            payer=line_of(cell_of(row, mapping.payer)),
            text=cell_of(row, mapping.text),
        )
    except InvalidInput as error:
        raise InvalidInput(f"line {number}: {error}") from None


def _amount(row: Cells, currency: str, mapping: CsvMapping) -> int:
    """A negative amount among the incoming ones is one that the bank took back."""
    if mapping.amount is None:
        both = (mapping.incoming, mapping.outgoing)
        came, went = (_minor(cell_of(row, column), currency, mapping) for column in both)
        if came and went:
            raise InvalidInput("money came and went in one row")
        return came - abs(went)
    minor = _minor(cell_of(row, mapping.amount), currency, mapping)
    if mapping.sign is None or not minor:
        return minor
    is_out = mapping.is_out(cell_of(row, mapping.sign))
    if minor < 0 and not is_out:
        raise InvalidInput(f"{cell_of(row, mapping.amount)[:40]!r} went out by its sign, and came by its word")
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
    rows: list[tuple[int, Cells]], lines: tuple[StatementLine, ...], currency: str, mapping: CsvMapping
) -> tuple[int | None, int | None]:
    """The balances before and after, if each row has one: they have to follow each other, in either order."""
    if mapping.balance is None or not lines:
        return None, None
    after = [_minor(cell_of(row, mapping.balance), currency, mapping) for _, row in rows]
    pairs = list(zip(after, lines, strict=True))
    if all(this == before + line.amount_minor for (before, _), (this, line) in pairwise(pairs)):
        return after[0] - lines[0].amount_minor, after[-1]
    if all(this == older + line.amount_minor for (this, line), (older, _) in pairwise(pairs)):
        return after[-1] - lines[-1].amount_minor, after[0]
    raise InvalidInput(
        "the balances of the rows do not follow each other: lines are missing, or their order is mixed up"
    )


def _names(rows: list[tuple[int, Cells]], column: str | None) -> set[str]:
    return {name for _, row in rows if (name := cell_of(row, column))}
