"""What the ledger had of a file's lines before: by other parts of the day, and by files that were read otherwise."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, select, text, tuple_

from adapters.sql.schema.statements import LINE_OF_ENTRY, LINE_WITH_TWIN, statement_files, statement_lines
from billing.statements.chain import parts_beside, parts_within, same_as
from billing.statements.keys import KeyedLine, counted_on
from billing.statements.likeness import (
    CUT_AT,
    DAYS_APART,
    REFERENCE_MIN,
    Face,
    are_one,
    faces,
    is_told_again,
    likeness,
)
from billing.statements.outcomes import FileHead, LineOutcome
from billing.statements.statement import Entry, StatementLine

_F, _L = statement_files.c, statement_lines.c
_DAYS = range(-DAYS_APART.days, DAYS_APART.days + 1)


class Around(NamedTuple):
    """A file among those of the same days: digests of other parts of the day, and of files whose lines it has too.

    ``same``: a file that had all its lines.
    """

    head: FileHead
    beside: set[str]
    within: set[str]
    same: FileHead | None


def around(connection: Connection, head: FileHead) -> Around:
    files = _files_around(connection, head)
    return Around(head, parts_beside(head, files), parts_within(head, files), same_as(head, files))


def _files_around(connection: Connection, head: FileHead) -> list[FileHead]:
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


def counted(connection: Connection, around: Around, lines: Sequence[KeyedLine]) -> Sequence[KeyedLine]:
    """The lines, counted on from the parts of the day that are beside the file."""
    if not around.beside:
        return lines
    places = {(each.line.booked_on, each.line.amount_minor) for each in lines}
    is_there = _L.rail == around.head.rail, _L.file.in_(sorted(around.beside)), _is_at(places)
    return counted_on(lines, connection.scalars(select(_L.key).where(*is_there)))


class Before(NamedTuple):
    """``twins``: the line of another file that each line is, by keys. ``unclear``: lines that may be one."""

    twins: Mapping[str, str]
    unclear: frozenset[str]

    def has(self, key: str) -> bool:
        return key in self.twins or key in self.unclear


def before(connection: Connection, around: Around, lines: Sequence[KeyedLine], keys: frozenset[str]) -> Before:
    """What files that were read otherwise had of the lines: the pairs most alike first, and each line once.

    The lines are as they are kept. A line that this file has by its own key is no other line's twin, nor is one of
    another part of the day. Of files that were read alike, only those whose lines this one has too have twins: a bank
    has changed its words.
    """
    rows = _rows(connection, around.head, lines)
    rows = [row for row in rows if row["file"] not in around.beside and row["key"] not in keys]
    first = [row for row in rows if row["twin"] is None]
    others = [row for row in first if row["reading"] != around.head.reading or row["file"] in around.within]
    twins = _paired(around.head, lines, others, _uses(connection, around, others, keys))
    alike = [faces(line_of_row(row))[0] for row in rows if row["reading"] == around.head.reading]
    fresh = [each for each in lines if each.key not in twins]
    unclear = frozenset(each.key for each in fresh if around.same or _is_told_again(each, alike))
    return Before(twins, unclear)


def _is_told_again(each: KeyedLine, others: Iterable[Face]) -> bool:
    own = faces(each.line)[0]
    return any(is_told_again(own, other) for other in others)


def _paired(
    head: FileHead, lines: Sequence[KeyedLine], rows: Sequence[RowMapping], used: dict[str, set[str]]
) -> dict[str, str]:
    """``used``: by which lines, or entries, of this reading the rows are taken."""
    places: defaultdict[int, list[tuple[Face, RowMapping]]] = defaultdict(list)
    own_entries = {entry_key(head, each.line) for each in lines}
    for row in (row for row in rows if used.get(row["key"], set()) <= own_entries):
        for face in faces(line_of_row(row)):
            places[face.amount_minor].append((face, row))
    pairs = [
        (likeness(own, other), each, own, other, row)
        for each in lines
        for own in faces(each.line)
        for other, row in places[own.amount_minor]
        if are_one(own, other)
    ]
    found: dict[str, str] = {}
    for _, each, own, other, row in sorted(pairs, key=lambda pair: pair[0], reverse=True):
        user = entry_key(head, each.line) if own.is_sum else each.key
        whole = _whole(row, rows) if other.is_sum else [row["key"]]
        if each.key not in found and all(used.get(key, set()) <= {user} for key in whole):
            found[each.key] = row["key"]
            for key in whole:
                used.setdefault(key, set()).add(user or each.key)
    return found


def _uses(
    connection: Connection, around: Around, rows: Sequence[RowMapping], keys: frozenset[str]
) -> dict[str, set[str]]:
    """Which lines, or entries, of this reading have the rows as their twins: of another file, this one's are not."""
    by_key = {row["key"]: row for row in rows}
    query = select(statement_lines).where(_L.rail == around.head.rail, text(LINE_WITH_TWIN), _L.twin.in_(list(by_key)))
    found: dict[str, set[str]] = {}
    for user in connection.execute(query.where(_L.reading == around.head.reading)).mappings() if rows else ():
        if user["file"] in around.within and user["key"] not in keys:
            continue
        row = by_key[user["twin"]]
        minor, own = user["amount_minor"], row["amount_minor"]
        if minor != own and minor == row["entry_minor"]:
            name, whole = user["key"], _whole(row, rows)
        else:
            name, whole = user["key"] if minor == own else user["entry_key"], [row["key"]]
        for key in whole:
            found.setdefault(key, set()).add(name)
    return found


