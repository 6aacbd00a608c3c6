"""What the ledger had of a file's lines before: by other parts of the day, and by files that were read otherwise."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, select, tuple_

from adapters.sql.core.statement_schema import statement_files, statement_lines
from billing.statements.keys import KeyedLine, are_one, counted_on
from billing.statements.outcomes import FileHead
from billing.statements.statement import StatementLine

_F, _L = statement_files.c, statement_lines.c


def files_around(connection: Connection, head: FileHead) -> list[FileHead]:
    """The files of the account that have balances, and days that this one has too, or touches."""
    if head.since is None or head.until is None:
        return []
    days = _F.until >= head.since - timedelta(days=1), _F.since <= head.until + timedelta(days=1)
    query = select(statement_files).where(_F.rail == head.rail, *days, _F.opening_minor.is_not(None))
    return [FileHead.model_validate(dict(row)) for row in connection.execute(query).mappings()]


def is_in(connection: Connection, head: FileHead) -> bool:
    """Whether all lines of the file are in."""
    is_done = _F.rail == head.rail, _F.digest == head.digest, _F.done_at.is_not(None)
    return connection.scalar(select(_F.digest).where(*is_done)) is not None


def counted(
    connection: Connection, head: FileHead, lines: Sequence[KeyedLine], beside: set[str]
) -> Sequence[KeyedLine]:
    """The lines, counted on from the parts of the day that are beside the file."""
    if not beside:
        return lines
    is_there = _L.rail == head.rail, _L.file.in_(sorted(beside)), _is_at(lines)
    return counted_on(lines, connection.scalars(select(_L.key).where(*is_there)))


def find_twins(
    connection: Connection, head: FileHead, lines: Sequence[KeyedLine], keys: frozenset[str], beside: set[str]
) -> dict[str, str]:
    """Which lines files read otherwise had before, by key: the pairs most alike first, and each line once.

    A line that this file has by its own key is no other line's twin, nor is one of another part of the day.
    """
    query = select(statement_lines).where(_L.rail == head.rail, _is_at(lines))
    rows = connection.execute(query.order_by(_L.key)).mappings().all() if lines else []
    taken = {row["twin"] for row in rows if row["twin"] and row["reading"] == head.reading}
    others: defaultdict[tuple[date, int], list[RowMapping]] = defaultdict(list)
    for row in rows:
        is_first = row["twin"] is None and row["reading"] != head.reading and row["file"] not in beside
        if is_first and row["key"] not in keys and row["key"] not in taken:
            others[row["booked_on"], row["amount_minor"]].append(row)
    pairs = [(each, row) for each in lines for row in others[_place(each)] if are_one(each.line, _line(row))]
    found: dict[str, str] = {}
    for each, row in sorted(pairs, key=lambda pair: _likeness(pair[0].line, pair[1]), reverse=True):
        if each.key not in found and row["key"] not in taken:
            found[each.key] = row["key"]
            taken.add(row["key"])
    return found


def _place(each: KeyedLine) -> tuple[date, int]:
    return each.line.booked_on, each.line.amount_minor


def _is_at(lines: Sequence[KeyedLine]) -> ColumnElement[bool]:
    return tuple_(_L.booked_on, _L.amount_minor).in_(sorted({_place(each) for each in lines}))


def _line(row: RowMapping) -> StatementLine:
    names = StatementLine.model_fields.keys() & row.keys()
    return StatementLine(**{name: row[name] for name in names})


def _likeness(line: StatementLine, row: RowMapping) -> tuple[bool, bool, bool, int]:
    def is_same(name: str) -> bool:
        return row[name] is not None and row[name] == getattr(line, name)

    words = set(line.text.casefold().split()) & set(row["text"].casefold().split())
    return is_same("bank_reference"), is_same("payer_account"), is_same("number"), len(words)
