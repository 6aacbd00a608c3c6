"""Registers in CSV files: columns by a mapping."""

from collections.abc import Iterator

from adapters.bank_files.csv_table import Cells, cell_of, rows_in, says_total, table_in
from adapters.registers.lines import RawLine, Unreadable
from billing.errors import InvalidInput
from billing.registers.mapping import RegisterMapping


def csv_lines(text: str, mapping: RegisterMapping) -> Iterator[tuple[int, RawLine | Unreadable]]:
    """The rows below the header, without totals. Raises ``InvalidInput`` if no row names the mapping's columns."""
    table = table_in(text, mapping.columns)
    if table is None:
        header = next((line for line in text.splitlines() if line.strip()), "").casefold()
        missing = [name for name in mapping.columns if name not in header] or list(mapping.columns)
        raise InvalidInput(
            f"its first row lacks {', '.join(missing)}; it must name {', '.join(mapping.columns)}; or map its columns: "
            "--map reference=… --map account=… --map amount=…"
        )
    for number, cells, fault in rows_in(text, table, mapping.columns, lambda row: _is_left_out(row, mapping)):
        yield number, Unreadable(f"it {fault}") if fault else _raw(cells, mapping)


def _is_left_out(row: Cells, mapping: RegisterMapping) -> bool:
    """Without the number of a payment it is empty, or adds others up in so many words."""
    return not any(row.values()) or (not cell_of(row, mapping.reference).isdigit() and says_total(row))


def _raw(cells: Cells, mapping: RegisterMapping) -> RawLine | Unreadable:
    amount, kind = cell_of(cells, mapping.amount), cell_of(cells, mapping.kind)
    is_reversal = mapping.is_reversal(kind)
    if is_reversal is None:
        return Unreadable(
            f"{kind[:40]!r} does not say whether it was paid or taken back; name the words: --map reversal_words= and "
            "payment_words="
        )
    if kind and not is_reversal and amount.startswith("-"):
        return Unreadable(f"it was taken back by its amount, and paid by its word {kind[:40]!r}")
    return RawLine(
        reference=cell_of(cells, mapping.reference),
        account=cell_of(cells, mapping.account),
        amount=amount,
        paid_at=f"{cell_of(cells, mapping.paid_at)} {cell_of(cells, mapping.time)}".strip(),
        original=cell_of(cells, mapping.original),
        currency=cell_of(cells, mapping.currency),
        is_reversal=is_reversal,
        decimal=mapping.decimal,
    )
