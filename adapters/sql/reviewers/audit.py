"""The ledger's audit trail: what people did to months, collections, payments and orders; the brake, and sign-ins."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    text,
    true,
    tuple_,
    union_all,
)

from adapters.sql.core.columns import IS_BY_PERSON, PlainText
from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.schema.journal import incoming_payments, instructions, transactions
from adapters.sql.schema.months import ASKED_AGAIN, decisions, entries, messages
from adapters.sql.schema.orders import order_log
from adapters.sql.schema.registers import IS_REJECTED, register_lines
from adapters.sql.schema.reviewers import brakes, sign_ins, users
from adapters.sql.schema.service_orders import service_order_log
from adapters.sql.schema.tariffs import tariff_log
from billing.mails.mail import MessageStatus
from billing.receivables.instructions import InstructionKind, InstructionState
from billing.receivables.journal import Cause
from billing.reviewers.queries import AuditCursor, AuditFilter, AuditKind, AuditRow

_KEY = ("at", "kind", "customer_id", "period", "number")
_NOBODY = literal("", PlainText)
_DONE = {
    Cause.PAYMENT: "record payment",
    Cause.ALLOCATION: "assign payment",
    Cause.REFUND: "give payment back",
    Cause.CHARGEBACK: "take payment back",
    Cause.SETTLEMENT: "settle",
}
"""What people do with money, by the cause of the transaction."""


class SqlAudit(SqlDatabase):
    """The part of ``SqlLedger`` about the audit trail."""

    @in_thread
    def audit(self, chosen: AuditFilter, after: AuditCursor | None, limit: int) -> list[AuditRow]:
        newest = (_newest(_narrowed(source, chosen, after), limit).subquery() for source in _sources(chosen.sign_ins))
        trail = union_all(*map(select, newest)).subquery("trail")
        with self._reading("read its audit trail") as connection:
            return as_models(AuditRow, connection.execute(_newest(select(trail), limit)).mappings())


def _sources(sign_ins: bool | None) -> tuple[Select[Any], ...]:
    if sign_ins:
        return (_sign_ins(),)
    payments = (_payments(), _instructions(), _confirmations(), _rejected_lines())
    decided = (_decisions(), _collections(), *payments, *_orders(), _tariffs(), _pulls(), _releases(), _mails())
    return decided if sign_ins is False else (*decided, _sign_ins())


def _newest(source: Select[Any], limit: int) -> Select[Any]:
    """The newest ``limit`` entries of a source: the result cannot need more of it."""
    return source.order_by(*(source.selected_columns[name].desc() for name in _KEY)).limit(limit)


def _narrowed(source: Select[Any], chosen: AuditFilter, after: AuditCursor | None) -> Select[Any]:
    """The entries that match the filter; its conditions apply within each source, where the indexes are."""
    c = source.selected_columns
    where: list[ColumnElement[bool]] = []
    if chosen.by:
        where.append(c.by.icontains(chosen.by, autoescape=True))
    if chosen.customer:
        where.append(c.customer_id.icontains(chosen.customer, autoescape=True))
    if chosen.period:
        where.append(c.period == chosen.period)
    if chosen.text:
        texts = (c.command, c.reason, c.result)
        where.append(or_(*(column.icontains(chosen.text, autoescape=True) for column in texts)))
    if after is not None:
        at, *rest = after
        earlier = tuple_(*(c[name] for name in _KEY[1:])) < tuple_(*map(literal, rest))
        where += [c.at <= at, or_(c.at < at, and_(c.at == at, earlier))]
    return source.where(*where)


def _decisions() -> Select[Any]:
    c = decisions.c
    details = (c.by, c.command, c.reason, c.accepted, c.result, c.via)
    return _entry(AuditKind.DECISION, c.at, c.customer_id, c.period, c.number, *details, c.invoice_version)


def _collections() -> Select[Any]:
    """Commands of people to collections; other entries of a diary are no decisions."""
    c = entries.c
    details = (c.by, c.what, func.coalesce(c.reason, _NOBODY), c.accepted, c.text, func.coalesce(c.via, _NOBODY))
    month = func.coalesce(c.month, c.period)
    source = _entry(AuditKind.COLLECTION, c.at, c.customer_id, month, c.number, *details, literal(0))
    return source.where(c.by.is_not(None))


def _payments() -> Select[Any]:
    """What people have done with payments, and balances that they have settled."""
    c = transactions.c
    command = case({cause: literal(words, PlainText) for cause, words in _DONE.items()}, value=c.cause, else_=_NOBODY)
    i = incoming_payments.c
    reference = select(i.reference).where(i.rail == c.rail, i.digest == c.digest).scalar_subquery()
    name = func.coalesce(reference + literal(" (", PlainText) + c.rail + literal(")", PlainText), _NOBODY)
    details = (c.by, command, func.coalesce(c.reason, _NOBODY), true(), name, _NOBODY)
    whose = func.coalesce(c.customer_id, _NOBODY)
    source = _entry(AuditKind.PAYMENT, c.at, whose, _NOBODY, c.number, *details, literal(0))
    return source.where(text(IS_BY_PERSON), c.cause.in_(list(_DONE)))


def _instructions() -> Select[Any]:
    """What was proposed, or asked of a processor; whatever was done at once is among the payments."""
    c = instructions.c
    is_proposed = or_(c.state == InstructionState.PROPOSED, c.decided_at.is_not(None))
    is_asked = and_(c.kind == InstructionKind.REFUND, c.refund_reference == "")
    command = case((is_proposed, literal("propose to ", PlainText) + c.kind), else_=c.kind)
    details = (c.by, command, c.reason, c.state != InstructionState.REFUSED, _result(), c.via)
    whose, period = func.coalesce(c.customer_id, _NOBODY), func.coalesce(c.subject, _NOBODY)
    source = _entry(AuditKind.INSTRUCTION, c.at, whose, period, c.number * 2, *details, literal(0))
    return source.where(or_(is_proposed, is_asked))


def _confirmations() -> Select[Any]:
    c = instructions.c
    is_rejected = c.state == InstructionState.REJECTED
    command = case((is_rejected, literal("reject", PlainText)), else_=literal("confirm", PlainText))
    details = (c.decided_by, command, func.coalesce(c.decided_why, _NOBODY), true(), _result(), _NOBODY)
    whose, period = func.coalesce(c.customer_id, _NOBODY), func.coalesce(c.subject, _NOBODY)
    source = _entry(AuditKind.INSTRUCTION, c.decided_at, whose, period, c.number * 2 + 1, *details, literal(0))
    return source.where(c.decided_at.is_not(None))


def _rejected_lines() -> Select[Any]:
    """Lines of registers that somebody has left as they are; those that were booked are among the payments."""
    c = register_lines.c
    command = literal("reject line of a register", PlainText)
    name = c.reference + literal(" (", PlainText) + c.rail + literal(", register of ", PlainText) + c.day
    details = (c.decided_by, command, c.decided_why, true(), name + literal(")", PlainText), _NOBODY)
    source = _entry(AuditKind.REGISTER, c.decided_at, _NOBODY, c.reference, literal(0), *details, literal(0))
    return source.where(text(IS_REJECTED))


def _result() -> ColumnElement[str]:
    """The payment, and what became of the instruction."""
    c = instructions.c
    return c.reference + literal(" (", PlainText) + c.rail + literal(") ", PlainText) + c.result


def _orders_of(log: Table) -> Select[Any]:
    """Who has opened orders, and changed them; what the application has done with them is no decision."""
    c = log.c
    command = literal("order ", PlainText) + c.number + literal(" ", PlainText) + c.what
    details = (c.by, command, func.coalesce(c.reason, _NOBODY), true(), c.text, func.coalesce(c.via, _NOBODY))
    source = _entry(AuditKind.ORDER, c.at, c.customer_id, c.number, c.entry, *details, literal(0))
    return source.where(text(IS_BY_PERSON))


def _orders() -> tuple[Select[Any], ...]:
    return _orders_of(order_log), _orders_of(service_order_log)


def _tariffs() -> Select[Any]:
    c = tariff_log.c
    details = (c.by, literal("change tariff", PlainText), c.reason, true(), c.text, _NOBODY)
    whose, code = func.coalesce(c.customer_id, _NOBODY), func.coalesce(c.code, _NOBODY)
    return _entry(AuditKind.TARIFF, c.at, whose, code, c.entry, *details, literal(0))


def _pulls() -> Select[Any]:
    c = brakes.c
    details = (c.pulled_by, literal("pull the brake", PlainText), c.pulled_why, true(), _NOBODY, c.pulled_via)
    return _entry(AuditKind.BRAKE, c.pulled_at, _NOBODY, _NOBODY, c.number * 2, *details, literal(0))


def _releases() -> Select[Any]:
    c = brakes.c
    details = (c.released_by, literal("release the brake", PlainText), c.released_why, true(), _NOBODY, c.released_via)
    source = _entry(AuditKind.BRAKE, c.released_at, _NOBODY, _NOBODY, c.number * 2 + 1, *details, literal(0))
    return source.where(c.released_at.is_not(None))


def _sign_ins() -> Select[Any]:
    """Sign-ins of known users only: an unknown name may be a password, typed into the wrong field."""
    c = sign_ins.c
    details = (c.username, literal("sign in", PlainText), _NOBODY, c.accepted, c.address, literal("console", PlainText))
    source = _entry(AuditKind.SIGN_IN, c.at, _NOBODY, _NOBODY, c.number, *details, literal(0))
    return source.where(c.username.in_(select(users.c.username)))


def _mails() -> Select[Any]:
    """Mails that people had sent again."""
    c = messages.c
    command = literal("send again: ", PlainText) + c.kind
    details = (c.asked_by, command, func.coalesce(c.asked_why, _NOBODY), c.status != MessageStatus.FAILED, c.status)
    whose = (c.customer_id, func.coalesce(c.period, _NOBODY), c.number)
    source = _entry(AuditKind.MAIL, c.at, *whose, *details, literal("console", PlainText), literal(0))
    return source.where(text(ASKED_AGAIN))


def _entry(kind: AuditKind, *columns: ColumnElement[Any]) -> Select[Any]:
    """A query whose columns are named like the fields of ``AuditRow``."""
    at, *rest = columns
    values = (at, literal(str(kind), PlainText), *rest)
    return select(*(value.label(name) for name, value in zip(AuditRow.model_fields, values, strict=True)))
