"""The ledger's audit trail: what people decided about months and collections, pulled the brake for, signed in to."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, true, tuple_, union_all

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.schema import PlainText, brakes, decisions, entries, sign_ins, users
from billing.reviewers.queries import AuditCursor, AuditFilter, AuditKind, AuditRow

_KEY = ("at", "kind", "customer_id", "period", "number")
_NOBODY = literal("", PlainText)


class SqlAudit(SqlDatabase):
    """The part of ``SqlLedger`` that tells who did what."""

    @in_thread
    def audit(self, wanted: AuditFilter, after: AuditCursor | None, limit: int) -> list[AuditRow]:
        """Newest first, those after the cursor."""
        sources = (_decisions(), _collections(), _pulls(), _releases(), _sign_ins())
        found = [_newest(_narrowed(source, wanted, after), limit).subquery() for source in sources]
        trail = union_all(*(select(each) for each in found)).subquery("trail")
        newest = _newest(select(trail), limit)
        with self._reading("read its audit trail") as connection:
            rows = connection.execute(newest).mappings()
            return [AuditRow.model_validate(dict(row)) for row in rows]


def _newest(source: Select[Any], limit: int) -> Select[Any]:
    """The newest ``limit`` entries of it: no more of any source can be among those of all."""
    return source.order_by(*(source.selected_columns[name].desc() for name in _KEY)).limit(limit)


def _narrowed(source: Select[Any], wanted: AuditFilter, after: AuditCursor | None) -> Select[Any]:
    """The entries of ``source`` that are wanted; conditions go inside, where the indexes are."""
    c = source.selected_columns
    where: list[ColumnElement[bool]] = []
    if wanted.by:
        where.append(c.by.icontains(wanted.by, autoescape=True))
    if wanted.customer:
        where.append(c.customer_id.icontains(wanted.customer, autoescape=True))
    if wanted.period:
        where.append(c.period == wanted.period)
    if wanted.text:
        texts = (c.command, c.reason, c.result)
        where.append(or_(*(each.icontains(wanted.text, autoescape=True) for each in texts)))
    if after is not None:
        at, *rest = after
        earlier = tuple_(*(c[name] for name in _KEY[1:])) < tuple_(*(literal(each) for each in rest))
        where += [c.at <= at, or_(c.at < at, and_(c.at == at, earlier))]
    return source.where(*where)


def _decisions() -> Select[Any]:
    c = decisions.c
    said = (c.by, c.command, c.reason, c.accepted, c.result, c.via)
    return _entry(AuditKind.DECISION, c.at, c.customer_id, c.period, c.number, *said, c.invoice_version)


def _collections() -> Select[Any]:
    """What people said to collections; the rest of a diary is no decision."""
    c = entries.c
    said = (c.by, c.what, func.coalesce(c.reason, _NOBODY), c.accepted, c.text, func.coalesce(c.via, _NOBODY))
    source = _entry(AuditKind.COLLECTION, c.at, c.customer_id, c.period, c.number, *said, literal(0))
    return source.where(c.by.is_not(None))


def _pulls() -> Select[Any]:
    c = brakes.c
    said = (c.pulled_by, literal("pull the brake", PlainText), c.pulled_why, true(), _NOBODY, c.pulled_via)
    return _entry(AuditKind.BRAKE, c.pulled_at, _NOBODY, _NOBODY, c.number * 2, *said, literal(0))


def _releases() -> Select[Any]:
    c = brakes.c
    said = (c.released_by, literal("release the brake", PlainText), c.released_why, true(), _NOBODY, c.released_via)
    source = _entry(AuditKind.BRAKE, c.released_at, _NOBODY, _NOBODY, c.number * 2 + 1, *said, literal(0))
    return source.where(c.released_at.is_not(None))


def _sign_ins() -> Select[Any]:
    """Of known users only: what else people type as a name may be a password."""
    c = sign_ins.c
    said = (c.username, literal("sign in", PlainText), _NOBODY, c.accepted, c.address, literal("console", PlainText))
    source = _entry(AuditKind.SIGN_IN, c.at, _NOBODY, _NOBODY, c.number, *said, literal(0))
    return source.where(c.username.in_(select(users.c.username)))


def _entry(kind: AuditKind, *columns: ColumnElement[Any]) -> Select[Any]:
    """A select of columns that are named like the fields of ``AuditRow``."""
    at, *rest = columns
    values = (at, literal(str(kind), PlainText), *rest)
    return select(*(value.label(name) for name, value in zip(AuditRow.model_fields, values, strict=True)))