def _whole(row: RowMapping, rows: Sequence[RowMapping]) -> list[str]:
    """The lines of a sum."""
    return [part["key"] for part in rows if part["entry_key"] == row["entry_key"]]


def _rows(connection: Connection, head: FileHead, lines: Sequence[KeyedLine]) -> Sequence[RowMapping]:
    """The lines of before that may be these: by day and amount, as parts of such a sum, or by a reference nearby."""
    if not lines:
        return []
    own = [face for each in lines for face in faces(each.line)]
    places = {(face.day, face.amount_minor) for face in own}
    named = [face for face in own if len(face.reference or "") >= REFERENCE_MIN]
    nearby = {(face.day + timedelta(days=days), face.amount_minor) for face in named for days in _DAYS}
    starts = {(face.reference or "")[:CUT_AT] for face in named}
    of_entry = and_(text(LINE_OF_ENTRY), tuple_(_L.booked_on, _L.entry_minor).in_(sorted(places)))
    conditions = [_is_at(places), of_entry]
    if named:
        conditions.append(and_(_is_at(nearby), func.substr(_L.bank_reference, 1, CUT_AT).in_(sorted(starts))))
    is_before = _L.rail == head.rail, _L.file != head.digest, _L.outcome != LineOutcome.UNCLEAR
    found: dict[str, RowMapping] = {}
    for condition in conditions:
        rows = connection.execute(select(statement_lines).where(*is_before, condition)).mappings()
        found |= {row["key"]: row for row in rows}
    return [found[key] for key in sorted(found)]


def _is_at(places: Iterable[tuple[date, int]]) -> ColumnElement[bool]:
    return tuple_(_L.booked_on, _L.amount_minor).in_(sorted(places))


def entry_key(head: FileHead, line: StatementLine) -> str | None:
    return f"{head.digest}-{line.entry.number}" if line.entry else None


def line_of_row(row: RowMapping) -> StatementLine:
    names = StatementLine.model_fields.keys() & row.keys()
    whole = row["entry_minor"]
    entry = None if whole is None else Entry(number=0, amount_minor=whole, reference=row["entry_reference"])
    return StatementLine(**{name: row[name] for name in names}, entry=entry)
