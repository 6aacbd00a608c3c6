"""Registers in CSV files: columns by a mapping; commas, semicolons or tabs between them."""

from collections.abc import Iterator

from adapters.registers.lines import RawLine, Unreadable
from billing.csv_rows import reader_of, rows_of
from billing.errors import InvalidInput
from billing.registers.mapping import RegisterMapping

_DELIMITERS = ",;\t"


def csv_lines(text: str, mapping: RegisterMapping) -> Iterator[tuple[int, RawLine | Unreadable]]:
    """The rows below the header. Raises ``InvalidInput`` if the header lacks a column of the mapping."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=header.count)
    try:
        reader = reader_of(text, mapping.columns, delimiter)
    except InvalidInput as error:
        raise InvalidInput(f"{error}; or map its columns: --map reference=… --map account=… --map amount=…") from None
    words = {word.casefold() for word in mapping.reversal_words}
    for number, cells, fault in rows_of(reader):
        if fault:
            yield number, Unreadable(fault)
        elif any(cells.values()):
            yield number, _raw(cells, mapping, words)


def _raw(cells: dict[str, str], mapping: RegisterMapping, words: set[str]) -> RawLine:
    def cell(column: str) -> str:
        return cells.get(column.strip().lower(), "") if column else ""

    return RawLine(
        reference=cell(mapping.reference),
        account=cell(mapping.account),
        amount=cell(mapping.amount),
        paid_at=f"{cell(mapping.paid_at)} {cell(mapping.time)}".strip(),
        original=cell(mapping.original),
        currency=cell(mapping.currency),
        is_reversal=cell(mapping.kind).casefold() in words,
        decimal=mapping.decimal,
    )
