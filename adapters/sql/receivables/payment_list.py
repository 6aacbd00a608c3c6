"""The list of incoming payments, page by page, by indexes: unmatched ones first, then the newest."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select, text, tuple_

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.receivables.incoming import known_payment, payment_values
from adapters.sql.schema.journal import (
    IS_MATCHED,
    IS_UNMATCHED,
    incoming_payments,
    instructions,
    journal_entries,
    transactions,
)
from billing.money import with_digits
from billing.receivables.incoming import PaymentRecord, PaymentRow
from billing.receivables.instructions import InstructionKind
from billing.receivables.journal import PaymentName, Subject
from billing.receivables.payment_list import COUNTED_MOST, PAGE_ROWS, PaymentFilter, PaymentPage

_I, _T, _N, _E = incoming_payments.c, transactions.c, instructions.c, journal_entries.c
_MANY = 500  # payments in one query
_FEW = 5000  # matches of a search that are sorted here
_ORDER = (_I.booked_at.desc(), _I.rail.desc(), _I.digest.desc())  # as the indexes, backwards
_COUNT = select(func.count()).select_from(incoming_payments)


class SqlPaymentList(SqlDatabase):
    """The part of ``SqlLedger`` that lists incoming payments."""

    @in_thread
    def incoming_payments(self, wanted: PaymentFilter, limit: int = PAGE_ROWS, offset: int = 0) -> PaymentPage:
        where = _conditions(wanted)
        with self._looking("list the incoming payments") as connection:
            if wanted.search and (page := _found(connection, where, limit, offset)):
                return page
            unmatched = connection.scalar(_COUNT.where(text(IS_UNMATCHED), *where)) or 0
            others = 0 if wanted.unmatched else connection.scalar(_counted(where)) or 0
            rows = _rows(connection, IS_UNMATCHED, where, limit, offset) if offset < unmatched else []
            if others and len(rows) < limit:
                rows += _rows(connection, IS_MATCHED, where, limit - len(rows), max(0, offset - unmatched))
        count, seen = unmatched + min(others, COUNTED_MOST), offset + len(rows) if rows else 0
        has_more = others > COUNTED_MOST and not 0 < len(rows) < limit  # else this is the last page
        return PaymentPage(rows=tuple(rows), count=max(count, seen), unmatched=unmatched, has_more=has_more)

    @in_thread
    def payments_for(self, customer_id: str, subject: Subject) -> list[PaymentRecord]:
        """The payments of which anything has come for the subject, oldest first; not what went back of them."""
        is_for = _E.customer_id == customer_id, _E.subject_kind == subject.kind, _E.subject == subject.name
        moved = select(_T.rail, _T.digest).join(journal_entries, _E.number == _T.number).where(*is_for)
        named = tuple_(_I.rail, _I.digest).in_(moved.where(_T.rail.is_not(None))), _I.original.is_(None)
        query = select(_I.rail, _I.digest).where(*named).order_by(_I.booked_at, _I.rail, _I.digest)
        with self._looking(f"list the payments for {subject}") as connection:
            names = [PaymentName(*row) for row in connection.execute(query)]
            return [known_payment(connection, name) for name in names]


def _counted(where: list[ColumnElement[bool]]) -> Select[Any]:
    """How many matched payments there are; one more than ``COUNTED_MOST``: there are more."""
    some = select(_I.rail).where(text(IS_MATCHED), *where).limit(COUNTED_MOST + 1).subquery()
    return select(func.count()).select_from(some)


def _rows(
    connection: Connection, part: str, where: list[ColumnElement[bool]], limit: int, offset: int
) -> list[PaymentRow]:
    query = select(incoming_payments).where(text(part), *where).order_by(*_ORDER).limit(limit).offset(offset)
    return _as_rows(connection, connection.execute(query).mappings().all())


def _found(connection: Connection, where: list[ColumnElement[bool]], limit: int, offset: int) -> PaymentPage | None:
    """The page, if few payments match: no index helps a search, so it looks at all of them once. None: many match."""
    keys = select(_I.rail, _I.digest, _I.booked_at, _I.unmatched_minor).where(*where).limit(_FEW + 1)
    found = list(connection.execute(keys))
    if len(found) > _FEW:
        return None
    found.sort(key=lambda row: (row.unmatched_minor != 0, row.booked_at, row.rail, row.digest), reverse=True)
    names = [(row.rail, row.digest) for row in found[offset : offset + limit]]
    query = select(incoming_payments).where(tuple_(_I.rail, _I.digest).in_(names))
    rows = _as_rows(connection, connection.execute(query).mappings().all())
    rows.sort(key=lambda row: names.index((row.rail, row.digest)))
    unmatched = sum(row.unmatched_minor != 0 for row in found)
    return PaymentPage(rows=tuple(rows), count=len(found), unmatched=unmatched)


def _as_rows(connection: Connection, rows: Sequence[RowMapping]) -> list[PaymentRow]:
    assigned = _assigned(connection, [PaymentName(row["rail"], row["digest"]) for row in rows if _is_assigned(row)])
    return [
        PaymentRow(
            **payment_values(row),
            digest=row["digest"],
            booked_at=row["booked_at"],
            unmatched_minor=row["unmatched_minor"],
            assigned_to=tuple(sorted(assigned[row["rail"], row["digest"]])),
        )
        for row in rows
    ]


def _is_assigned(row: RowMapping) -> bool:
    return row["customer_id"] is None and row["unmatched_minor"] != row["amount_minor"]


def _assigned(connection: Connection, names: list[PaymentName]) -> defaultdict[tuple[str, str], set[str]]:
    """The customers to whom people have assigned these payments."""
    owners: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for start in range(0, len(names), _MANY):
        part = names[start : start + _MANY]
        query = select(_T.rail, _T.digest, _T.customer_id).where(tuple_(_T.rail, _T.digest).in_(part))
        for rail, digest, customer_id in connection.execute(query.where(_T.customer_id.is_not(None))):
            owners[rail, digest].add(customer_id)
    return owners


def _conditions(wanted: PaymentFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.unmatched:
        where.append(_I.unmatched_minor != 0)
    if wanted.rail:
        where.append(_I.rail == wanted.rail)
    if wanted.customer_id:
        moved = select(_T.rail, _T.digest).where(_T.customer_id == wanted.customer_id, _T.rail.is_not(None))
        where.append(tuple_(_I.rail, _I.digest).in_(moved))  # also what was assigned to them later
    if wanted.search:
        texts = (_I.reference, _I.payer, _I.customer_id)
        contained = (column.icontains(wanted.search, autoescape=True) for column in texts)
        where.append(or_(*contained, *_amounts(wanted), tuple_(_I.rail, _I.digest).in_(_assigned_to(wanted.search))))
    return where


def _assigned_to(search: str) -> Select[Any]:
    """The payments that people have assigned to a customer whose id contains the text."""
    is_found = _N.customer_id.icontains(search, autoescape=True)
    return select(_N.rail, _N.digest).where(_N.kind == InstructionKind.ASSIGN, is_found)


def _amounts(wanted: PaymentFilter) -> list[ColumnElement[bool]]:
    """Payments and refunds of the amount that is searched for, in every currency."""
    return [
        and_(_I.amount_minor.in_((minor, -minor)), _I.currency.in_(sorted(with_digits(digits))))
        for digits, minor in wanted.amounts_minor.items()
    ]
